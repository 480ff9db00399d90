//! Packages of an emulator, and the downloaded files.

use std::{
    fs::{self, File},
    io::{copy, sink},
    path::{Path, PathBuf},
};

use koodrive_share::{Client, DownloadUrl, TaskHandle};
use koodrive_share_emulator::{Emulator, Package, Schedule};
use rawzip::ZipArchive;

use super::fixtures::{client, package_template, strict_emulator};

/// A task of three files, whose package is ready.
pub(crate) struct Packaged {
    pub(crate) emulator: Emulator,
    pub(crate) client: Client,
    pub(crate) handle: TaskHandle,
}

impl Packaged {
    pub(crate) async fn start(package: Package) -> Self {
        let builder = strict_emulator().schedule(Schedule::immediate_success());
        let emulator = builder.package(package).start().await.unwrap();
        let client = client(&emulator);
        let handle = client.create(&package_template().file_ids(["a", "b", "c"]).build().unwrap()).await.unwrap();
        Self { emulator, client, handle }
    }

    pub(crate) async fn url(&self) -> DownloadUrl {
        self.client.status(&self.handle).await.unwrap().download_url.unwrap()
    }

    /// Returns how often the status of the task was requested.
    pub(crate) fn polls(&self) -> u64 {
        self.emulator.tasks()[0].polls()
    }

    /// Returns the `Range` of each request for a package, in order.
    pub(crate) fn ranges(&self) -> Vec<Option<String>> {
        let requests = self.emulator.requests().into_iter().filter(|request| request.method() == "GET");
        requests.map(|request| request.header("range").map(str::to_owned)).collect()
    }
}

/// Returns the path of `photos.zip` in an empty directory for one test.
pub(crate) fn target(test: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("download").join(test);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory.join("photos.zip")
}

/// Returns the names of all files in the directory of a target.
pub(crate) fn files_beside(target: &Path) -> Vec<String> {
    let entries = fs::read_dir(target.parent().unwrap()).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Returns the number of files in a zip, after checking their checksums.
pub(crate) fn intact_files(zip: &Path) -> usize {
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(File::open(zip).unwrap(), &mut buffer).unwrap();
    let (mut entries, mut files) = (archive.entries(&mut buffer), 0);
    while let Some(entry) = entries.next_entry().unwrap() {
        let stored = archive.get_entry(entry.wayfinder()).unwrap();
        copy(&mut stored.verifying_reader(stored.reader()), &mut sink()).unwrap();
        files += 1;
    }
    files
}
