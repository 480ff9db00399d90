//! Where the file ids come from.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use futures_util::{Stream, TryStreamExt, future::ready, stream};
use koodrive_share::FileIds;
use tokio::io::{AsyncBufReadExt, AsyncRead};

use crate::{args::CreateArgs, exit::CommandError, secret::is_stdin};

/// What ids are read from; a file is never held whole.
pub(crate) enum FileIdSource {
    Arguments(Vec<String>),
    /// Can be read twice, and at once.
    File(PathBuf),
    /// A pipe, a terminal: whatever keeps one waiting.
    Pipe(PathBuf),
}

impl FileIdSource {
    pub(crate) fn new(create: &mut CreateArgs) -> Result<Self, CommandError> {
        let Some(path) = create.file_ids_from.take() else {
            return Ok(Self::Arguments(std::mem::take(&mut create.file_ids)));
        };
        if is_stdin(&path) {
            return Ok(Self::Pipe(path));
        }
        let metadata = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
        if metadata.is_dir() {
            return Err(unreadable(&path, &io::ErrorKind::IsADirectory.into()));
        }
        Ok(if metadata.is_file() { Self::File(path) } else { Self::Pipe(path) })
    }

    /// How many ids there are, if that can be told beforehand.
    pub(crate) fn count(&self) -> Result<Option<u64>, CommandError> {
        match self {
            Self::Arguments(ids) => Ok(Some(ids.len() as u64)),
            Self::File(path) => {
                let mut count = 0;
                for id in lines(path).map_err(|error| unreadable(path, &error))? {
                    id.map_err(|error| unreadable(path, &error))?;
                    count += 1;
                }
                Ok(Some(count))
            }
            Self::Pipe(_) => Ok(None),
        }
    }

    pub(crate) async fn ids(self) -> Result<FileIds<'static>, CommandError> {
        match self {
            Self::Arguments(ids) => Ok(ids.into()),
            Self::File(path) => {
                let ids = lines(&path).map_err(|error| unreadable(&path, &error))?;
                Ok(FileIds::try_stream(stream::iter(ids)))
            }
            Self::Pipe(path) if is_stdin(&path) => Ok(FileIds::try_stream(piped(tokio::io::stdin()))),
            Self::Pipe(path) => {
                let file = tokio::fs::File::open(&path).await;
                let file = file.map_err(|error| unreadable(&path, &error))?;
                Ok(FileIds::try_stream(piped(file)))
            }
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> CommandError {
    CommandError::usage(format!("no file ids can be read from {}: {error}", path.display()))
}

fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<String>> + Send + use<>> {
    let lines = BufReader::new(File::open(path)?).lines();
    Ok(lines.filter_map(|line| line.map(id).transpose()))
}

fn piped(source: impl AsyncRead + Send + Unpin) -> impl Stream<Item = io::Result<String>> + Send {
    let lines = tokio::io::BufReader::new(source).lines();
    let next = |mut lines: tokio::io::Lines<_>| async {
        let line = lines.next_line().await?;
        Ok(line.map(|line| (line, lines)))
    };
    stream::try_unfold(lines, next).try_filter_map(|line| ready(Ok(id(line))))
}

/// The id in a line, if there is one: without blanks around it, and without the mark that some editors begin files
/// with.
fn id(line: String) -> Option<String> {
    let id = line.trim_start_matches('\u{feff}').trim();
    match id.len() {
        0 => None,
        length if length == line.len() => Some(line),
        _ => Some(id.to_owned()),
    }
}
