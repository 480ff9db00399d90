//! Ledgers of another run: of other ids, or of another task.

use std::fs;

use koodrive_share::{ShareTask, TargetDirectory};

use crate::support::{
    bulk::{ids, ledger},
    bulk_run::{complete, drain, forget, one_by_one},
    fixtures::{DIRECTORY, SHARE, SPACE, builder, client, dump_template, package_template, strict_emulator},
};

#[tokio::test]
async fn other_ids_are_refused_before_any_of_them_is_sent() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("other_ids");
    let policy = one_by_one().ledger(&path);
    let client = client(&emulator);
    let bulk = client.create_bulk_with(dump_template(), ids(2_500), policy.clone());
    complete(bulk.unwrap()).await;
    let mut changed = ids(2_500);
    changed[1_700] = "another".to_owned();
    let mut swapped = ids(2_500);
    swapped.swap(0, 1);
    let cases = [
        ("file ids 1000..2000 are not those", changed, 1_000),
        ("file ids 0..1000 are not those", swapped, 0),
        ("file ids 2000..2499 are not those", ids(2_499), 2_000),
        ("file ids 2000..3000 are not those", ids(3_000), 2_000),
        ("there are fewer file ids than", ids(2_000), 2_000),
    ];
    for (said, other, attempted) in cases {
        let mut bulk = client.create_bulk_with(dump_template(), other, policy.clone()).unwrap();
        let (_, error) = drain(&mut bulk).await;
        let error = error.unwrap();
        assert!(error.is_other_run() && !error.is_ledger());
        assert_eq!(error.attempted(), 0..attempted);
        assert!(error.to_string().starts_with(said), "{error}");
        let advice = "; name another ledger, or use the settings and file ids of that run: ";
        assert!(error.to_string().contains(advice), "{error}");
    }
    assert_eq!(emulator.request_count(), 3);
}

#[tokio::test]
async fn number_of_ids_is_compared_with_that_of_the_first_run() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("further_ids");
    let policy = one_by_one().ledger(&path);
    let client = client(&emulator);
    let bulk = client.create_bulk_with(dump_template(), ids(1_000), policy.clone());
    complete(bulk.unwrap()).await;
    let mut bulk = client.create_bulk_with(dump_template(), ids(1_001), policy.clone()).unwrap();
    let (_, error) = drain(&mut bulk).await;
    let error = error.unwrap().to_string();
    assert!(error.starts_with("there are more file ids than"), "{error}");
    // Without the `end` line of the first run, further ids continue that run.
    forget(&path, 1);
    let bulk = client.create_bulk_with(dump_template(), ids(2_000), policy.clone());
    assert_eq!(complete(bulk.unwrap()).await.len(), 2);
    let text = fs::read_to_string(&path).unwrap();
    // The ledger has the last chunk and no `end` line, or an `end` line and not the last chunk.
    let without_last_chunk = text.split_inclusive('\n').filter(|line| !line.contains("\"chunk\":1,")).collect();
    forget(&path, 1);
    for text in [fs::read_to_string(&path).unwrap(), without_last_chunk] {
        fs::write(&path, text).unwrap();
        let mut bulk = client.create_bulk_with(dump_template(), ids(1_000), policy.clone()).unwrap();
        let (_, error) = drain(&mut bulk).await;
        let error = error.unwrap().to_string();
        assert!(error.starts_with("there are fewer file ids than"), "{error}");
    }
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn ledger_of_another_task_is_refused_and_says_what_differs() {
    let emulator = strict_emulator().start().await.unwrap();
    let other_emulator = strict_emulator().start().await.unwrap();
    let path = ledger("other_task");
    let policy = one_by_one().ledger(&path);
    let split = policy.clone().split_packages(true);
    let client = client(&emulator);
    let bulk = client.create_bulk_with(dump_template(), ids(10), policy.clone());
    complete(bulk.unwrap()).await;
    let target = ShareTask::dump(TargetDirectory::new("dir", SPACE)).share_id(SHARE).container_id(SPACE);
    let other_user = builder(&emulator).user_id("another").build().unwrap();
    let elsewhere = builder(&other_emulator).build().unwrap();
    let other_share = format!("shareId is \"{SHARE}\" there and \"other\" here");
    let with_url = |url: &str| format!("shareId is \"{SHARE}\" there and \"{url}\" here");
    let masked = format!("shareId is \"{SHARE}\" there and *** here");
    let (there, here) = (emulator.endpoint(), other_emulator.endpoint());
    let endpoints = format!("endpoint is \"{there}\" there and \"{here}\" here");
    let other_type = format!(
        "targetFileId is {{\"containerId\":\"{SPACE}\",\"fileId\":\"{DIRECTORY}\"}} there and none here, \
         taskType is 2 there and 1 here, zipName is none there"
    );
    let cases = [
        (other_share.as_str(), &client, dump_template().share_id("other"), &policy),
        (&with_url("https://a.example/s"), &client, dump_template().share_id("https://a.example/s"), &policy),
        (&masked, &client, dump_template().share_id("https://a.example/s?key=k"), &policy),
        ("containerId is ", &client, dump_template().container_id("other"), &policy),
        ("targetFileId is ", &client, target, &policy),
        (&other_type, &client, package_template(), &policy),
        ("userId is ", &other_user, dump_template(), &policy),
        (&endpoints, &elsewhere, dump_template(), &policy),
        ("split is false there and true here", &client, dump_template(), &split),
    ];
    for (said, client, task, policy) in cases {
        let bulk = client.create_bulk_with(task, ids(10), policy.clone());
        let (items, error) = drain(&mut bulk.unwrap()).await;
        let error = error.unwrap();
        assert!(items.is_empty() && error.is_other_run());
        let said = format!("the ledger is of another run: {said}");
        assert!(error.to_string().starts_with(&said), "{error}");
        let advice = "; name another ledger, or use the settings and file ids of that run: ";
        assert!(error.to_string().contains(advice), "{error}");
    }
    assert_eq!((emulator.request_count(), other_emulator.request_count()), (1, 0));
}
