//! The files of a share, listed or generated.

use std::{borrow::Cow, cmp::Ordering, fmt};

use serde_json::{Value, json};

use crate::{
    body::{Order, SortKey},
    json_member::Member,
    signature::sha256_hex,
};

/// A file or a directory of a share.
#[derive(Clone)]
#[must_use = "a file does nothing until a share has it"]
pub struct SharedFile {
    id: String,
    name: String,
    size: u64,
    edited: String,
    container_id: Option<String>,
    pub(crate) members: Vec<Member>,
    /// The files of a directory; `None` for a file.
    files: Option<Vec<SharedFile>>,
}

impl SharedFile {
    /// A file. Its id is derived from its name.
    pub fn file(name: impl Into<String>, size: u64) -> Self {
        Self::new(name.into(), size, None)
    }

    /// A directory. Its id is derived from its name.
    pub fn directory(name: impl Into<String>, files: Vec<SharedFile>) -> Self {
        Self::new(name.into(), 0, Some(files))
    }

    fn new(name: String, size: u64, files: Option<Vec<Self>>) -> Self {
        Self {
            id: format!("F{}", &sha256_hex(name.as_bytes())[..31]),
            name,
            size,
            edited: "2024-06-03T02:20:24.274Z".to_owned(),
            container_id: None,
            members: Vec::new(),
            files,
        }
    }

    /// Sets the id. Defaults to one derived from the name, so files of one name in several directories need other ones.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// Sets when the file was changed. Defaults to the time at which the reference's example share was made.
    pub fn edited(mut self, edited: impl Into<String>) -> Self {
        self.edited = edited.into();
        self
    }

    /// Sets the space it's in. Defaults to the share's.
    pub fn container_id(mut self, container_id: impl Into<String>) -> Self {
        self.container_id = Some(container_id.into());
        self
    }

    /// Sets a member of its entry in a listing, named by a JSON pointer such as `/size`, to any JSON; `None` leaves it out.
    /// Defaults to the documented form.
    pub fn member(mut self, pointer: impl Into<String>, value: impl Into<Option<Value>>) -> Self {
        self.members.push(Member { pointer: pointer.into(), value: value.into() });
        self
    }

    fn file_type(&self) -> i64 {
        match (&self.files, self.suffix()) {
            (Some(_), _) => 10,
            (None, "jpg" | "jpeg" | "png") => 15,
            (None, "mp4" | "mov") => 20,
            (None, "doc" | "docx") => 26,
            (None, _) => 45,
        }
    }

    fn suffix(&self) -> &str {
        self.name.rsplit_once('.').map_or("", |(_, suffix)| suffix)
    }

    /// Its entry in a listing, before its members are applied.
    pub(crate) fn json(&self, container_id: &str, parent: Option<&str>) -> Value {
        json!({
            "id": self.id,
            "fileName": self.name,
            "fileType": self.file_type(),
            "parentFolder": [parent.unwrap_or("root")],
            "fileSuffix": if self.files.is_some() { "" } else { self.suffix() },
            "size": self.size,
            "containers": [self.container_id.as_deref().unwrap_or(container_id)],
            "editedTime": self.edited,
        })
    }

    /// Adds the file's path, or those of all files of the directory.
    fn add_paths(&self, above: &str, paths: &mut Vec<String>) {
        match self.files.as_deref() {
            None => paths.push(format!("{above}{}", self.name)),
            Some([]) => paths.push(format!("{above}{}/", self.name)),
            Some(files) => {
                let above = format!("{above}{}/", self.name);
                for file in files {
                    file.add_paths(&above, paths);
                }
            }
        }
    }

    fn find(&self, id: &str) -> Option<&Self> {
        if self.id == id {
            return Some(self);
        }
        self.files.iter().flatten().find_map(|file| file.find(id))
    }
}

/// Shows no member: a script may set a secret on purpose.
impl fmt::Debug for SharedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFile")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("size", &self.size)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// The contents of a share.
#[derive(Clone)]
pub(crate) enum Contents {
    Listed(Vec<SharedFile>),
    Generated { files: usize, directories: usize, levels: usize },
}

/// The contents of a directory.
pub(crate) enum Directory<'a> {
    Listed(&'a [SharedFile]),
    /// The path of a generated directory, such as `-0-3`, empty at the top.
    Generated {
        path: &'a str,
        files: usize,
        directories: usize,
    },
}

impl Contents {
    /// The directory with this id, or the top if there is no id.
    pub(crate) fn directory<'a>(&'a self, id: Option<&'a str>) -> Option<Directory<'a>> {
        match (self, id) {
            (Self::Listed(files), None) => Some(Directory::Listed(files)),
            (Self::Listed(files), Some(id)) => {
                let directory = files.iter().find_map(|file| file.find(id))?;
                Some(Directory::Listed(directory.files.as_deref()?))
            }
            (Self::Generated { files, directories, levels }, id) => {
                let path = id.map_or(Some(""), |id| id.strip_prefix('D'))?;
                let depth = depth(path, *directories).filter(|depth| depth <= levels)?;
                let directories = if depth < *levels { *directories } else { 0 };
                Some(Directory::Generated { path, files: *files, directories })
            }
        }
    }

