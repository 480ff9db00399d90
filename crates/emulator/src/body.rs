//! The bodies of the operations, read to the letter.
//!
//! The reference lists fields and doesn't say what happens to others: `strict` refuses them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json_object::Object;

/// "The number of file IDs ranges from 1 to 1000" (createBatchTask).
const MAX_FILE_IDS: usize = 1000;

/// "pageSize: 1 to 100, default 100" (listShareFiles).
const MAX_PAGE_SIZE: i64 = 100;

/// The fields that hold no secret. The value of any other field is masked where a request is shown.
pub(crate) const PLAIN_FIELDS: &[&str] = &[
    "taskType",
    "containerId",
    "fileIds",
    "targetFileId",
    "zipName",
    "shareId",
    "taskId",
    "shortUrl",
    "parentFolder",
    "pageSize",
    "pageCursor",
    "sortType",
    "sortDirection",
    "refreshCount",
    "fileName",
];

pub(crate) const PACKAGE_DOWNLOAD: i64 = 1;
pub(crate) const DUMP: i64 = 2;

/// The reason of a refusal, as `<field>: <why>`.
type Refusal = String;

/// The body of createBatchTask. Fields that later steps don't read are checked and dropped.
pub(crate) struct CreateTask {
    pub(crate) task_type: i64,
    pub(crate) container_id: String,
    pub(crate) file_ids: Vec<String>,
    pub(crate) share_id: String,
    pub(crate) kdstoken: Option<String>,
}

impl CreateTask {
    pub(crate) fn parse(body: &[u8], strict: bool) -> Result<Self, Refusal> {
        let mut fields = Fields::parse("", as_text(body)?)?;
        let task_type = fields.integer("taskType")?;
        let task = Self {
            task_type,
            container_id: fields.text("containerId")?,
            file_ids: fields.file_ids()?,
            share_id: fields.text("shareId")?,
            kdstoken: fields.optional_text("kdstoken")?,
        };
        let zip_name = fields.optional_text("zipName")?;
        let target = fields.0.remove("targetFileId").map(|raw| target(raw.get(), strict));
        let target = target.transpose()?;
        fields.end(strict)?;
        match task_type {
            PACKAGE_DOWNLOAD if zip_name.is_none() => Err("zipName: mandatory when taskType is 1".to_owned()),
            DUMP if target.is_none() => Err("targetFileId: mandatory when taskType is 2".to_owned()),
            PACKAGE_DOWNLOAD | DUMP => Ok(task),
            other => Err(format!("taskType: must be 1 or 2, got {other}")),
        }
    }
}

/// The body of getBatchTask.
pub(crate) struct TaskDetail {
    pub(crate) task_id: String,
    pub(crate) share_id: String,
    pub(crate) kdstoken: Option<String>,
}

impl TaskDetail {
    pub(crate) fn parse(body: &[u8], strict: bool) -> Result<Self, Refusal> {
        let mut fields = Fields::parse("", as_text(body)?)?;
        let detail = Self {
            task_id: fields.text("taskId")?,
            share_id: fields.text("shareId")?,
            kdstoken: fields.optional_text("kdstoken")?,
        };
        fields.end(strict)?;
        Ok(detail)
    }
}

/// The body of verifyExtractCode.
pub(crate) struct VerifyExtractCode {
    pub(crate) short_url: String,
    pub(crate) extract_code: String,
}

impl VerifyExtractCode {
    pub(crate) fn parse(body: &[u8], strict: bool) -> Result<Self, Refusal> {
        let mut fields = Fields::parse("", as_text(body)?)?;
        let verify = Self { short_url: fields.text("shortUrl")?, extract_code: fields.text("extractCode")? };
        fields.end(strict)?;
        Ok(verify)
    }
}

/// The body of listShareFiles.
pub(crate) struct ListShareFiles {
    pub(crate) short_url: String,
    pub(crate) parent_folder: Option<String>,
    pub(crate) page_size: usize,
    pub(crate) page_cursor: Option<String>,
    pub(crate) order: Order,
    pub(crate) kdstoken: Option<String>,
    pub(crate) file_name: Option<String>,
}

