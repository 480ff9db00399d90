//! The files of a download on the disk, before, during and after it.

use std::{env, fs, process::Command, sync::mpsc, time::Duration};

use futures_util::{StreamExt, future::join};
use koodrive_share::DownloadUrl;
use koodrive_share_emulator::{Answer, Fault, Package};
use tokio::{runtime, task::spawn_blocking, time::timeout};

use crate::support::{
    fixtures::{builder_at, package_template},
    packages::{Packaged, files_beside, intact_files, target},
};

#[tokio::test]
async fn a_file_that_is_there_is_replaced_only_if_that_is_allowed() {
    let packaged = Packaged::start(Package::new()).await;
    let path = target("exists");
    fs::write(&path, "mine").unwrap();
    let error = packaged.client.download(&packaged.handle, &path).await.unwrap_err();
    assert!(error.is_target_exists() && !error.is_resumable());
    let expected = format!("{path:?} already exists: name another file, or allow it to be overwritten");
    assert_eq!(error.to_string(), expected);
    assert_eq!((packaged.polls(), fs::read(&path).unwrap()), (0, b"mine".to_vec()));
    assert_eq!(files_beside(&path), ["photos.zip"]);
    let _ = packaged.client.download(&packaged.handle, &path).overwrite(true).await.unwrap();
    assert_eq!(intact_files(&path), 3);

    let directory = path.parent().unwrap();
    let error = packaged.client.download(&packaged.handle, directory).overwrite(true).await.unwrap_err();
    assert!(error.is_target_exists(), "{error}");
}

#[tokio::test]
async fn a_file_that_appears_meanwhile_stays_and_the_package_is_kept_beside_it() {
    let packaged = Packaged::start(Package::new().file_bytes(1_000_000)).await;
    let path = target("appears");
    let download = packaged.client.download(&packaged.handle, &path);
    let mut progress = download.progress();
    let appear = async {
        progress.next().await.unwrap();
        fs::write(&path, "mine").unwrap();
        progress.collect::<Vec<_>>().await;
    };
    let (downloaded, ()) = join(download.into_future(), appear).await;
    assert!(downloaded.unwrap_err().is_target_exists());
    assert_eq!(fs::read(&path).unwrap(), b"mine");

    let package = packaged.client.download(&packaged.handle, &path).overwrite(true).await.unwrap();
    assert_eq!(intact_files(&path), 3);
    // The part file was complete, so only its last byte is requested.
    let last_byte = format!("bytes={}-", package.bytes - 1);
    assert_eq!(packaged.ranges(), [None, Some(last_byte)]);
}

/// A process that ends between linking the target and removing the part file leaves the package under both names.
#[tokio::test]
async fn a_package_that_still_has_its_first_name_is_not_written_over() {
    let packaged = Packaged::start(Package::new().file_bytes(100_000)).await;
    let path = target("two_names");
    let _ = packaged.client.download(&packaged.handle, &path).await.unwrap();
    let whole = fs::read(&path).unwrap();
    fs::hard_link(&path, path.with_file_name("photos.zip.part")).unwrap();
    let other = packaged.client.create(&package_template().file_ids(["d"]).build().unwrap()).await.unwrap();

    packaged.emulator.fail_next(Fault::Delay(Duration::ZERO));
    packaged.emulator.fail_next(Fault::CutAnswer { after: 50_000 });
    packaged.emulator.fail_next(Fault::Reply(Answer::new(404)));
    let error = packaged.client.download(&other, &path).overwrite(true).await.unwrap_err();
    assert_eq!(error.status(), Some(404), "{error}");
    assert!(fs::read(&path).unwrap() == whole, "the package that was there has changed");

    let _ = packaged.client.download(&other, &path).overwrite(true).await.unwrap();
    assert_eq!(intact_files(&path), 1);
    assert_eq!(files_beside(&path), ["photos.zip"]);
}

