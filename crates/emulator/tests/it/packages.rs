//! Packages at their URLs.

use std::{
    io::{Read, copy, sink},
    time::Duration,
};

use koodrive_share_emulator::{Answer, EmulatedShare, Emulator, Fault, Package, Schedule, SharedFile};
use rawzip::ZipArchive;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{CREATE, DETAIL, Sent, connect, host, package, pass, send};

/// An emulator with a finished task, and the task's id.
async fn finished(package_settings: Package) -> (Emulator, String) {
    let builder = Emulator::builder().schedule(Schedule::immediate_success()).path_prefix("/gateway");
    let emulator = builder.package(package_settings).start().await.unwrap();
    let reply = send(&emulator, &Sent::new(&format!("/gateway{CREATE}"), &package())).await;
    let task_id = reply.body["taskId"].as_str().unwrap().to_owned();
    (emulator, task_id)
}

/// A fresh URL of the package: the path and the query.
async fn url(emulator: &Emulator, task_id: &str) -> String {
    let asked = json!({"taskId": task_id, "shareId": "share"});
    let answer = send(emulator, &Sent::new(&format!("/gateway{DETAIL}"), &asked)).await.body;
    let url = answer["jobInfo"]["downloadUrl"].as_str().unwrap();
    let path = url.strip_prefix("http://").unwrap().strip_prefix(host(emulator)).unwrap();
    path.to_owned()
}

