//! The tasks of a share: the values that are set, and the tasks that are refused.

use std::path::Path;

use futures_util::TryStreamExt;
use koodrive_share::{BulkError, BulkPolicy, Error, FileIds, Outcome, Share, ShareFile, TargetDirectory};
use koodrive_share_emulator::{EmulatedShare, Emulator, SharedFile};
use serde_json::json;

use crate::support::{
    bulk::ledger,
    fixtures::{DIRECTORY, FILE, KDSTOKEN, SPACE, client, strict_emulator},
    share::{CODE, open, with_share},
};

const SHARE: &str = "1808628918186415616";

async fn all(share: &Share) -> Result<Vec<ShareFile>, Error> {
    share.files().into_stream().try_collect().await
}

#[tokio::test]
async fn a_task_lacks_only_the_file_ids() {
    let emulator = strict_emulator().start().await.unwrap();
    let share = open(&emulator, Some(CODE)).await;
    let files = all(&share).await.unwrap();
    let package = share.package("all.zip").file_ids(files.clone()).build().unwrap();
    let dump = share.dump(TargetDirectory::root("own")).file_ids(files).build().unwrap();
    for task in [&package, &dump] {
        client(&emulator).create(task).await.unwrap();
    }
    let ids = [DIRECTORY, FILE];
    let common = |more: serde_json::Value| {
        let mut body = json!({"shareId": SHARE, "containerId": SPACE, "kdstoken": KDSTOKEN, "fileIds": ids});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let bodies: Vec<_> = emulator.tasks().iter().map(|task| task.body().unwrap()).collect();
    assert_eq!(bodies[0], common(json!({"taskType": 1, "zipName": "all.zip"})));
    let target = json!({"fileId": "root", "containerId": "own"});
    assert_eq!(bodies[1], common(json!({"taskType": 2, "targetFileId": target})));
    assert!(!format!("{package:?}").contains(KDSTOKEN));
}

fn of_two_spaces() -> EmulatedShare {
    let other = SharedFile::file("b\n.jpg", 1).container_id("other");
    EmulatedShare::new(EmulatedShare::EXAMPLE).file(SharedFile::file("a.jpg", 1)).file(other)
}

#[tokio::test]
async fn files_of_several_spaces_are_refused_and_named() {
    let emulator = with_share(of_two_spaces()).await;
    let share = open(&emulator, None).await;
    let error = all(&share).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(
        error.to_string(),
        format!(
            "a rule is broken: $.containerId: must be the space of all files of a task, given \"other\" of the file \
             \"b\\\\n.jpg\" beside {SPACE:?} (one-space); list files of any space, and create a task for those of \
             each; nothing was sent"
        )
    );
}

#[tokio::test]
async fn files_of_any_space_can_be_listed() {
    let emulator = with_share(of_two_spaces()).await;
    let share = open(&emulator, None).await;
    let files: Vec<_> = share.files().any_space(true).into_stream().try_collect().await.unwrap();
    let spaces: Vec<_> = files.iter().map(|file| file.container_id.as_deref()).collect();
    assert_eq!(spaces, [Some(SPACE), Some("other")]);
}

/// The emulator knows the files of its shares.
#[tokio::test]
async fn a_task_for_a_file_that_the_share_does_not_have_is_refused() {
    let emulator = strict_emulator().start().await.unwrap();
    let share = open(&emulator, Some(CODE)).await;
    let task = share.package("all.zip").file_ids([FILE, "another"]).build().unwrap();
    let error = client(&emulator).create(&task).await.unwrap_err();
    assert!(error.to_string().contains("code 13000302"), "{error}");
}

#[tokio::test]
async fn a_bulk_creation_takes_the_stream_as_it_is() {
    let emulator = with_share(EmulatedShare::example().files(2_500)).await;
    let share = open(&emulator, Some(CODE)).await;
    let ids = FileIds::try_stream(share.files().into_stream());
    let mut bulk = client(&emulator).create_bulk(share.dump(TargetDirectory::root("own")), ids).unwrap();
    while let Some(item) = bulk.next().await {
        item.unwrap().result.unwrap();
    }
    let counts: Vec<_> = emulator.tasks().iter().map(koodrive_share_emulator::EmulatedTask::file_count).collect();
    assert_eq!(counts, [1000, 1000, 500]);
}

/// Runs a bulk creation with a ledger to its end. Returns the number of tasks, and the error if it ended early.
async fn run(emulator: &Emulator, share: &Share, ledger: &Path) -> (usize, Option<BulkError>) {
    let ids = FileIds::try_stream(share.files().into_stream());
    let policy = BulkPolicy::default().ledger(ledger).concurrency(1);
    let mut bulk = client(emulator).create_bulk_with(share.dump(TargetDirectory::root("own")), ids, policy).unwrap();
    let mut ended = None;
    while let Some(item) = bulk.next().await {
        ended = item.err();
    }
    (emulator.tasks().len(), ended)
}

#[tokio::test]
async fn a_kdstoken_that_lapses_before_the_last_task_ends_the_run_with_an_error() {
    // One call with the kdstoken opens the share, and one lists the page of its files.
    let emulator = with_share(EmulatedShare::example().files(10).kdstoken_calls(2)).await;
    let (made, ended) = run(&emulator, &open(&emulator, Some(CODE)).await, &ledger("lapsed-kdstoken")).await;
    let ended = ended.unwrap();
    assert!(made == 0 && ended.is_access_refused(), "{ended}");
    assert!(ended.to_string().ends_with("all file ids, 0..10, were attempted"), "{ended}");
}

/// The kdstoken lapses during the run, so that a task or a page is refused first. The same run resumes with a new one.
#[tokio::test]
async fn a_kdstoken_that_lapses_ends_the_run_which_a_new_one_resumes() {
    // One call opens the share, ten list the pages for one task, and one creates that task.
    for (calls, tasks, is_input) in [(1 + 10 + 1 + 10, 1, false), (1 + 10 + 1 + 5, 1, true)] {
        let ledger = ledger("lapsing-kdstoken");
        let emulator = with_share(EmulatedShare::example().files(5_000).kdstoken_calls(calls)).await;
        let (made, ended) = run(&emulator, &open(&emulator, Some(CODE)).await, &ledger).await;
        let ended = ended.unwrap();
        assert_eq!((made, ended.is_input(), ended.is_access_refused()), (tasks, is_input, !is_input), "{ended}");
        if !is_input {
            assert_eq!(
                ended.to_string(),
                "access was refused, so no further request was sent; if the share's kdstoken has lapsed, open the share \
                 again: of the file ids, 0..2000 were attempted, the rest was not"
            );
        }
        emulator.set_share(EmulatedShare::example().files(5_000));
        let (made, ended) = run(&emulator, &open(&emulator, Some(CODE)).await, &ledger).await;
        assert!(ended.is_none(), "{ended:?}");
        assert_eq!(made, 5);
    }
}
