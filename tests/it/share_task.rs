//! The rules of a task, broken one at a time and all together.

use koodrive_share::{ShareTask, TargetDirectory, TaskType, TraceId};
use serde_json::json;

use crate::support::fixtures::{DIRECTORY, FILE, KDSTOKEN, SHARE, SPACE, broken, dump, package};

fn violations_of(task: koodrive_share::ShareTaskBuilder) -> Vec<String> {
    broken(&task.build().unwrap_err())
}

#[test]
fn file_ids_are_1_to_1000() {
    let ids = |count: usize| (0..count).map(|n| format!("file-{n}"));
    for count in [1, 2, 999, 1_000] {
        assert_eq!(package().file_ids(ids(count)).build().unwrap().file_ids().len(), count);
    }
    let split = "split them over several tasks";
    for (count, advice) in [(0, "name the files"), (1_001, split), (100_000, split)] {
        let error = package().file_ids(ids(count)).build().unwrap_err();
        assert_eq!(broken(&error), ["$.fileIds file-ids-count"]);
        assert_eq!(
            (error.violations()[0].actual.as_str(), error.violations()[0].advice),
            (&*count.to_string(), advice)
        );
    }
}

#[test]
fn no_file_id_is_empty() {
    let task = package().file_ids(["a", "", "b", ""]);
    assert_eq!(violations_of(task), ["$.fileIds[1] not-empty", "$.fileIds[3] not-empty"]);
}

#[test]
fn share_and_container_ids_are_not_empty() {
    assert_eq!(violations_of(package().share_id("")), ["$.shareId not-empty"]);
    assert_eq!(violations_of(package().container_id("")), ["$.containerId not-empty"]);
}

#[test]
fn a_package_download_has_a_zip_name() {
    let task = ShareTask::package_download("").share_id(SHARE).container_id(SPACE).file_ids([FILE]);
    assert_eq!(violations_of(task), ["$.zipName zip-name-required"]);
    let body = json!({"taskType": 1, "containerId": SPACE, "fileIds": [FILE], "shareId": SHARE});
    let error = serde_json::from_value::<ShareTask>(body).unwrap_err();
    assert!(error.to_string().contains("zip-name-required"), "{error}");
}

#[test]
fn a_dump_has_a_target() {
    let body = json!({"taskType": 2, "containerId": SPACE, "fileIds": [FILE], "shareId": SHARE});
    let error = serde_json::from_value::<ShareTask>(body).unwrap_err();
    assert!(error.to_string().contains("target-required"), "{error}");
}

#[test]
fn directory_ids_are_not_empty() {
    let task = ShareTask::dump(TargetDirectory::new("", ""));
    let task = task.share_id(SHARE).container_id(SPACE).file_ids([FILE]);
    let expected = ["$.targetFileId.fileId not-empty", "$.targetFileId.containerId not-empty"];
    assert_eq!(violations_of(task), expected);
}

#[test]
fn a_kdstoken_that_is_given_is_not_empty() {
    assert_eq!(violations_of(package().kdstoken("")), ["$.kdstoken not-empty"]);
}

#[test]
fn a_task_type_is_1_or_2() {
    let body = json!({"taskType": 3, "containerId": SPACE, "fileIds": [FILE], "shareId": SHARE});
    let error = serde_json::from_value::<ShareTask>(body).unwrap_err();
    assert!(error.to_string().contains("$.taskType"), "{error}");
}

#[test]
fn all_broken_rules_are_reported_together() {
    let task = ShareTask::package_download("").file_ids([""]).kdstoken("");
    let error = task.build().unwrap_err();
    let expected = [
        "$.containerId not-empty",
        "$.shareId not-empty",
        "$.kdstoken not-empty",
        "$.zipName zip-name-required",
        "$.fileIds[0] not-empty",
    ];
    assert_eq!(broken(&error), expected);
    let text = error.to_string();
    assert!(text.starts_with("5 rules are broken: "), "{text}");
    for violation in error.violations() {
        assert!(text.contains(&violation.path) && text.contains(violation.advice), "{text}");
    }
}

#[test]
fn a_message_lists_ten_broken_rules_and_counts_the_rest() {
    let error = package().file_ids([""; 900]).build().unwrap_err();
    assert_eq!(error.violations().len(), 900);
    let text = error.to_string();
    assert!(text.contains("$.fileIds[9]") && !text.contains("$.fileIds[10]"), "{text}");
    assert!(text.ends_with(" | and 890 more"), "{text}");
}

#[test]
fn no_message_shows_a_kdstoken_of_another_type() {
    let body = json!({"taskType": 1, "kdstoken": 987_654_321});
    let error = serde_json::from_value::<ShareTask>(body).unwrap_err().to_string();
    assert!(error.contains("kdstoken") && !error.contains("987654321"), "{error}");
}

#[test]
fn a_trace_id_is_exactly_58_letters_digits_or_underscores() {
    let good = "a_Z9".repeat(15)[..58].to_owned();
    assert_eq!(good.parse::<TraceId>().unwrap().as_str(), good);
    let bad = ["", &good[1..], &format!("{good}a"), &good.replace('_', "-"), &"é".repeat(29)];
    for text in bad {
        let error = text.parse::<TraceId>().unwrap_err();
        assert_eq!(broken(&error), ["X-Traceid trace-id"], "{text}");
    }
}

#[test]
fn random_trace_ids_are_valid_and_differ() {
    let ids: Vec<TraceId> = (0..100).map(|_| TraceId::random()).collect();
    for id in &ids {
        assert_eq!(id.as_str().parse::<TraceId>().as_ref(), Ok(id));
    }
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
}

#[test]
fn the_trace_id_is_known_before_sending() {
    let given = TraceId::random();
    assert_eq!(dump().trace_id(given.clone()).build().unwrap().trace_id(), &given);
    assert_ne!(dump().build().unwrap().trace_id(), dump().build().unwrap().trace_id());
}

#[test]
fn a_task_is_read_from_a_request_body_and_checked_alike() {
    let body = json!({
        "taskType": 1, "containerId": SPACE, "fileIds": [FILE], "shareId": SHARE, "zipName": "a.zip",
    });
    let task: ShareTask = serde_json::from_value(body).unwrap();
    assert_eq!(task.task_type(), TaskType::PackageDownload);
    assert_eq!((task.zip_name(), task.target().is_none()), (Some("a.zip"), true));
    let dump = dump().build().unwrap();
    let target = dump.target().unwrap();
    assert_eq!((dump.container_id(), target.file_id(), target.container_id()), (SPACE, DIRECTORY, SPACE));
}

#[test]
fn no_debug_shows_the_kdstoken() {
    let shown = format!("{:?} {:#?}", dump(), dump().build().unwrap());
    assert!(!shown.contains(KDSTOKEN), "{shown}");
    // All other fields are shown.
    assert!(shown.contains(FILE), "{shown}");
}
