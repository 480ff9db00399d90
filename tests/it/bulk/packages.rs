//! Packages that are split, and their names.

use std::time::Duration;

use koodrive_share::BulkPolicy;
use koodrive_share_emulator::{Answer, EmulatedTask, Fault};
use serde_json::Value;

use crate::support::{
    bulk::{ids, ledger},
    bulk_run::{complete, drain, one_by_one},
    fixtures::{client, dump_template, package_template, strict_emulator},
};

#[tokio::test]
async fn package_is_split_only_with_consent() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = client(&emulator);
    let mut bulk = client.create_bulk(package_template(), ids(1_001)).unwrap();
    let (items, error) = drain(&mut bulk).await;
    let error = error.unwrap();
    let broken = error.validation_error().unwrap();
    assert_eq!(broken.violations()[0].rule, "split-consent");
    assert_eq!((items.len(), emulator.request_count()), (0, 0));

    let bulk = client.create_bulk(package_template(), ids(1_000)).unwrap();
    let items = complete(bulk).await;
    assert_eq!(items[0].zip_name.as_deref(), Some("photos.zip"));

    let policy = BulkPolicy::default().split_packages(true);
    let bulk = client.create_bulk_with(package_template(), ids(2_001), policy);
    let items = complete(bulk.unwrap()).await;
    let tasks = emulator.tasks();
    for (item, name) in items.iter().zip(["photos-0001.zip", "photos-0002.zip", "photos-0003.zip"]) {
        assert_eq!(item.zip_name.as_deref(), Some(name));
        let id = item.result.as_ref().unwrap().task_id();
        let task = tasks.iter().find(|task| task.task_id() == id).unwrap();
        assert_eq!(task.body().unwrap()["zipName"], name);
    }
    assert_eq!(items.len(), 3);
}

#[tokio::test]
async fn resumed_run_numbers_its_packages_as_the_first_one_did() {
    let emulator = strict_emulator().start().await.unwrap();
    let full = Answer::service(400, "13000311", "not enough space");
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    emulator.fail_next(Fault::Reply(full));
    let path = ledger("numbers");
    let policy = one_by_one().ledger(&path).split_packages(true);
    for _ in 0..2 {
        let bulk = client(&emulator).create_bulk_with(package_template(), ids(2_500), policy.clone());
        let items = complete(bulk.unwrap()).await;
        let names: Vec<Option<&str>> = items.iter().map(|item| item.zip_name.as_deref()).collect();
        let expected = ["photos-0001.zip", "photos-0002.zip", "photos-0003.zip"];
        assert_eq!(names, expected.map(Some));
    }
    let tasks = emulator.tasks();
    let body = |task: &EmulatedTask| task.body().unwrap()["zipName"].clone();
    let names: Vec<Value> = tasks.iter().map(body).collect();
    assert_eq!(names, ["photos-0001.zip", "photos-0003.zip", "photos-0002.zip"]);
}

#[tokio::test]
async fn a_run_is_collected_into_its_report() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = client(&emulator);
    let report = client.create_bulk(dump_template(), ids(1_001)).unwrap().collect().await.unwrap();
    assert_eq!((report.created, report.attempted.clone()), (2, 0..1_001));
}

#[tokio::test]
async fn a_collected_run_that_ends_early_names_what_failed() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::CloseAfterProcessing);
    let bulk = client(&emulator).create_bulk_with(dump_template(), ids(2_001), one_by_one()).unwrap();
    let error = bulk.collect().await.unwrap_err();
    assert!(error.is_unknown(), "{error:?}");
    let trace_id = emulator.tasks()[0].trace_id().unwrap().to_owned();
    assert!(format!("{error:?}").contains(&trace_id), "{error:?}");
}