/// The order of a listing.
#[derive(Clone, Copy)]
pub(crate) struct Order {
    pub(crate) key: SortKey,
    pub(crate) descending: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum SortKey {
    Name,
    Size,
    Edited,
}

impl ListShareFiles {
    pub(crate) fn parse(body: &[u8], strict: bool) -> Result<Self, Refusal> {
        let mut fields = Fields::parse("", as_text(body)?)?;
        let page_size = match fields.optional("pageSize", "an integer")? {
            None => MAX_PAGE_SIZE,
            Some(size) if (1..=MAX_PAGE_SIZE).contains(&size) => size,
            Some(size) => return Err(format!("pageSize: must be 1 to {MAX_PAGE_SIZE}, got {size}")),
        };
        let key = match fields.optional("sortType", "an integer")? {
            Some(1) => SortKey::Name,
            Some(2) => SortKey::Size,
            Some(4) | None => SortKey::Edited,
            Some(other) => return Err(format!("sortType: must be 1, 2 or 4, got {other}")),
        };
        let descending = match fields.optional("sortDirection", "an integer")? {
            Some(1) => false,
            Some(2) | None => true,
            Some(other) => return Err(format!("sortDirection: must be 1 or 2, got {other}")),
        };
        let _: Option<bool> = fields.optional("refreshCount", "a boolean")?;
        let list = Self {
            short_url: fields.text("shortUrl")?,
            parent_folder: fields.optional_text("parentFolder")?,
            page_size: usize::try_from(page_size).unwrap_or(1),
            page_cursor: fields.optional_text("pageCursor")?,
            order: Order { key, descending },
            kdstoken: fields.optional_text("kdstoken")?,
            file_name: fields.optional_text("fileName")?,
        };
        fields.end(strict)?;
        Ok(list)
    }
}

/// A `FileIdInfo`: both fields are required.
fn target(raw: &str, strict: bool) -> Result<(), Refusal> {
    let mut fields = Fields::parse("targetFileId", raw)?;
    let within = |why| format!("targetFileId.{why}");
    fields.text("fileId").map_err(within)?;
    fields.text("containerId").map_err(within)?;
    fields.end(strict).map_err(within)
}

fn as_text(body: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(body).map_err(|_| "body: not UTF-8".to_owned())
}

/// The fields not read yet.
struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    fn parse(name: &str, text: &'a str) -> Result<Self, Refusal> {
        let name = if name.is_empty() { "body" } else { name };
        let Object(pairs) = serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        let mut fields = BTreeMap::new();
        for (field, raw) in pairs {
            if fields.contains_key(&field) {
                return Err(format!("{field}: given twice"));
            }
            fields.insert(field, raw);
        }
        Ok(Self(fields))
    }

    fn required(&mut self, name: &str) -> Result<&'a RawValue, Refusal> {
        let raw = self.0.remove(name);
        raw.ok_or_else(|| format!("{name}: mandatory"))
    }

    fn integer(&mut self, name: &str) -> Result<i64, Refusal> {
        let raw = self.required(name)?;
        serde_json::from_str(raw.get()).map_err(|_| format!("{name}: must be an integer"))
    }

    fn optional<T: Deserialize<'a>>(&mut self, name: &str, kind: &str) -> Result<Option<T>, Refusal> {
        let raw = self.0.remove(name);
        raw.map(|raw| serde_json::from_str(raw.get()).map_err(|_| format!("{name}: must be {kind}"))).transpose()
    }

    fn text(&mut self, name: &str) -> Result<String, Refusal> {
        let raw = self.required(name)?;
        string(name, raw.get())
    }

    fn optional_text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        let raw = self.0.remove(name);
        raw.map(|raw| string(name, raw.get())).transpose()
    }

    fn file_ids(&mut self) -> Result<Vec<String>, Refusal> {
        let raw = self.required("fileIds")?;
        let items: Vec<&RawValue> =
            serde_json::from_str(raw.get()).map_err(|_| "fileIds: must be an array".to_owned())?;
        if items.is_empty() || items.len() > MAX_FILE_IDS {
            let len = items.len();
            return Err(format!("fileIds: must hold 1 to {MAX_FILE_IDS} ids, holds {len}"));
        }
        let items = items.iter().enumerate();
        items.map(|(index, item)| string(&format!("fileIds[{index}]"), item.get())).collect()
    }

    fn end(&self, strict: bool) -> Result<(), Refusal> {
        match self.0.keys().next() {
            Some(name) if strict => Err(format!("{name}: unknown field")),
            _ => Ok(()),
        }
    }
}

/// A string that isn't empty. `null` isn't a string.
fn string(name: &str, raw: &str) -> Result<String, Refusal> {
    match serde_json::from_str::<String>(raw) {
        Ok(text) if text.is_empty() => Err(format!("{name}: must not be empty")),
        Ok(text) => Ok(text),
        // The parser's message isn't used: it repeats the value, which may be a secret.
        Err(_) => Err(format!("{name}: must be a string")),
    }
}
