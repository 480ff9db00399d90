//! A file of a share, and the page of a listing that it comes with.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    generated::types::{self, ListShareFilesResponse},
    lenient::{LenientList, LenientText},
    redact::sanitize_for_display,
};

/// A file or directory of a share.
///
/// ```
/// # use koodrive_share::ShareFile;
/// # fn example(file: &ShareFile) {
/// println!("{file}: {:?} bytes, id {}", file.size, file.id);
/// # }
/// ```
///
/// A `ShareFile` converts into its id, so it can be passed where an id is expected. A test can make one from JSON, such
/// as `{"fileId": "F1", "name": "beach.jpg", "directory": ""}`. Source: carrier reference, listShareFiles.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ShareFile {
    /// The file's id: an entry for the file ids of a task.
    #[serde(rename = "fileId")]
    pub id: String,
    /// The file's name as the service writes it, empty if it names none: it may hold control characters.
    pub name: String,
    /// The names of the directories that a recursive listing went through to the file, joined by `/`; otherwise empty.
    ///
    /// The text is for display and for patterns: never use it as a path on a disk.
    pub directory: Arc<str>,
    /// The type of the file, if the service states it.
    pub file_type: Option<FileType>,
    /// The size in bytes; that it is bytes is inferred.
    pub size: Option<u64>,
    /// The space that the file is in: the first of its `containers`, which is inferred.
    pub container_id: Option<String>,
    /// When the file was changed, as the service writes it: the reference states no format.
    pub edited: Option<String>,
}

/// The type of a file, `fileType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FileType {
    /// 10.
    Directory,
    /// 15.
    Picture,
    /// 20.
    Video,
    /// 26: a word-processing document.
    Word,
    /// 45, which stands for any other file, or a number that the reference does not list.
    Other(i64),
}

impl From<i64> for FileType {
    fn from(number: i64) -> Self {
        match number {
            10 => Self::Directory,
            15 => Self::Picture,
            20 => Self::Video,
            26 => Self::Word,
            other => Self::Other(other),
        }
    }
}

impl ShareFile {
    /// Reads an entry of a listing. Returns `None` if it has no id.
    fn read(file: types::ShareFile) -> Option<Self> {
        Some(Self {
            id: file.id?.non_empty()?,
            name: file.file_name.and_then(|name| name.0).unwrap_or_default(),
            directory: "".into(),
            file_type: file.file_type.and_then(|number| Some(number.0.ok()?.into())),
            size: file.size.and_then(|bytes| bytes.0.ok()?.try_into().ok()),
            container_id: file.containers.and_then(|containers| containers.0.ok()?.into_iter().next()?.non_empty()),
            edited: file.edited_time.and_then(|time| time.0),
        })
    }

    pub(super) fn path(&self) -> String {
        let separator = if self.directory.is_empty() { "" } else { "/" };
        format!("{}{separator}{}", self.directory, self.name)
    }

    /// Whether the file is a directory. False if the service does not state a type.
    pub fn is_directory(&self) -> bool {
        self.file_type == Some(FileType::Directory)
    }
}

/// `holidays/beach.jpg`: the directory and the name, with control characters escaped.
impl fmt::Display for ShareFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&sanitize_for_display(&self.path(), &[]))
    }
}

impl From<ShareFile> for String {
    fn from(file: ShareFile) -> Self {
        file.id
    }
}

/// A page of a listing.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) files: Vec<ShareFile>,
    pub(super) next_cursor: Option<String>,
}

impl Page {
    /// # Errors
    ///
    /// Returns which part cannot be read: a file, the list of files, or the cursor. A listing must not miss a file.
    pub(crate) fn read(response: ListShareFilesResponse) -> Result<Self, String> {
        let files = response.files.map_or(Ok(Vec::new()), |LenientList(files)| files);
        let files = files.map_err(|other| format!("$.files is {other}, which is no array"))?;
        let files = files.into_iter().enumerate().map(|(n, file)| {
            let file = file.0.map_err(|other| format!("$.files[{n}] is {other}, which is no object"))?;
            ShareFile::read(file).ok_or_else(|| format!("$.files[{n}].id is missing, or no text"))
        });
        let files = files.collect::<Result<_, String>>()?;
        let next_cursor = match response.next_cursor {
            Some(LenientText(None)) => return Err("$.nextCursor is neither a text nor a number".to_owned()),
            cursor => cursor.and_then(LenientText::non_empty),
        };
        Ok(Self { files, next_cursor })
    }
}
