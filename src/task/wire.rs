//! The types of a task's fields in a reply.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{generated::types::TaskInfo, lenient::LenientText};

/// The task that a text names, without blanks at its ends; nothing for what a service writes in place of an id.
pub(crate) fn named_task(text: &str) -> Option<&str> {
    let task_id = text.trim();
    (!matches!(task_id, "" | "0" | "null")).then_some(task_id)
}

/// Where a package can be fetched. Whoever holds the URL can fetch it, so neither `Debug` nor `Serialize` shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct DownloadUrl(SecretString);

impl DownloadUrl {
    /// A URL that was kept elsewhere; that of a status needs no other.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into().into())
    }

    /// The URL as text. Keep it out of logs.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Serialize for DownloadUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// `downloadUrl`, which no Debug shows: of any other type than a text, it is as good as none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "LenientText")]
pub(crate) struct LenientUrl(Option<DownloadUrl>);

impl LenientUrl {
    pub(crate) fn non_empty(self) -> Option<DownloadUrl> {
        self.0.filter(|url| !url.expose().is_empty())
    }
}

impl From<LenientText> for LenientUrl {
    fn from(url: LenientText) -> Self {
        Self(url.0.map(DownloadUrl::new))
    }
}

/// `taskInfos`: named in the plural and typed as one object, so both are read. An entry that is no object is left out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct TaskInfos(pub(crate) Vec<TaskInfo>);

impl From<&RawValue> for TaskInfos {
    fn from(json: &RawValue) -> Self {
        let entries: Vec<&RawValue> = serde_json::from_str(json.get()).unwrap_or_else(|_| vec![json]);
        // Of an array, serde takes the elements for the fields.
        let objects = entries.iter().map(|entry| entry.get()).filter(|entry| entry.starts_with('{'));
        Self(objects.filter_map(|entry| serde_json::from_str(entry).ok()).collect())
    }
}
