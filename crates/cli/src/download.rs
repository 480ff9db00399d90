//! Downloads a package to a file: `download`, and `package` with `--output`.

use std::{
    ffi::OsString,
    fs,
    future::IntoFuture,
    path::{Path, PathBuf},
};

use futures_util::StreamExt;
use koodrive_share::{Client, DownloadError, TaskHandle};

use crate::{
    args::{DownloadArgs, ServiceArgs},
    exit::{self, CommandError, Exit, both, with_causes},
    follow::{Following, GO_ON, TIMEOUT},
    interrupts::Interrupts,
    output::{Output, stderr},
    progress::Transfer,
    service,
    tasks::{self, TaskSource},
};

/// The file that a package goes to.
pub(crate) struct Target {
    path: PathBuf,
    overwrite: bool,
}

impl Target {
    /// Checks the path, so that a mistake is reported before a task is made.
    ///
    /// # Errors
    ///
    /// The path has no file name in UTF-8, its directory does not exist, it is a directory itself, or a file exists
    /// there and `overwrite` is false. On Windows, a name with a colon is refused, too.
    pub(crate) fn new(path: &Path, overwrite: bool) -> Result<Self, CommandError> {
        let refused = |reason: String| Err(CommandError::usage(format!("--output {}: {reason}", path.display())));
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return refused("it must end with the name of a file, in UTF-8".to_owned());
        };
        // On Windows, `p.zip:1` is an alternate data stream of `p.zip`.
        if cfg!(windows) && name.contains(':') {
            return refused("no file of Windows has a colon in its name".to_owned());
        }
        if !directory_of(path).is_dir() {
            return refused("there is no such directory".to_owned());
        }
        match path.symlink_metadata() {
            Ok(there) if there.is_dir() => refused("it is a directory".to_owned()),
            Ok(_) if !overwrite => {
                refused("the file already exists: name another file, or give --overwrite".to_owned())
            }
            _ => Ok(Self { path: path.to_owned(), overwrite }),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the zip.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The path of the ledger beside the file. That keeps the task, so that the same command does not make another one.
    pub(crate) fn ledger(&self) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(".ledger");
        name.into()
    }
}

pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(crate) async fn run(service: ServiceArgs, args: DownloadArgs, output: &Output) -> Result<Exit, CommandError> {
    let (client, target) = both(service::client(service), Target::new(&args.output, args.overwrite))?;
    let source = TaskSource::read(args.tasks).await?;
    let access_advice = source.access_advice();
    let mut interrupts = Interrupts::new()?;
    let tasks = tasks::tasks(&client, source, &mut interrupts).await?;
    let [task] = tasks.as_slice() else {
        return Err(CommandError::usage(format!(
            "give one TASK_ID: --output takes one package, and there are {} tasks",
            tasks.len()
        )));
    };
    let following =
        Following { client: &client, timeout: TIMEOUT, output, go_on: GO_ON, shows_url: false, access_advice };
    let (mut exit, summary) = following.follow_all(tasks.clone(), &mut interrupts).await?;
    if has_package(exit) {
        let download = ToFile { client: &client, output, target: &target, names: Vec::new() };
        exit = exit.max(download.run(task, &mut interrupts).await?.exit);
    }
    stderr(&format!("{summary}; {exit}"));
    Ok(exit)
}

/// Whether a task that ended with this status may have a package.
pub(crate) fn has_package(ended: Exit) -> bool {
    matches!(ended, Exit::Done | Exit::NotAllSucceeded)
}

/// The download of a task's package to a file.
pub(crate) struct ToFile<'a> {
    pub(crate) client: &'a Client,
    pub(crate) output: &'a Output,
    pub(crate) target: &'a Target,
    /// The names of the files that the package should hold. Empty if they are not known.
    pub(crate) names: Vec<String>,
}

/// How a download ended.
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    /// Whether the package was downloaded or the task has none, so that the same command could do no more.
    pub(crate) is_over: bool,
}

impl ToFile<'_> {
    pub(crate) async fn run(self, task: &TaskHandle, interrupts: &mut Interrupts) -> Result<Ended, CommandError> {
        let Self { client, output, target, names } = self;
        let download = client.download(task, &target.path).overwrite(target.overwrite).expect_names(names);
        let mut progress = download.progress();
        let mut download = download.into_future();
        let mut part = OsString::from(&target.path);
        part.push(".part");
        let left = fs::metadata(part).map_or(0, |part| part.len());
        let mut transfer = Transfer::new(left, output.shows_bar());
        let ended = loop {
            tokio::select! {
                ended = &mut download => break ended,
                Some(progress) = progress.next() => transfer.update(progress),
                () = interrupts.next() => {
                    let path = target.path.display();
                    let message = format!("interrupted: {path}.part keeps what has come, the same command goes on");
                    return Err(CommandError { exit: Exit::Failed, message });
                }
            }
        };
        drop(transfer);
        Ok(match ended {
            Ok(package) => {
                let written = output.package(task.task_id(), &target.path, &package);
                let mut exit = written.map_or_else(|error| output.error(&error.into()), |()| Exit::Done);
                if package.missing > 0 {
                    stderr(
                        "the service left files out of the package, as its moderation does: ask the vendor, or share them \
                         anew",
                    );
                    exit = exit.max(Exit::NotAllSucceeded);
                }
                Ended { exit, is_over: true }
            }
            Err(error) => {
                let is_over = error.is_no_package() && !error.is_resumable();
                Ended { exit: output.error(&command_error(&error).about(&target.path)), is_over }
            }
        })
    }
}

/// The error in the words of the tool.
fn command_error(error: &DownloadError) -> CommandError {
    if let Some(broken) = error.validation_error() {
        return broken.into();
    }
    let exit = match error.status_error() {
        Some(error) => exit::of_query(error),
        None if error.is_unavailable() => Exit::Unavailable,
        None if error.is_target_exists() => Exit::Usage,
        None if error.is_no_package() => Exit::NotAllSucceeded,
        None => Exit::Failed,
    };
    CommandError { exit, message: with_causes(error) }
}

#[cfg(test)]
mod tests {
    use koodrive_share::{Credentials, DownloadUrl};
    use tokio::net::TcpSocket;

    use super::*;

    #[tokio::test]
    async fn storage_that_is_not_reached_is_for_a_later_run() {
        // The socket is bound, so that no other process gets the port, but it does not listen.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let endpoint = format!("http://{}", socket.local_addr().unwrap());
        let client = Client::builder().endpoint(&endpoint).credentials(Credentials::bearer("emulator-token"));
        let client = client.user_id("me").agent_name("carrier").build().unwrap();
        let path = std::env::temp_dir().join(format!("koodrive-share-{}.zip", std::process::id()));
        let url = DownloadUrl::new(format!("{endpoint}/1.zip"));
        let error = client.download(&url, &path).max_attempts(1).await.unwrap_err();
        let mut part = OsString::from(&path);
        part.push(".part");
        let _ = fs::remove_file(part);
        assert_eq!(command_error(&error).exit, Exit::Unavailable, "{error:?}");
    }
}
