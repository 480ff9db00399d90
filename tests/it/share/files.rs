//! Listing the files of a share: pages, directories, and faults of a service.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, TryStreamExt};
use koodrive_share::{Error, FileType, Outcome, Share, ShareFile, ShareFiles};
use koodrive_share_emulator::{Answer, EmulatedShare, Emulator, Fault, SharedFile};
use serde_json::{Value, json};

use crate::support::{
    bulk::until,
    fixtures::{DIRECTORY, FILE, KDSTOKEN, SPACE, strict_emulator},
    share::{CODE, open, with_share},
};

fn empty() -> EmulatedShare {
    EmulatedShare::new(EmulatedShare::EXAMPLE)
}

/// Starts an emulator with a share, and opens it.
async fn opened(share: EmulatedShare) -> (Share, Emulator) {
    let emulator = with_share(share).await;
    (open(&emulator, None).await, emulator)
}

async fn listed(files: ShareFiles) -> Result<Vec<ShareFile>, Error> {
    files.into_stream().try_collect().await
}

fn names(files: &[ShareFile]) -> Vec<String> {
    files.iter().map(ToString::to_string).collect()
}

/// Returns the bodies of the listing's requests, without the one that opened the share.
fn bodies(emulator: &Emulator) -> Vec<Value> {
    emulator
        .requests()
        .iter()
        .filter(|sent| sent.path().ends_with("/files"))
        .skip(1)
        .map(|sent| sent.json().unwrap())
        .collect()
}

#[tokio::test]
async fn an_entry_has_all_that_the_service_states() {
    let emulator = strict_emulator().start().await.unwrap();
    let files = listed(open(&emulator, Some(CODE)).await.files()).await.unwrap();
    let [photos, report] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!((&*photos.id, &*photos.name, photos.is_directory()), (DIRECTORY, "photos", true));
    assert_eq!((&*report.id, &*report.name, report.is_directory()), (FILE, "report.docx", false));
    assert_eq!((report.file_type, report.size), (Some(FileType::Word), Some(20_480)));
    assert_eq!((report.container_id.as_deref(), &*report.directory), (Some(SPACE), ""));
    assert_eq!(report.edited.as_deref(), Some("2024-06-03T02:20:24.274Z"));
    let json = json!({
        "fileId": FILE,
        "name": "report.docx",
        "directory": "",
        "fileType": "word",
        "size": 20_480,
        "containerId": SPACE,
        "edited": "2024-06-03T02:20:24.274Z",
    });
    assert_eq!(serde_json::to_value(report).unwrap(), json);
    let read: ShareFile = serde_json::from_value(json).unwrap();
    assert_eq!(format!("{read:?}"), format!("{report:?}"));
    assert_eq!(String::from(report.clone()), FILE);
}

#[tokio::test]
async fn a_page_is_asked_for_as_documented_and_by_name() {
    let emulator = strict_emulator().start().await.unwrap();
    let files = open(&emulator, Some(CODE)).await.files();
    listed(files.clone().directory(DIRECTORY).page_size(1).name("jpg")).await.unwrap();
    let expected = json!({
        "shortUrl": EmulatedShare::EXAMPLE,
        "parentFolder": DIRECTORY,
        "pageSize": 1,
        "sortType": 1,
        "sortDirection": 1,
        "kdstoken": KDSTOKEN,
        "refreshCount": false,
        "fileName": "jpg",
    });
    let mut next = expected.clone();
    next["pageCursor"] = json!("1.0");
    assert_eq!(bodies(&emulator), [expected, next]);
}

#[tokio::test]
async fn all_pages_are_read_also_after_empty_ones() {
    for (limit, empty_pages, requests) in [(7, 0, 4), (25, 0, 1), (24, 0, 2), (10, 3, 12)] {
        let (share, emulator) = opened(empty().files(25).page_limit(limit).empty_pages(empty_pages)).await;
        let files = listed(share.files()).await.unwrap();
        let expected: Vec<_> = (0..25).map(|n| format!("file-{n:06}.jpg")).collect();
        assert_eq!(names(&files), expected);
        // Opening the share requested the empty pages, too.
        let opening = empty_pages;
        assert_eq!(bodies(&emulator).len() - opening, requests, "{limit} {empty_pages}");
    }
}

#[tokio::test]
async fn a_share_that_lists_nothing_is_empty() {
    let (share, _emulator) = opened(empty()).await;
    assert!(listed(share.files()).await.unwrap().is_empty());
    assert_eq!(share.container_id(), None);
}