struct Got {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

async fn get(emulator: &Emulator, target: &str, headers: &[(&str, &str)]) -> Got {
    let mut stream = connect(emulator).await;
    let request = Sent { line: format!("GET {target} HTTP/1.1"), headers: Vec::new(), body: Vec::new() };
    let request = request.with("Host", host(emulator)).with("Connection", "close");
    let request = headers.iter().fold(request, |request, (name, value)| request.with(name, *value));
    stream.write_all(&request.bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A connection that's cut may be reset.
    let _ = stream.read_to_end(&mut bytes).await;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    Got { status: head[9..12].parse().unwrap(), body: bytes.split_off(end + 4), head }
}

/// The names of the files in a zip. Their contents are verified.
fn names(zip: &[u8]) -> Vec<Vec<u8>> {
    let archive = ZipArchive::from_slice(zip).unwrap();
    let (mut entries, mut names) = (archive.entries(), Vec::new());
    while let Some(entry) = entries.next_entry().unwrap() {
        let stored = archive.get_entry(entry.wayfinder()).unwrap();
        copy(&mut stored.verifying_reader(stored.data()).by_ref(), &mut sink()).unwrap();
        names.push(entry.file_path().as_bytes().to_vec());
    }
    names
}

#[tokio::test]
async fn a_package_is_a_zip_with_a_file_for_each_file_id() {
    let (emulator, task_id) = finished(Package::new().file_bytes(200_000)).await;
    let got = get(&emulator, &url(&emulator, &task_id).await, &[]).await;
    assert_eq!((got.status, got.header("content-type")), (200, Some("application/zip")));
    assert_eq!(got.header("content-length"), Some(&*got.body.len().to_string()));
    assert_eq!(names(&got.body), [b"a.bin", b"b.bin", b"c.bin"]);

    emulator.set_package(Package::new().held_back(2));
    assert_eq!(names(&get(&emulator, &url(&emulator, &task_id).await, &[]).await.body), [b"a.bin"]);
    let odd = [&b"../up"[..], b"dir/", b"\xd5\xd5\xc6\xac.jpg"];
    emulator.set_package(Package::new().names(odd));
    assert_eq!(names(&get(&emulator, &url(&emulator, &task_id).await, &[]).await.body), odd);
    emulator.set_package(Package::new().file_bytes(1 << 32));
    assert_eq!(get(&emulator, &url(&emulator, &task_id).await, &[]).await.status, 500);
    // Each download counts, also the one that is answered by a 500.
    assert_eq!(emulator.downloads(), 4);
}

#[tokio::test]
async fn a_package_whose_names_are_gone_says_so_and_is_no_use_of_its_url() {
    let builder = Emulator::builder().schedule(Schedule::immediate_success()).record(1).path_prefix("/gateway");
    let emulator = builder.package(Package::new().url_uses(1)).start().await.unwrap();
    let mut urls = Vec::new();
    for _ in 0..2 {
        let made = send(&emulator, &Sent::new(&format!("/gateway{CREATE}"), &package())).await;
        urls.push(url(&emulator, made.body["taskId"].as_str().unwrap()).await);
    }
    for _ in 0..2 {
        let got = get(&emulator, &urls[0], &[]).await;
        assert!(got.status == 500 && String::from_utf8_lossy(&got.body).contains("EmulatorBuilder::record"));
    }
    assert_eq!(get(&emulator, &urls[1], &[]).await.status, 200);
    assert_eq!(get(&emulator, &urls[1], &[]).await.status, 403);
    assert_eq!(emulator.downloads(), 1);
}

#[tokio::test]
async fn the_latest_thousand_urls_of_a_package_are_kept() {
    let (emulator, task_id) = finished(Package::new()).await;
    let mut urls = Vec::new();
    for _ in 0..=1_000 {
        urls.push(url(&emulator, &task_id).await);
    }
    assert_eq!(get(&emulator, &urls[0], &[]).await.status, 403);
    assert_eq!(get(&emulator, &urls[1], &[]).await.status, 200);
}

#[tokio::test]
async fn a_package_of_a_share_has_the_names_of_its_files() {
    let (emulator, task_id) = finished(Package::new()).await;
    let pictures = vec![SharedFile::file("beach.jpg", 1).id("beach"), SharedFile::directory("empty", Vec::new())];
    let share = EmulatedShare::new("x").share_id("share").container_id("space");
    emulator
        .set_share(share.file(SharedFile::directory("photos", pictures).id("a")).file(SharedFile::file("b.txt", 1)));
    let names_of_share = [&b"photos/beach.jpg"[..], b"photos/empty/", b"b.bin", b"c.bin"];
    assert_eq!(names(&get(&emulator, &url(&emulator, &task_id).await, &[]).await.body), names_of_share);
}

#[tokio::test]
async fn a_package_lacks_the_files_that_failed() {
    let schedule = Schedule::immediate_success().fail_files_every(2);
    let emulator = Emulator::builder().schedule(schedule).path_prefix("/gateway").start().await.unwrap();
    let reply = send(&emulator, &Sent::new(&format!("/gateway{CREATE}"), &package())).await;
    let url = url(&emulator, reply.body["taskId"].as_str().unwrap()).await;
    assert_eq!(names(&get(&emulator, &url, &[]).await.body), [b"a.bin", b"c.bin"]);
}

#[tokio::test]
async fn ranges_are_served_as_the_validator_allows() {
    let (emulator, task_id) = finished(Package::new()).await;
    let url = url(&emulator, &task_id).await;
    let whole = get(&emulator, &url, &[]).await;
    let (length, etag) = (whole.body.len(), whole.header("etag").unwrap());
    let range = format!("bytes {}-{}/{length}", 1_000, length - 1);
    for validator in [None, Some(etag)] {
        let mut headers = vec![("Range", "bytes=1000-")];
        headers.extend(validator.map(|validator| ("If-Range", validator)));
        let got = get(&emulator, &url, &headers).await;
        assert_eq!((got.status, got.header("content-range")), (206, Some(&*range)));
        assert_eq!(got.header("etag"), Some(etag));
        assert_eq!(got.body, whole.body[1_000..]);
    }
    let got = get(&emulator, &url, &[("Range", "bytes=1000-"), ("If-Range", "\"other\"")]).await;
    assert_eq!((got.status, got.body == whole.body), (200, true));
    let got = get(&emulator, &url, &[("Range", &format!("bytes={length}-"))]).await;
    assert_eq!((got.status, got.header("content-range")), (416, Some(&*format!("bytes */{length}"))));

    let asked = [("Range", "bytes=1000-"), ("If-Range", etag)];
    for package in [Package::new().ranges(false), Package::new().weak_etag(), Package::new().without_etag()] {
        emulator.set_package(package);
        assert_eq!(get(&emulator, &url, &asked).await.status, 200);
    }
    emulator.set_package(Package::new().changes_every(1));
    let changed = get(&emulator, &url, &asked).await;
    assert_eq!((changed.status, changed.header("etag") == Some(etag)), (200, false));
    assert!(changed.body.len() == length && changed.body != whole.body);
}

#[tokio::test]
async fn packages_of_one_size_have_different_validators() {
    let (emulator, first) = finished(Package::new()).await;
    let reply = send(&emulator, &Sent::new(&format!("/gateway{CREATE}"), &package())).await;
    let second = reply.body["taskId"].as_str().unwrap();
    let first = get(&emulator, &url(&emulator, &first).await, &[]).await;
    let second = get(&emulator, &url(&emulator, second).await, &[]).await;
    assert_eq!(first.body.len(), second.body.len());
    assert_ne!(first.header("etag").unwrap(), second.header("etag").unwrap());
}

#[tokio::test]
async fn bodies_are_cut_and_lengths_lie_as_asked_for() {
    let (emulator, task_id) = finished(Package::new().file_bytes(100_000).cut_every(10_000)).await;
    let url = url(&emulator, &task_id).await;
    let mut zip = Vec::new();
    loop {
        let got = get(&emulator, &url, &[("Range", &format!("bytes={}-", zip.len()))]).await;
        assert!(got.body.len() <= 10_000);
        if got.status == 416 {
            break;
        }
        zip.extend(got.body);
    }
    assert_eq!(names(&zip).len(), 3);

    for stated in [1_000, 1_000_000] {
        emulator.set_package(Package::new().stated_length(stated));
        let got = get(&emulator, &url, &[]).await;
        assert_eq!(got.header("content-length"), Some(&*stated.to_string()));
        assert!(got.body.len() as u64 <= stated);
        let got = get(&emulator, &url, &[("Range", "bytes=500-")]).await;
        assert_eq!(got.header("content-range"), Some(&*format!("bytes 500-{}/{stated}", stated - 1)));
    }
}

#[tokio::test]
async fn a_url_lapses_and_a_fresh_one_is_given() {
    let (emulator, task_id) = finished(Package::new().url_uses(2)).await;
    let first = url(&emulator, &task_id).await;
    let statuses =
        [get(&emulator, &first, &[]).await, get(&emulator, &first, &[]).await, get(&emulator, &first, &[]).await];
    assert_eq!(statuses.map(|got| got.status), [200, 200, 403]);
    emulator.set_package(Package::new().url_lifetime(Duration::from_secs(60)));
    let second = url(&emulator, &task_id).await;
    assert_ne!(first, second);
    assert_eq!(get(&emulator, &second, &[]).await.status, 200);
    pass(Duration::from_secs(60)).await;
    assert_eq!(get(&emulator, &second, &[]).await.status, 403);
    let (path, _) = second.split_once('?').unwrap();
    for never_given in [path, "/packages/1.zip?token=x", "/packages/x.zip"] {
        assert_eq!(get(&emulator, never_given, &[]).await.status, 403, "{never_given}");
    }
}

#[tokio::test]
async fn a_download_carries_nothing_of_the_api_and_the_record_hides_its_token() {
    let (emulator, task_id) = finished(Package::new()).await;
    let url = url(&emulator, &task_id).await;
    for name in ["Authorization", "X-User-Id", "X-Traceid", "X-Hw-Agentname", "X-Date", "Referer", "Cookie"] {
        assert_eq!(get(&emulator, &url, &[(name, "x")]).await.status, 400, "{name}");
    }
    let (_, token) = url.split_once("token=").unwrap();
    let shown = format!("{:?} {}", emulator.requests(), emulator.requests().last().unwrap());
    assert!(shown.contains(".zip?token=***") && !shown.contains(token), "{shown}");
}

#[tokio::test]
async fn a_download_can_be_answered_with_anything() {
    let moved = Answer::new(302).header("Location", "http://127.0.0.1:1/all.zip");
    let (emulator, task_id) = finished(Package::new().answer(moved)).await;
    let url = url(&emulator, &task_id).await;
    let got = get(&emulator, &url, &[]).await;
    assert_eq!((got.status, got.header("location")), (302, Some("http://127.0.0.1:1/all.zip")));
    emulator.set_package(Package::new().cut_every(10));
    emulator.fail_next(Fault::Reply(Answer::new(503)));
    assert_eq!(get(&emulator, &url, &[]).await.status, 503);
    emulator.fail_next(Fault::CutAnswer { after: 5 });
    assert!(get(&emulator, &url, &[]).await.body.len() <= 10);
}

#[tokio::test]
async fn a_package_of_gigabytes_takes_no_memory() {
    let (emulator, task_id) = finished(Package::new().file_bytes(1 << 30)).await;
    let url = url(&emulator, &task_id).await;
    let got = get(&emulator, &url, &[("Range", "bytes=-1000")]).await;
    assert_eq!((got.status, got.body.len()), (206, 1_000));
    assert!(got.header("content-range").unwrap().starts_with("bytes 32212"), "{}", got.head);
    assert!(got.body.windows(4).any(|four| four == b"PK\x05\x06"));
}
