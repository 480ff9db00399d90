//! Downloads that resume a part file, or begin anew.

use std::{fs, future::IntoFuture, path::Path, time::Duration};

use futures_util::{StreamExt, future::join};
use koodrive_share::{DownloadUrl, PackageSource};
use koodrive_share_emulator::{Answer, Fault, Package};
use tokio::time::{Instant, timeout};

use crate::support::{
    fixtures::{builder_at, package_template},
    packages::{Packaged, files_beside, intact_files, target},
    scripted_server::{ScriptedServer, Step},
};

/// The size of a file. A package of three files has 300,296 bytes.
const FILE: u64 = 100_000;

/// Lets the task's status through, then cuts the download.
fn cut_first(packaged: &Packaged, after: usize) {
    packaged.emulator.fail_next(Fault::Delay(Duration::ZERO));
    packaged.emulator.fail_next(Fault::CutAnswer { after });
}

/// Downloads 200,000 bytes into the part file, then fails.
async fn leave_part(packaged: &Packaged, source: impl Into<PackageSource>, path: &Path) {
    let source = source.into();
    if let PackageSource::Task(_) = source {
        packaged.emulator.fail_next(Fault::Delay(Duration::ZERO));
    }
    packaged.emulator.fail_next(Fault::CutAnswer { after: 200_000 });
    packaged.emulator.fail_next(Fault::Reply(Answer::new(404)));
    let error = packaged.client.download(source, path).await.unwrap_err();
    assert_eq!(error.status(), Some(404), "{}: {error}", path.display());
}

#[tokio::test]
async fn a_package_that_is_cut_every_10_kilobytes_comes_whole() {
    let packaged = Packaged::start(Package::new().file_bytes(FILE).cut_every(10_000)).await;
    let path = target("cuts");
    // An attempt that made progress is followed by another, even if the maximum is one attempt.
    let package = packaged.client.download(&packaged.handle, &path).max_attempts(1).await.unwrap();
    assert_eq!((package.files, intact_files(&path)), (3, 3));
    let ranges = packaged.ranges();
    // Each request except the first asks for the last byte again.
    assert_eq!(ranges.len() as u64, (package.bytes - 10_000).div_ceil(9_999) + 1);
    assert_eq!((&ranges[0], ranges[1].as_deref()), (&None, Some("bytes=9999-")));
    assert_eq!(packaged.polls(), 1);
}

/// The part file of an earlier download does not count as progress of this one.
#[tokio::test]
async fn a_package_that_has_changed_since_an_earlier_download_comes_whole_in_spite_of_cuts() {
    let packaged = Packaged::start(Package::new().file_bytes(FILE).cut_every(100_000)).await;
    let path = target("changed_since");
    let task = format!("task {} at {}", packaged.handle.task_id(), packaged.emulator.endpoint());
    fs::write(path.with_file_name("photos.zip.part"), vec![0; 290_000]).unwrap();
    fs::write(path.with_file_name("photos.zip.part.etag"), format!("\"before\"\n{task}\n")).unwrap();
    let _ = packaged.client.download(&packaged.handle, &path).max_attempts(1).await.unwrap();
    assert_eq!((packaged.ranges().len(), intact_files(&path)), (4, 3));
}

#[tokio::test]
async fn a_dropped_download_is_resumed_from_its_part_file() {
    let packaged = Packaged::start(Package::new().file_bytes(20_000_000)).await;
    let path = target("dropped");
    let download = packaged.client.download(&packaged.handle, &path);
    let mut progress = download.progress();
    let half = async { while progress.next().await.unwrap().received < 30_000_000 {} };
    tokio::select! {
        _ = download => panic!("it must not come to its end"),
        () = half => {}
    }
    assert_eq!(files_beside(&path), ["photos.zip.part", "photos.zip.part.etag"]);
    let etag = fs::read_to_string(path.with_file_name("photos.zip.part.etag")).unwrap();
    let task = format!("\ntask {} at {}\n", packaged.handle.task_id(), packaged.emulator.endpoint());
    assert!(etag.starts_with('"') && etag.ends_with(&task) && !etag.contains("token"), "{etag}");
    let _ = packaged.client.download(&packaged.handle, &path).await.unwrap();
    assert_eq!(intact_files(&path), 3);
    let from = packaged.ranges()[1].as_deref().unwrap().trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>();
    assert!(from.unwrap() >= 29_000_000, "{:?}", packaged.ranges());
    assert_eq!(files_beside(&path), ["photos.zip"]);
}