    /// The names in a package for a file or directory: those of all files of a directory, but only its own name for a
    /// generated one. `None` if there's no such file.
    pub(crate) fn names_in_package(&self, id: &str) -> Option<Vec<String>> {
        match self {
            Self::Listed(files) => {
                let mut paths = Vec::new();
                files.iter().find_map(|file| file.find(id))?.add_paths("", &mut paths);
                Some(paths)
            }
            Self::Generated { .. } => {
                let (kind, number) = (id.get(..1)?, id.get(1..)?.rsplit('-').next()?.parse::<usize>().ok()?);
                Some(vec![if kind == "D" { directory_name(number) + "/" } else { file_name(number) }])
            }
        }
    }

    /// The space of a file or directory, `own` unless it names another; `None` if there's no such file.
    pub(crate) fn space_of<'a>(&'a self, id: &str, own: &'a str) -> Option<&'a str> {
        match self {
            Self::Listed(files) => {
                let file = files.iter().find_map(|file| file.find(id))?;
                Some(file.container_id.as_deref().unwrap_or(own))
            }
            Self::Generated { files, .. } => {
                let known = match id.strip_prefix('F').map(|id| id.rsplit_once('-').unwrap_or(("", id))) {
                    Some((path, number)) => {
                        let directory = if path.is_empty() { None } else { Some(format!("D{path}")) };
                        let is_directory = self.directory(directory.as_deref()).is_some();
                        is_directory && number.parse().is_ok_and(|number: usize| number < *files)
                    }
                    None => self.directory(Some(id)).is_some(),
                };
                known.then_some(own)
            }
        }
    }
}

/// The depth of a generated directory; `None` if there's no such directory.
fn depth(path: &str, directories: usize) -> Option<usize> {
    let mut numbers = path.split('-').skip(1);
    let is_path = path.is_empty() || path.starts_with('-');
    let all = is_path && numbers.all(|number| number.parse().is_ok_and(|number: usize| number < directories));
    all.then(|| path.matches('-').count())
}

/// The entries of a directory, in order.
pub(crate) enum Entries<'a> {
    Listed(Vec<&'a SharedFile>),
    Generated { path: &'a str, files: usize, directories: usize, descending: bool },
}

impl<'a> Directory<'a> {
    /// The entries whose name holds `name`, in order. Generated ones are neither filtered nor sorted by anything but their
    /// names.
    pub(crate) fn entries(&self, order: Order, name: Option<&str>) -> Entries<'a> {
        match *self {
            Self::Listed(files) => {
                let mut files: Vec<_> =
                    files.iter().filter(|file| name.is_none_or(|name| file.name.contains(name))).collect();
                files.sort_by(|one, other| {
                    let ordering = compare(one, other, order.key);
                    if order.descending { ordering.reverse() } else { ordering }
                });
                Entries::Listed(files)
            }
            Self::Generated { path, files, directories } => {
                Entries::Generated { path, files, directories, descending: order.descending }
            }
        }
    }
}

fn compare(one: &SharedFile, other: &SharedFile, key: SortKey) -> Ordering {
    match key {
        SortKey::Name => one.name.cmp(&other.name),
        SortKey::Size => one.size.cmp(&other.size),
        SortKey::Edited => one.edited.cmp(&other.edited),
    }
}

fn directory_name(number: usize) -> String {
    format!("directory-{number:06}")
}

fn file_name(number: usize) -> String {
    format!("file-{number:06}.jpg")
}

impl<'a> Entries<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Listed(files) => files.len(),
            Self::Generated { files, directories, .. } => files + directories,
        }
    }

    pub(crate) fn page(&self, start: usize, size: usize) -> Vec<Cow<'a, SharedFile>> {
        let end = start.saturating_add(size).min(self.len());
        (start..end).map(|place| self.entry(place)).collect()
    }

    fn entry(&self, place: usize) -> Cow<'a, SharedFile> {
        match self {
            Self::Listed(files) => Cow::Borrowed(files[place]),
            Self::Generated { path, directories, descending, .. } => {
                let place = if *descending { self.len() - 1 - place } else { place };
                Cow::Owned(match place.checked_sub(*directories) {
                    None => SharedFile::directory(directory_name(place), Vec::new()).id(format!("D{path}-{place}")),
                    Some(place) => {
                        SharedFile::file(file_name(place), 1_000 + place as u64).id(format!("F{path}-{place}"))
                    }
                })
            }
        }
    }
}