#[tokio::test]
async fn a_recursive_listing_gives_the_files_below_with_their_directories() {
    let emulator = strict_emulator().start().await.unwrap();
    let files = listed(open(&emulator, Some(CODE)).await.files().recursive(true)).await.unwrap();
    assert_eq!(names(&files), ["photos/beach.jpg", "photos/dunes.jpg", "report.docx"]);
    assert_eq!(files.iter().map(|file| &*file.directory).collect::<Vec<_>>(), ["photos", "photos", ""]);
}

#[tokio::test]
async fn directories_of_30_levels_are_listed_to_the_last() {
    let (share, _emulator) = opened(empty().tree(2, 1, 30)).await;
    let files = listed(share.files().recursive(true)).await.unwrap();
    assert_eq!(files.len(), 31 * 2);
    assert_eq!(files[0].directory.split('/').count(), 30);
}

#[tokio::test]
async fn each_file_of_a_wide_tree_comes_once() {
    let (share, _emulator) = opened(empty().tree(3, 4, 3).page_limit(2).empty_pages(1)).await;
    let mut ids: Vec<String> =
        share.files().recursive(true).into_stream().map_ok(String::from).try_collect().await.unwrap();
    // The tree has 1 + 4 + 16 + 64 directories of 3 files.
    assert_eq!(ids.len(), 85 * 3);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 85 * 3);
}

/// This way, at most one page of each open directory is in memory, and no page is requested in vain if the caller
/// stops.
#[tokio::test]
async fn a_page_is_read_only_when_the_one_before_was_given() {
    let (share, emulator) = opened(empty().files(10).page_limit(5)).await;
    let mut files = share.files().into_stream();
    for _ in 0..5 {
        files.next().await.unwrap().unwrap();
        assert_eq!(bodies(&emulator).len(), 1);
    }
    files.next().await.unwrap().unwrap();
    assert_eq!(bodies(&emulator).len(), 2);
}

/// Returns the number of files before the stream's error, and the error. Asserts that nothing follows the error.
async fn broken(files: ShareFiles) -> (usize, Error) {
    let mut stream = files.into_stream();
    let mut count = 0;
    loop {
        match stream.next().await.unwrap() {
            Ok(_) => count += 1,
            Err(error) => {
                assert!(stream.next().await.is_none());
                return (count, error);
            }
        }
    }
}

#[tokio::test]
async fn a_cursor_that_repeats_ends_with_an_error() {
    let (share, _emulator) = opened(empty().files(10).page_limit(3).repeats_cursor(true)).await;
    let (count, error) = broken(share.files()).await;
    assert_eq!(count, 3);
    let text = error.to_string();
    assert!(
        text.starts_with("the reply is inconclusive: its nextCursor \"3.0\" repeats that of an earlier page"),
        "{text}"
    );
    assert!(error.trace_id().is_some() && !error.is_retryable());
}

#[tokio::test]
async fn cursors_that_go_round_end_with_an_error() {
    let (share, emulator) = opened(empty().files(1)).await;
    for cursor in ["a", "b", "c", "a"] {
        emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "nextCursor": cursor}))));
    }
    let (count, error) = broken(share.files()).await;
    assert!(error.to_string().contains("nextCursor \"a\" repeats"), "{error}");
    assert_eq!((count, emulator.faults_left()), (0, 0));
}

#[tokio::test]
async fn empty_pages_without_an_end_end_with_an_error() {
    let (share, emulator) = opened(empty()).await;
    for page in 0..=1_001 {
        emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "nextCursor": page}))));
    }
    let error = listed(share.files()).await.unwrap_err();
    assert!(error.to_string().contains("1001 pages in a row without a file"), "{error}");
    assert_eq!(emulator.faults_left(), 1);
}

/// A number is a valid cursor.
#[tokio::test]
async fn the_last_page_has_an_empty_cursor_or_none() {
    for (cursor, pages) in [(json!(""), 1), (json!(null), 1), (json!(2), 2)] {
        let (share, emulator) = opened(empty()).await;
        emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "nextCursor": cursor, "files": null}))));
        emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": "0"}))));
        assert!(listed(share.files()).await.unwrap().is_empty());
        assert_eq!(2 - emulator.faults_left(), pages, "{cursor}");
    }
}

