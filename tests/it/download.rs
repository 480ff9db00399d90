//! Downloads of packages, against the emulator and scripted servers.

mod answers;
mod disk;
mod resume;

use std::{fs, time::Duration};

use futures_util::{StreamExt, future::join};
use koodrive_share::DownloadUrl;
use koodrive_share_emulator::{Answer, Fault, Package, Schedule, Step};
use serde_json::json;
use tokio::time::Instant;

use crate::support::{
    fixtures::{broken, builder, builder_at, client, package, strict_emulator},
    full_queue::FullQueue,
    packages::{Packaged, files_beside, intact_files, target},
    scripted_server::{ScriptedServer, Step as ScriptStep},
};

#[tokio::test]
async fn a_package_is_whole_at_its_path_with_nothing_beside_it() {
    let packaged = Packaged::start(Package::new().file_bytes(500_000)).await;
    let path = target("whole");
    let package = packaged.client.download(&packaged.handle, &path).await.unwrap();
    assert_eq!((package.files, package.missing), (3, 0));
    assert_eq!(package.bytes, fs::metadata(&path).unwrap().len());
    assert_eq!(intact_files(&path), 3);
    assert_eq!(files_beside(&path), ["photos.zip"]);

    let by_value = target("whole_by_value");
    let _ = packaged.client.download(packaged.handle.clone(), &by_value).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(by_value).unwrap());
    let url = packaged.url().await;
    let by_url = target("whole_by_url");
    let _ = packaged.client.download(&url, &by_url).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(by_url).unwrap());
    let by_owned_url = target("whole_by_owned_url");
    let _ = packaged.client.download(url, &by_owned_url).await.unwrap();
    assert_eq!(fs::read(path).unwrap(), fs::read(by_owned_url).unwrap());
}

