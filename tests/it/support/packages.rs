//! Packages at an emulator, and the files that they become.

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

    /// How often the task was asked for.
    pub(crate) fn polls(&self) -> u64 {
        self.emulator.tasks()[0].polls()
    }

    /// The `Range` of each request for a package, in order.
    pub(crate) fn ranges(&self) -> Vec<Option<String>> {
        let requests = self.emulator.requests().into_iter().filter(|request| request.method() == "GET");
        requests.map(|request| request.header("range").map(str::to_owned)).collect()
    }
}

/// `photos.zip` in a directory of one test, where nothing is.
pub(crate) fn target(test: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("download").join(test);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory.join("photos.zip")
}

/// The names of what is in the directory of a target.
pub(crate) fn files_beside(target: &Path) -> Vec<String> {
    let entries = fs::read_dir(target.parent().unwrap()).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// How many files a zip holds; all of their bytes are checked.
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