#[tokio::test]
async fn a_cursor_that_cannot_be_read_does_not_end_a_listing_as_if_it_were_whole() {
    for cursor in [json!({"page": 2}), json!(["2"]), json!(true)] {
        let (share, emulator) = opened(empty()).await;
        emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "nextCursor": cursor}))));
        let error = listed(share.files()).await.unwrap_err();
        assert!(error.to_string().contains("$.nextCursor is neither a text nor a number"), "{cursor}: {error}");
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn a_directory_within_itself_ends_with_an_error() {
    let (share, emulator) = opened(empty()).await;
    let entry = |id: &str| json!({"id": id, "fileName": "d", "fileType": 10});
    for id in ["a", "b", "a"] {
        emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "files": [entry(id)]}))));
    }
    let (_, error) = broken(share.files().recursive(true)).await;
    assert!(error.to_string().contains("the directory \"a\" is within itself"), "{error}");
    let (share, _emulator) = opened(empty().tree(0, 1, 100)).await;
    assert!(listed(share.files().recursive(true)).await.unwrap().is_empty());
    let (share, _emulator) = opened(empty().tree(0, 1, 101)).await;
    let (_, error) = broken(share.files().recursive(true)).await;
    assert!(error.to_string().contains("is more than 100 levels deep"), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_not_passed_over() {
    for (files, said) in [
        (json!([{"id": "a"}, {"fileName": "b"}]), "$.files[1].id is missing"),
        (json!([{"id": ""}]), "$.files[0].id is missing"),
        (json!([{"id": {"is": "a"}}]), "$.files[0].id is missing, or no text"),
        (json!([7]), "$.files[0] is 7, which is no object"),
        (json!([["a", "b"]]), "$.files[0] is [\"a\",\"b\"], which is no object"),
        (json!("none"), "$.files is \"none\", which is no array"),
    ] {
        let (share, emulator) = opened(empty()).await;
        emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "files": files}))));
        let (count, error) = broken(share.files()).await;
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!((count, error.outcome()), (0, Outcome::Unknown));
    }
}

/// Only a recursive listing needs to know whether an entry is a directory.
#[tokio::test]
async fn an_entry_without_a_type_ends_a_recursive_listing_alone() {
    let untyped = SharedFile::file("a", 1).id("a").member("/fileType", json!("folder"));
    let (share, _emulator) = opened(empty().file(untyped)).await;
    assert_eq!(listed(share.files()).await.unwrap()[0].file_type, None);
    let (_, error) = broken(share.files().recursive(true)).await;
    assert!(error.to_string().contains("the file \"a\" has no fileType"), "{error}");
}

#[tokio::test]
async fn what_no_task_needs_may_be_missing_or_of_another_type() {
    let members = ["fileName", "size", "parentFolder", "containers", "editedTime", "fileSuffix"];
    for value in [Some(json!(null)), Some(json!({})), Some(json!([])), Some(json!(true)), None] {
        let file = members
            .iter()
            .fold(SharedFile::file("a.jpg", 1).id("a"), |file, name| file.member(format!("/{name}"), value.clone()));
        let (share, _emulator) = opened(empty().file(file)).await;
        let files = listed(share.files().recursive(true)).await.unwrap();
        let [file] = files.as_slice() else { panic!("{files:?}") };
        assert_eq!((&*file.id, &*file.name, file.size), ("a", "", None), "{value:?}");
        assert_eq!((file.container_id.as_deref(), file.edited.as_deref()), (None, None));
    }
    let file = SharedFile::file("a.jpg", 1).member("/size", json!("20")).member("/fileType", json!("10"));
    let (share, _emulator) = opened(empty().file(file)).await;
    let files = listed(share.files()).await.unwrap();
    assert_eq!((files[0].size, files[0].is_directory()), (Some(20), true));
}

#[tokio::test]
async fn names_are_given_as_they_are_and_shown_escaped() {
    let name = "a\u{1b}[31m\n\u{202e}é.jpg";
    let directory = SharedFile::directory("d\r\n", vec![SharedFile::file(name, 1)]);
    let (share, _emulator) = opened(empty().file(directory)).await;
    let files = listed(share.files().recursive(true)).await.unwrap();
    assert_eq!((&*files[0].name, &*files[0].directory), (name, "d\r\n"));
    assert_eq!(files[0].to_string(), r"d\r\n/a\u{1b}[31m\n\u{202e}é.jpg");
}