#[tokio::test]
async fn of_two_downloads_of_one_target_at_once_one_is_refused() {
    let packaged = Packaged::start(Package::new().file_bytes(1_000_000)).await;
    let path = target("in_use");
    let first = packaged.client.download(&packaged.handle, &path);
    let (mut progress, mut first) = (first.progress(), first.into_future());
    tokio::select! {
        _ = &mut first => panic!("it is too early for its end"),
        _ = progress.next() => {}
    }
    let error = packaged.client.download(&packaged.handle, &path).await.unwrap_err();
    assert!(
        error.is_in_use() && !error.is_no_package() && !error.is_target_exists() && error.is_resumable(),
        "{error}"
    );
    assert_eq!(packaged.ranges().len(), 1, "the second one asks for nothing");
    assert_eq!(first.await.unwrap().files, 3);
    assert_eq!(intact_files(&path), 3);
}

/// The only blocking thread is occupied, and the runtime's own thread is free for other tasks.
#[test]
fn a_slow_disk_holds_up_no_task_of_the_runtime() {
    let runtime = runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let packaged = Packaged::start(Package::new()).await;
        let path = target("slow_disk");
        let (release, held) = mpsc::channel();
        let disk = spawn_blocking(move || held.recv());
        let mut download = packaged.client.download(&packaged.handle, &path).into_future();
        let polled = timeout(Duration::from_millis(100), &mut download).await;
        assert!(polled.is_err(), "{polled:?}");
        assert_eq!(files_beside(&path), [""; 0], "the runtime's thread waited for the disk");
        release.send(()).unwrap();
        disk.await.unwrap().unwrap();
        assert_eq!(download.await.unwrap().files, 3);
    });
}

#[tokio::test]
async fn a_missing_directory_is_reported() {
    let packaged = Packaged::start(Package::new()).await;
    let path = target("no_directory").with_file_name("missing").join("photos.zip");
    let error = packaged.client.download(&packaged.handle, path).await.unwrap_err();
    assert!(
        error.to_string().starts_with("the file cannot be written or read: check that its directory exists"),
        "{error}"
    );
    assert_eq!(packaged.polls(), 0);
}

/// The variables with the path and the URL for the process with a limit.
const LIMITED: [&str; 2] = ["DOWNLOAD_TEST_PATH", "DOWNLOAD_TEST_URL"];

/// A write beyond the shell's limit on the size of files fails as on a full disk.
#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_is_reported_and_the_part_file_can_be_resumed() {
    // In blocks of 512 bytes, the limits are half of the package, and all of it except its end.
    for blocks in [3_000, 5_859] {
        let packaged = Packaged::start(Package::new().file_bytes(1_000_000)).await;
        let path = target("full");
        let this_test = "download::disk::in_a_process_with_a_limit";
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" --exact --ignored \"$1\"");
        let mut process = Command::new("sh");
        process.args(["-c", &limited]).arg(env::current_exe().unwrap()).arg(this_test);
        process.env(LIMITED[0], &path).env(LIMITED[1], packaged.url().await.expose());
        let output = tokio::task::spawn_blocking(move || process.output().unwrap()).await.unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(stdout.contains("1 passed"), "{stdout}");
        assert!(!path.exists());
        // A part file from a URL is resumed by a URL.
        let _ = packaged.client.download(&packaged.url().await, &path).await.unwrap();
        assert_eq!(intact_files(&path), 3);
        assert_eq!(packaged.ranges()[1], Some(format!("bytes={}-", blocks * 512 - 1)));
    }
}

#[tokio::test]
#[ignore = "run by the test of a full disk"]
async fn in_a_process_with_a_limit() {
    let [path, url] = LIMITED.map(|name| env::var(name).unwrap());
    let client = builder_at("http://127.0.0.1:1").build().unwrap();
    let error = client.download(DownloadUrl::new(url), path).await.unwrap_err();
    assert!(error.is_resumable(), "{error}");
    let expected = "the file cannot be written or read: check that its directory exists, has room and is writable, and that no program has the file open, then download again, which resumes if the storage supports it";
    assert_eq!(error.to_string(), expected);
}