#[tokio::test]
async fn a_dropped_download_closes_its_connection() {
    let part = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nETag: \"1\"\r\n\r\nPK\x03\x04".to_vec();
    let mut server = ScriptedServer::start(vec![vec![Step::Request, Step::Send(part), Step::Stall]]).await;
    let client = builder_at(&server.endpoint()).build().unwrap();
    let url: DownloadUrl = serde_json::from_str(&format!("\"{}/photos.zip\"", server.endpoint())).unwrap();
    tokio::select! {
        ended = client.download(&url, target("closed")).into_future() => panic!("{ended:?}"),
        _ = server.until(|seen| seen.sent == 1) => {}
    }
    server.until(|seen| seen.ended == 1).await;
    server.finish().await;
}

#[tokio::test]
async fn a_package_that_changes_between_two_tries_is_fetched_anew() {
    let packaged = Packaged::start(Package::new().file_bytes(FILE).changes_every(1)).await;
    cut_first(&packaged, 200_000);
    let path = target("changed");
    let _ = packaged.client.download(&packaged.handle, &path).await.unwrap();
    assert_eq!(intact_files(&path), 3);
    assert_eq!(packaged.ranges(), [None, Some("bytes=199999-".to_owned())]);
}

/// Two packages of one size may have the same validator.
#[tokio::test]
async fn only_what_is_of_the_same_task_or_url_is_resumed() {
    let packaged = Packaged::start(Package::new().file_bytes(FILE)).await;
    let task = package_template().file_ids(["d", "e", "f"]).build().unwrap();
    let other = packaged.client.create(&task).await.unwrap();
    let other_url = packaged.client.status(&other).await.unwrap().download_url.unwrap();
    let rest = Some("bytes=199999-".to_owned());
    let cases: [(&str, PackageSource, PackageSource, _); 5] = [
        ("task", (&packaged.handle).into(), (&packaged.handle).into(), rest.clone()),
        ("other_task", (&packaged.handle).into(), (&other).into(), None),
        ("task_and_url", (&packaged.handle).into(), (&packaged.url().await).into(), None),
        ("renewed_url", (&packaged.url().await).into(), (&packaged.url().await).into(), rest),
        ("other_url", (&packaged.url().await).into(), (&other_url).into(), None),
    ];
    for (name, first, second, range) in cases {
        let path = target(name);
        leave_part(&packaged, first, &path).await;
        let _ = packaged.client.download(second.clone(), &path).await.unwrap();
        assert_eq!((packaged.ranges().pop().unwrap(), intact_files(&path)), (range, 3), "{name}");
        let whole = target(&format!("{name}_whole"));
        let _ = packaged.client.download(second, &whole).await.unwrap();
        assert!(fs::read(&path).unwrap() == fs::read(&whole).unwrap(), "{name}: bytes of two packages");
    }
}