#[tokio::test]
async fn bytes_that_are_no_utf_8_are_replaced_in_names() {
    let (share, emulator) = opened(empty()).await;
    let body = b"{\"code\":0,\"files\":[{\"id\":\"a\",\"fileName\":\"\xff\xfe.jpg\"}]}";
    emulator.fail_next(Fault::Reply(Answer::new(200).header("Content-Type", "application/json").body(body.as_slice())));
    assert_eq!(names(&listed(share.files()).await.unwrap()), ["\u{fffd}\u{fffd}.jpg"]);
}

/// A service that cuts names by UTF-16 units may write an unpaired surrogate.
#[tokio::test]
async fn half_a_surrogate_makes_only_its_name_unreadable() {
    let (share, emulator) = opened(empty()).await;
    let body = r#"{"code":0,"files":[{"id":"a","fileName":"\ud83d"},{"id":"b","fileName":"b"}]}"#;
    emulator.fail_next(Fault::Reply(Answer::new(200).header("Content-Type", "application/json").body(body)));
    assert_eq!(names(&listed(share.files()).await.unwrap()), ["", "b"]);
}

#[tokio::test]
async fn a_listing_that_breaks_rules_sends_nothing_and_names_all() {
    let (share, emulator) = opened(empty().files(1)).await;
    for size in [0, 101] {
        let (count, error) = broken(share.files().directory("").page_size(size)).await;
        let broken: Vec<_> =
            error.validation_error().unwrap().violations().iter().map(|it| (&*it.path, it.rule)).collect();
        assert_eq!(broken, [("directory", "not-empty"), ("page_size", "page-size")]);
        assert_eq!((count, bodies(&emulator).len()), (0, 0));
    }
}

#[tokio::test]
async fn a_directory_that_the_share_does_not_have_is_refused() {
    let (share, _emulator) = opened(empty().files(1)).await;
    let (_, error) = broken(share.files().directory("none")).await;
    assert!(error.to_string().contains("code 13000309"), "{error}");
}

/// A page whose reply was lost is requested again, and the files before it are not returned twice.
#[tokio::test(start_paused = true)]
async fn a_lost_page_is_asked_for_again() {
    let (share, emulator) = opened(empty().files(250)).await;
    let mut files = share.files().into_stream();
    let mut ids = vec![files.next().await.unwrap().unwrap().into()];
    emulator.fail_next(Fault::CloseAfterProcessing);
    let rest: Vec<String> = files.map_ok(String::from).try_collect().await.unwrap();
    ids.extend(rest);
    assert_eq!(ids.len(), 250);
    assert_eq!((bodies(&emulator).len(), emulator.faults_left()), (4, 0));
}

#[tokio::test]
async fn a_listing_whose_kdstoken_lapsed_ends_with_the_refusal() {
    let emulator = with_share(EmulatedShare::example().files(300)).await;
    let share = open(&emulator, Some(CODE)).await;
    let mut files = share.files().into_stream();
    for _ in 0..100 {
        files.next().await.unwrap().unwrap();
    }
    emulator.lapse_kdstokens();
    let error = files.next().await.unwrap().unwrap_err();
    assert_eq!((error.outcome(), error.status()), (Outcome::Rejected, Some(400)));
    assert!(files.next().await.is_none());
}

/// The future of the next file can be dropped at any time.
#[tokio::test]
async fn a_dropped_listing_asks_for_no_further_page() {
    let (share, emulator) = opened(empty().files(30).page_limit(3)).await;
    let mut files = share.files().into_stream();
    for _ in 0..3 {
        files.next().await.unwrap().unwrap();
    }
    emulator.fail_next(Fault::Delay(Duration::from_millis(20)));
    tokio::select! {
        file = files.next() => panic!("{file:?}"),
        () = until("the second page is asked for", || bodies(&emulator).len() == 2) => {}
    }
    drop(files);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bodies(&emulator).len(), 2);
}

#[tokio::test]
async fn a_dropped_wait_loses_no_file() {
    let (share, _emulator) = opened(empty().files(30).page_limit(3)).await;
    let mut files = share.files().into_stream();
    let mut count = 0;
    let mut given_up = 0;
    loop {
        // A page takes several polls, so most futures are dropped before they are ready.
        match files.next().now_or_never() {
            Some(Some(file)) => drop(file.unwrap()),
            Some(None) => break,
            None => {
                given_up += 1;
                tokio::task::yield_now().await;
                continue;
            }
        }
        count += 1;
    }
    assert_eq!(count, 30);
    assert!(given_up >= 10, "{given_up}");
}
