//! The types of a task's fields in a reply.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{
    generated::types::TaskInfo,
    lenient::{LenientObject, LenientText},
};

/// Returns the task id in a text, without blanks at its ends. Returns `None` for the texts that a service writes in
/// place of an id.
pub(crate) fn task_id_in(text: &str) -> Option<&str> {
    let task_id = text.trim();
    let is_none = ["", "0", "-1", "null", "none"].iter().any(|none| task_id.eq_ignore_ascii_case(none));
    (!is_none).then_some(task_id)
}

/// The URL of a package. Anyone who has the URL can fetch the package, so neither `Debug` nor `Serialize` shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct DownloadUrl(SecretString);

impl DownloadUrl {
    /// Wraps a URL that was stored as text. A status contains a `DownloadUrl` already.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into().into())
    }

    /// Returns the URL as text. Keep it out of logs.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Serialize for DownloadUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// `downloadUrl`, which no `Debug` shows. It is None if it is empty, or neither a text nor a number.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "LenientText")]
pub(crate) struct LenientUrl(pub(crate) Option<DownloadUrl>);

impl From<LenientText> for LenientUrl {
    fn from(url: LenientText) -> Self {
        Self(url.non_empty().map(DownloadUrl::new))
    }
}

/// `taskInfos`. The reference types it as one object but names it in the plural, so one object and an array are read.
/// An entry that is not an object is left out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "&RawValue")]
pub(crate) struct TaskInfos(pub(crate) Vec<TaskInfo>);

impl From<&RawValue> for TaskInfos {
    fn from(json: &RawValue) -> Self {
        let entries: Vec<&RawValue> = serde_json::from_str(json.get()).unwrap_or_else(|_| vec![json]);
        Self(entries.into_iter().filter_map(|entry| LenientObject::from(entry).0.ok()).collect())
    }
}