#[tokio::test]
async fn without_ranges_or_a_strong_validator_a_download_begins_anew() {
    let weak = Package::new().file_bytes(FILE).weak_etag();
    let none = Package::new().file_bytes(FILE).without_etag();
    for (n, package, asked) in [
        (0, Package::new().file_bytes(FILE).ranges(false), Some("bytes=199999-".to_owned())),
        (1, weak, None),
        (2, none, None),
    ] {
        let packaged = Packaged::start(package).await;
        cut_first(&packaged, 200_000);
        let path = target(&format!("anew_{n}"));
        let _ = packaged.client.download(&packaged.handle, &path).await.unwrap();
        assert_eq!(intact_files(&path), 3);
        assert_eq!(packaged.ranges(), [None, asked]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_without_progress_ends() {
    let package = Package::new().file_bytes(FILE).ranges(false).cut_every(100_000);
    let packaged = Packaged::start(package).await;
    let path = target("no_further");
    let error = packaged.client.download(&packaged.handle, &path).max_attempts(3).await.unwrap_err();
    assert!(error.is_resumable(), "{error}");
    // One attempt made progress, and three did not.
    assert_eq!(packaged.ranges().len(), 4);
    assert!(!path.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_target_that_links_to_the_part_file_does_not_lose_it() {
    let packaged = Packaged::start(Package::new().file_bytes(FILE)).await;
    let path = target("linked");
    leave_part(&packaged, &packaged.handle, &path).await;
    std::os::unix::fs::symlink("photos.zip.part", &path).unwrap();
    let _ = packaged.client.download(&packaged.handle, &path).overwrite(true).await.unwrap();
    assert_eq!(packaged.ranges().last().unwrap().as_deref(), Some("bytes=199999-"));
    assert_eq!(files_beside(&path), ["photos.zip"]);
}

/// Another program's lock on the target does not affect the part file.
#[tokio::test]
async fn a_locked_target_does_not_lose_the_part_file() {
    let packaged = Packaged::start(Package::new().file_bytes(FILE)).await;
    let path = target("locked");
    leave_part(&packaged, &packaged.handle, &path).await;
    let other = fs::File::create(&path).unwrap();
    other.lock().unwrap();
    // The result is not checked, since Windows cannot replace an open file.
    let _ = packaged.client.download(&packaged.handle, &path).overwrite(true).await;
    assert_eq!(packaged.ranges().last().unwrap().as_deref(), Some("bytes=199999-"));
}

#[tokio::test]
async fn bytes_of_another_package_do_not_count_as_progress() {
    let packaged = Packaged::start(Package::new().file_bytes(FILE).cut_every(100_000)).await;
    let path = target("left");
    fs::write(path.with_file_name("photos.zip.part"), vec![b'x'; 1_000_000]).unwrap();
    let _ = packaged.client.download(&packaged.handle, &path).max_attempts(1).await.unwrap();
    assert_eq!(intact_files(&path), 3);
}

/// The download of each generation of the package begins anew, is resumed, and is cut before its end.
#[tokio::test(start_paused = true)]
async fn a_download_of_a_package_that_keeps_changing_ends() {
    let package = Package::new().file_bytes(FILE).cut_every(100_000).changes_every(2);
    let packaged = Packaged::start(package).await;
    let path = target("keeps_changing");
    let download = packaged.client.download(&packaged.handle, &path).max_attempts(3).into_future();
    let error = timeout(Duration::from_secs(600), download).await.expect("it never ends").unwrap_err();
    assert!(error.is_resumable(), "{error}");
    // Two attempts at the first generation made progress. No later attempt receives more bytes.
    assert_eq!(packaged.ranges().len(), 2 + 3);
    assert!(!path.exists());
}

/// Servers behind one name may each have a validator of their own.
#[tokio::test]
async fn a_download_that_never_goes_on_ends_however_far_each_attempt_comes() {
    let cut = |etag: &str, bytes: usize| {
        let head = format!("HTTP/1.1 200 OK\r\nETag: \"{etag}\"\r\nContent-Length: 22\r\n\r\n");
        vec![Step::Request, Step::Send([head.as_bytes(), &[b'x'; 22][..bytes]].concat()), Step::Close]
    };
    // Only the first attempt makes progress. The third receives more than the second, but begins anew, too.
    let storage = ScriptedServer::start(vec![cut("a", 10), cut("b", 5), cut("a", 8)]).await;
    let packaged = Packaged::start(Package::new()).await;
    let url = DownloadUrl::new(format!("{}/1.zip", storage.endpoint()));
    let error = packaged.client.download(&url, target("validators")).max_attempts(2).await.unwrap_err();
    assert!(error.is_resumable(), "{error}");
    let asked: Vec<_> = storage.finish().await.requests.iter().map(|request| range(request)).collect();
    assert_eq!(asked, [None, Some("bytes=9-".into()), Some("bytes=4-".into())]);
}

#[tokio::test]
async fn a_url_that_lapses_is_renewed_by_the_task_once_without_progress() {
    let package = Package::new().file_bytes(FILE).cut_every(100_000).url_uses(1);
    let packaged = Packaged::start(package).await;
    let path = target("renewed");
    let _ = packaged.client.download(&packaged.handle, &path).await.unwrap();
    assert_eq!(intact_files(&path), 3);
    // The package comes in four pieces, each from a URL of its own.
    assert_eq!((packaged.emulator.downloads(), packaged.polls()), (4, 4));

    let error = packaged.client.download(&packaged.url().await, target("not_renewed")).await.unwrap_err();
    assert!(error.status() == Some(403) && error.is_resumable(), "{error}");
    let polls = packaged.polls();
    packaged.emulator.set_package(Package::new().answer(Answer::new(403)));
    let error = packaged.client.download(&packaged.handle, target("refused")).await.unwrap_err();
    assert!(error.status() == Some(403), "{error}");
    assert_eq!(packaged.polls() - polls, 2);
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_is_busy_is_asked_again_after_the_time_it_asks_for() {
    let packaged = Packaged::start(Package::new()).await;
    let url = packaged.url().await;
    packaged.emulator.fail_next(Fault::Reply(Answer::new(503).header("Retry-After", "30")));
    packaged.emulator.fail_next(Fault::Reply(Answer::new(429)));
    let start = Instant::now();
    let _ = packaged.client.download(&url, target("busy")).await.unwrap();
    assert!((30..33).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());

    for _ in 0..3 {
        packaged.emulator.fail_next(Fault::Reply(Answer::new(500)));
    }
    let path = target("down");
    let error = packaged.client.download(&url, &path).max_attempts(3).await.unwrap_err();
    assert!(error.status() == Some(500) && error.is_resumable(), "{error}");
    assert_eq!(packaged.emulator.faults_left(), 0);
    assert!(files_beside(&path).is_empty(), "an empty part file is of no use");
}

/// The second response holds more than its range, so the part file is longer than the package.
#[tokio::test]
async fn bytes_beyond_the_stated_length_are_discarded() {
    let zip = *b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let whole = [&b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 22\r\n\r\n"[..], &zip].concat();
    let cut = whole[..whole.len() - 12].to_vec();
    let rest = b"HTTP/1.1 206 Partial\r\nETag: \"a\"\r\nContent-Range: bytes 9-21/22\r\nContent-Length: 14\r\n\r\n";
    let more = [&rest[..], &zip[9..], b"+"].concat();
    let beyond = b"HTTP/1.1 416 Beyond\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
    let script = [cut, more, beyond, whole].map(|answer| vec![Step::Request, Step::Send(answer), Step::Close]);
    let storage = ScriptedServer::start(script.to_vec()).await;
    let packaged = Packaged::start(Package::new()).await;
    let path = target("more");
    let url = DownloadUrl::new(format!("{}/1.zip", storage.endpoint()));
    assert_eq!(packaged.client.download(&url, &path).await.unwrap().bytes, 22);
    assert_eq!(fs::read(&path).unwrap(), zip);
    let asked: Vec<_> = storage.finish().await.requests.iter().map(|request| range(request)).collect();
    assert_eq!(asked, [None, Some("bytes=9-".into()), Some("bytes=22-".into()), None]);
}

/// Returns the `Range` of a request.
fn range(request: &str) -> Option<String> {
    request.lines().find_map(|line| line.strip_prefix("range: ")).map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_progress_is_given_up_and_the_next_goes_on() {
    let zip = *b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let begun = [&b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 22\r\n\r\n"[..], &zip[..10]].concat();
    let rest = [
        &b"HTTP/1.1 206 Partial\r\nETag: \"a\"\r\nContent-Range: bytes 9-21/22\r\nContent-Length: 13\r\n\r\n"[..],
        &zip[9..],
    ];
    let script =
        vec![vec![Step::Request, Step::Send(begun), Step::Stall], vec![Step::Request, Step::Send(rest.concat())]];
    let storage = ScriptedServer::start(script).await;
    let packaged = Packaged::start(Package::new()).await;
    let url = DownloadUrl::new(format!("{}/1.zip", storage.endpoint()));
    let path = target("stall");
    let download = packaged.client.download(&url, &path).stall_timeout(Duration::from_millis(300));
    assert_eq!(download.await.unwrap().files, 0);
    assert_eq!(fs::read(&path).unwrap(), zip);
    let seen = storage.finish().await;
    assert!(seen.requests[1].contains("\r\nrange: bytes=9-\r\nif-range: \"a\"\r\n"), "{}", seen.requests[1]);
}

/// The first progress shows whether a download resumes or begins anew.
#[tokio::test(start_paused = true)]
async fn progress_begins_with_the_bytes_of_this_package() {
    let packaged = Packaged::start(Package::new()).await;
    let begun =
        [&b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 22\r\n\r\n"[..], b"PK\x05\x06\0\0\0\0\0\0"].concat();
    let rest = "HTTP/1.1 206 Partial\r\nETag: \"a\"\r\nContent-Range: bytes 9-21/22\r\nContent-Length: 13\r\n\r\n";
    let changed = "HTTP/1.1 200 OK\r\nETag: \"b\"\r\nContent-Length: 22\r\n\r\n";
    for (n, head, received) in [(0, rest, 10), (1, changed, 0)] {
        let begun = vec![Step::Request, Step::Send(begun.clone()), Step::Close];
        let stalls = || vec![Step::Request, Step::Send(head.as_bytes().to_vec()), Step::Stall];
        let refused = b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
        let refused = vec![Step::Request, Step::Send(refused)];
        let storage = ScriptedServer::start(vec![begun, refused, stalls()]).await;
        let url = DownloadUrl::new(format!("{}/1.zip", storage.endpoint()));
        let path = target(&format!("progress_{n}"));
        let error = packaged.client.download(&url, &path).await.unwrap_err();
        assert_eq!(error.status(), Some(404), "{error}");
        let download = packaged.client.download(&url, &path).stall_timeout(Duration::from_millis(300)).max_attempts(1);
        let mut progress = download.progress();
        let (_, first) = join(download.into_future(), progress.next()).await;
        assert_eq!(first.unwrap().received, received, "{head}");
        storage.finish().await;
    }
}

#[tokio::test]
async fn a_message_in_place_of_the_package_keeps_the_part_file() {
    let packaged = Packaged::start(Package::new()).await;
    let begun = b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 22\r\n\r\nPK\x05\x06\0\0\0\0\0\0";
    let message = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let rest = b"HTTP/1.1 206 Partial\r\nETag: \"a\"\r\nContent-Range: bytes 9-21/22\r\nContent-Length: 13\r\n\r\n\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let answer = |answer: &[u8]| vec![Step::Request, Step::Send(answer.to_vec()), Step::Close];
    let storage = ScriptedServer::start(vec![answer(begun), answer(message), answer(rest)]).await;
    let (url, path) = (DownloadUrl::new(format!("{}/1.zip", storage.endpoint())), target("message"));
    let error = packaged.client.download(&url, &path).await.unwrap_err();
    assert!(error.is_resumable() && error.to_string().starts_with("a message in JSON or XML came"), "{error}");
    let package = packaged.client.download(&url, &path).await.unwrap();
    assert_eq!(package.bytes, 22);
    storage.finish().await;
}

/// The last byte is requested again, but stays in the part file.
#[tokio::test]
async fn attempts_that_receive_no_bytes_keep_the_part_file() {
    let packaged = Packaged::start(Package::new()).await;
    let begun = b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 22\r\n\r\nPK\x05\x06\0\0\0\0\0\0";
    let rest = b"HTTP/1.1 206 Partial\r\nETag: \"a\"\r\nContent-Range: bytes 9-21/22\r\nContent-Length: 13\r\n\r\n";
    let answer = |head: &[u8]| vec![Step::Request, Step::Send(head.to_vec()), Step::Close];
    let storage = ScriptedServer::start(vec![answer(begun), answer(rest), answer(rest)]).await;
    let url = DownloadUrl::new(format!("{}/1.zip", storage.endpoint()));
    let download = packaged.client.download(&url, target("nothing")).max_attempts(2);
    let progress = download.progress().map(|progress| progress.received);
    let (ended, received) = join(download.into_future(), progress.collect::<Vec<_>>()).await;
    assert!(ended.unwrap_err().is_resumable());
    assert!(received.is_sorted() && received.ends_with(&[10]), "{received:?}");
    let requests = storage.finish().await.requests;
    assert!(requests[1..].iter().all(|request| request.contains("\r\nrange: bytes=9-\r\n")), "{requests:?}");
}