#[tokio::test]
async fn a_download_carries_nothing_but_what_a_download_needs() {
    let packaged = Packaged::start(Package::new()).await;
    let client = builder(&packaged.emulator).user_agent("portal/2.1").request_headers([("X-Key", "s3cret")]);
    let client = client.build().unwrap();
    let _ = client.download(&packaged.url().await, target("headers")).await.unwrap();
    let request = packaged.emulator.requests().pop().unwrap();
    let mut names: Vec<&str> = request.headers().iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    assert_eq!(request.header("user-agent"), Some(concat!("koodrive-share/", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn progress_grows_to_the_size_of_the_package_and_ends() {
    let packaged = Packaged::start(Package::new().file_bytes(2_000_000)).await;
    let download = packaged.client.download(&packaged.handle, target("progress"));
    let progress = download.progress().collect::<Vec<_>>();
    let (package, progress) = join(download.into_future(), progress).await;
    let bytes = package.unwrap().bytes;
    assert!(progress.is_sorted_by_key(|progress| progress.received));
    let last = progress.last().unwrap();
    assert_eq!((last.received, last.total), (bytes, Some(bytes)));
}

#[tokio::test]
async fn a_package_that_lacks_files_tells_how_many_and_which() {
    let packaged = Packaged::start(Package::new().held_back(2)).await;
    let download = |test: &str| packaged.client.download(&packaged.handle, target(test));
    // The task's status lists three files.
    let package = download("lacks").await.unwrap();
    assert_eq!((package.files, package.missing, package.missing_names), (1, 2, vec![]));
    let package = download("lacks_names").expect_names(["a.bin", "b.bin", "d.bin"]).await.unwrap();
    assert_eq!((package.missing, package.missing_names), (2, vec!["b.bin".to_owned(), "d.bin".to_owned()]));
    let package = packaged.client.download(&packaged.url().await, target("lacks_unknown")).await.unwrap();
    assert_eq!(package.missing, 0, "a URL tells of no files");
}

#[tokio::test]
async fn names_in_a_package_are_read_and_lead_nowhere() {
    let names = [&b"../../up.jpg"[..], b"/etc/passwd", b"C:\\x", b"\xd5\xd5\xc6\xac.jpg", b"\x1b[31m", b"dir/"];
    let packaged = Packaged::start(Package::new().names(names)).await;
    let path = target("names");
    let download = packaged.client.download(&packaged.handle, &path);
    let package = download.expect_names(["up.jpg", "passwd", "\u{7167}\u{7247}.jpg"]).await.unwrap();
    // The last expected file may be in the package, since one name there is not UTF-8.
    assert_eq!((package.files, package.missing, package.missing_names), (5, 0, vec![]));
    assert_eq!(files_beside(&path), ["photos.zip"]);
    assert_eq!(files_beside(path.parent().unwrap()).iter().filter(|name| *name == "up.jpg").count(), 0);
}

#[tokio::test]
async fn a_task_without_a_package_says_so() {
    let schedule = Schedule::by_polls([Step::running(50), Step::completed(3)]);
    let emulator = strict_emulator().schedule(schedule).start().await.unwrap();
    let client = client(&emulator);
    let handle = client.create(&package().build().unwrap()).await.unwrap();
    let path = target("not_ready");
    let error = client.download(&handle, &path).await.unwrap_err();
    assert!(error.is_no_package() && error.is_resumable());
    assert_eq!(error.to_string(), "the task has no package: it is being processed; wait for its end");
    let error = client.download(&handle, &path).await.unwrap_err();
    assert!(error.is_no_package() && !error.is_in_use() && !error.is_resumable());
    assert_eq!(
        error.to_string(),
        "the task has no package: it is completed, all failed; make a package download that succeeds"
    );
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000410", "no")));
    let error = client.download(&handle, &path).await.unwrap_err();
    let status_error = error.status_error().unwrap();
    assert_eq!((status_error.status(), error.to_string()), (Some(400), status_error.to_string()));
    assert!(error.is_resumable());
    assert!(files_beside(&path).is_empty());
}

#[tokio::test]
async fn all_broken_rules_are_told_before_anything_is_asked() {
    let packaged = Packaged::start(Package::new()).await;
    let download = packaged.client.download(&packaged.handle, "photos/..");
    let error = download.max_attempts(0).stall_timeout(Duration::ZERO).await.unwrap_err();
    let expected = ["path download-path", "max_attempts max-attempts", "stall_timeout stall-timeout"];
    assert_eq!(broken(error.validation_error().unwrap()), expected);
    assert_eq!(packaged.polls(), 0);
}

#[tokio::test]
async fn only_https_is_fetched_unless_it_is_allowed_by_name_or_this_machine() {
    let packaged = Packaged::start(Package::new()).await;
    let path = target("https");
    let refused = [
        "http://storage.example/1.zip?token=CANARY",
        "ftp://storage.example/1.zip?token=CANARY",
        "https://user:CANARY@storage.example/1.zip",
        "storage.example/1.zip?token=CANARY",
        "",
    ];
    for url in refused {
        let error = packaged.client.download(DownloadUrl::new(url), &path).await.unwrap_err();
        assert_eq!(broken(error.validation_error().unwrap()), ["downloadUrl download-url"], "{url}");
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
    }
    // Only Linux connects to this address as its own.
    if cfg!(target_os = "linux") {
        let url = DownloadUrl::new(packaged.url().await.expose().replace("127.0.0.1", "0.0.0.0"));
        let error = packaged.client.download(&url, &path).await.unwrap_err();
        assert!(error.validation_error().is_some());
        let client = builder(&packaged.emulator).allow_http(true).build().unwrap();
        assert_eq!(client.download(&url, &path).await.unwrap().files, 3);
    }
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn the_clients_connect_timeout_applies_to_a_storage() {
    let full = FullQueue::start().await;
    let (connect, start) = (Duration::from_millis(200), Instant::now());
    let client = builder_at(&full.endpoint()).connect_timeout(connect).build().unwrap();
    let url = DownloadUrl::new(format!("{}/1.zip", full.endpoint()));
    let error = client.download(&url, target("full_house")).max_attempts(1).await.unwrap_err();
    assert!(error.is_resumable() && (connect..25 * connect).contains(&start.elapsed()), "{error:?}");
}

#[tokio::test]
async fn the_clients_proxy_is_used() {
    let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec();
    let proxy = ScriptedServer::start(vec![vec![ScriptStep::Request, ScriptStep::Send(answer)]]).await;
    let packaged = Packaged::start(Package::new()).await;
    let client = builder(&packaged.emulator).proxy(proxy.endpoint()).build().unwrap();
    let url = DownloadUrl::new("http://127.0.0.1:1/1.zip");
    let error = client.download(&url, target("proxy")).await.unwrap_err();
    assert_eq!(error.status(), Some(404));
    let seen = proxy.finish().await;
    assert!(seen.requests[0].starts_with("GET http://127.0.0.1:1/1.zip HTTP/1.1\r\n"), "{}", seen.requests[0]);
}

#[tokio::test]
async fn an_empty_directory_of_the_task_is_not_a_missing_file() {
    let packaged = Packaged::start(Package::new().names(["a.bin", "b.bin", "empty/"])).await;
    let package = packaged.client.download(&packaged.handle, target("empty_directory")).await.unwrap();
    assert_eq!((package.files, package.missing), (2, 0));
}

#[tokio::test]
async fn an_unusable_url_in_a_status_is_not_a_validation_error() {
    let packaged = Packaged::start(Package::new()).await;
    let job = json!({"taskStatus": 2, "taskResultCode": 1, "downloadUrl": "http://storage.example/1.zip?token=CANARY"});
    packaged.emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "jobInfo": job}))));
    let error = packaged.client.download(&packaged.handle, target("url_of_task")).await.unwrap_err();
    assert!(error.validation_error().is_none() && error.is_resumable(), "{error}");
    let said = "the task's status names a URL that a download does not take: a rule is broken: downloadUrl: must be https, \
                or http to this machine or after allow_http(true), without credentials, given \"http\" (download-url); \
                ask the vendor, or allow http";
    assert_eq!(error.to_string(), said);
}

#[tokio::test]
async fn attempts_at_one_host_share_their_connection() {
    let answer =
        |head: &str, body: &[u8]| vec![ScriptStep::Request, ScriptStep::Send([head.as_bytes(), body].concat())];
    let zip = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let script = [
        answer("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", b""),
        answer("HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n", zip),
    ];
    let storage = ScriptedServer::start(vec![script.concat()]).await;
    let packaged = Packaged::start(Package::new()).await;
    let url = DownloadUrl::new(format!("{}/1.zip", storage.endpoint()));
    let _ = packaged.client.download(&url, target("one_connection")).await.unwrap();
    storage.finish().await;
}
