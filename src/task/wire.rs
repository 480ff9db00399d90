//! The types of what a reply says of a task.

use chrono::NaiveDateTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::status::{DownloadUrl, FileStatus};
use crate::generated::types::TaskInfo;

/// A time of the service as it writes it: 14 digits, `yyyyMMddHHmmss`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct CompactTime(String);

impl From<String> for CompactTime {
    fn from(time: String) -> Self {
        Self(time)
    }
}

impl CompactTime {
    pub(super) fn parse(&self) -> Option<NaiveDateTime> {
        // The parser also takes fewer digits, signs and blanks.
        let is_compact = self.0.len() == 14 && self.0.bytes().all(|byte| byte.is_ascii_digit());
        let time = NaiveDateTime::parse_from_str(&self.0, "%Y%m%d%H%M%S").ok()?;
        is_compact.then_some(time)
    }
}

/// Reads a text or a number alike: the vendor's editions type the same field as either.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Wire {
        Text(String),
        Number(i64),
    }
    Ok(match Wire::deserialize(deserializer)? {
        Wire::Text(text) => text,
        Wire::Number(number) => number.to_string(),
    })
}

/// A number of an open set, which may come as digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct OpenNumber(pub(crate) i64);

impl<'de> Deserialize<'de> for OpenNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for CompactTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer).map(Self)
    }
}

/// A [`DownloadUrl`] as a reply holds it.
///
/// It serialises into a mock's reply and nowhere else: no other public type that holds one implements `Serialize`.
#[derive(Clone, Debug)]
pub(crate) struct WireUrl(pub(crate) DownloadUrl);

impl From<String> for WireUrl {
    fn from(url: String) -> Self {
        Self(DownloadUrl(url.into()))
    }
}

impl Serialize for WireUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for WireUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// `taskInfos`: named in the plural and typed as one object, so both are read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(crate) enum TaskInfos {
    /// As an array.
    Many(Vec<TaskInfo>),
    /// As one object.
    One(TaskInfo),
}

impl Serialize for FileStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FileStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text(deserializer)?;
        Ok(match &*text {
            "0" => Self::Pending,
            "1" => Self::Succeeded,
            "2" => Self::Failed,
            _ => Self::Other(text.into()),
        })
    }
}
