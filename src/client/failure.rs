//! A reply that reports no success: the details in its body, and the error made of them.

use http::StatusCode;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    operation::Operation,
    outcome::outcome,
    reply::{Ending, Reply, content_encoding, retry_after},
};
use crate::{
    error::{Effect, Error, ErrorKind, Outcome, ReplyDetails},
    lenient::{Defect, LenientCode, LenientObject, LenientText, normalized},
    redact::sanitize_message,
    service_code::ServiceCode,
    task::wire::task_id_in,
    trace_id::TraceId,
};

/// How much of a text that is not JSON is shown, in characters.
const TEXT_START: usize = 200;

/// The details in the body of a reply that reports no success, in the service's own words.
#[derive(Debug, Default)]
pub(crate) struct FailureDetails {
    code: Option<ServiceCode>,
    pub(crate) message: Option<String>,
    /// The text of the body, if it is not JSON and hides no secret.
    text: Option<String>,
    /// The task that the body names.
    task_id: Option<String>,
    /// Whether the body names a task, or begins like an object and cannot be parsed. A truncated body counts only if it
    /// contains `"taskId":`.
    may_name_task: bool,
    /// Whether the body says that the service does not know what the call names, such as a task right after its
    /// creation.
    is_not_found: bool,
    /// The download URLs and the temporary token in the body.
    pub(crate) secrets: Vec<String>,
    /// Why the body does not settle the outcome. The error shows it only if the outcome is unknown.
    defect: String,
}

/// Returns the operation's output from the decoded response, or the details of the failure.
pub(crate) fn interpret<O: Operation>(
    operation: &O,
    reply: &Reply,
    response: Option<O::Response>,
) -> Result<O::Output, Box<FailureDetails>> {
    let read = match response {
        // serde also decodes an array, and takes its elements as the fields.
        Some(response) if reply.may_be_object() => operation.read(response),
        Some(_) | None => Err(None),
    };
    read.map_err(|defect| match reply.object() {
        Some(fields) => details_of_fields(O::EFFECT, reply, fields, defect).into(),
        None => details_of_text(reply, defect).into(),
    })
}

/// Reads the details from a body that is no JSON object, or not a complete one.
fn details_of_text(reply: &Reply, defect: Defect) -> FailureDetails {
    let body = String::from_utf8_lossy(&reply.body);
    let garbled = garbled_task_id(&body).filter(|_| reply.may_be_object());
    // A truncated body counts only if it contains `"taskId":`.
    let may_name_task = garbled.is_some() || (reply.may_be_object() && reply.is_whole());
    let task_id = garbled.filter(|task_id| !task_id.is_empty());
    let defect = match &task_id {
        Some(task_id) => format!("it cannot be read, and names task {task_id}"),
        None => defect.unwrap_or_else(|| undocumented(reply)),
    };
    let text = shown_text(reply, &body);
    FailureDetails { text, task_id, may_name_task, defect, ..FailureDetails::default() }
}

/// Reads the details from the fields of a body that reports no success.
fn details_of_fields(effect: Effect, reply: &Reply, fields: LooseFields, defect: Defect) -> FailureDetails {
    let codes = [fields.code, fields.error_code].into_iter().flatten().filter_map(|json| LenientCode::from(json).0);
    // If there are two codes, the first counts, unless the second says that something may have been done.
    let code = codes.reduce(|first, second| if second == ServiceCode::InnerInvokeFailure { second } else { first });
    let jobs: Vec<Job> =
        [fields.job_info, fields.task_info].into_iter().flatten().filter_map(|job| job.0.ok()).collect();
    let named = |text: &LenientText| Some(task_id_in(text.as_str()?)?.to_owned());
    let from_jobs = || jobs.iter().find_map(|job| named(&job.task_id)).filter(|_| effect == Effect::CreatesTask);
    let task_id = fields.task_id.and_then(|json| named(&json.into())).or_else(from_jobs);
    let defect = match (&code, &task_id) {
        (_, Some(task_id)) => format!("it names task {task_id} without reporting success as documented"),
        (Some(ServiceCode::Success), None) => match (defect, fields.task_id) {
            (Some(defect), Some(other)) => format!("{defect}; $.taskId is {}", normalized(other)),
            (defect, _) => defect.unwrap_or_else(|| undocumented(reply)),
        },
        (Some(ServiceCode::InnerInvokeFailure), None) => "the service reports an internal failure".to_owned(),
        (Some(_), None) => "its code does not tell whether anything was done".to_owned(),
        (None, None) => match fields.code {
            Some(other) => format!("$.code is {}, which is no code", normalized(other)),
            None => "$.code is missing".to_owned(),
        },
    };
    let is_not_found = match &code {
        Some(ServiceCode::Success) => jobs.iter().all(|job| job.task_status.is_none()),
        Some(code) => *code == ServiceCode::ResourceNotFound || code.as_str() == "404",
        None => false,
    };
    let urls = jobs.into_iter().map(|job| job.download_url);
    FailureDetails {
        message: fields.msg.or(fields.error_msg).or(fields.error).map(text),
        is_not_found,
        secrets: urls.chain([fields.kdstoken]).filter_map(|secret| secret.0).collect(),
        code,
        may_name_task: task_id.is_some(),
        task_id,
        defect,
        ..FailureDetails::default()
    }
}

/// Returns why a body is not one that the service documents.
fn undocumented(reply: &Reply) -> String {
    if matches!(reply.status.as_u16(), 301..=303) {
        return "it is a redirect, and none is followed: check the endpoint".to_owned();
    }
    if reply.body.is_empty() {
        return "its body is empty".to_owned();
    }
    match content_encoding(&reply.headers).map(|encoding| String::from_utf8_lossy(encoding.as_bytes())) {
        Some(encoding) => format!("its body is compressed ({encoding}), which was not asked for"),
        None => format!("its body ({}) is not what the service documents", reply.media_type()),
    }
}

/// The fields that the body of a failed call may hold, as JSON of any type.
#[derive(Deserialize)]
struct LooseFields<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    msg: Option<&'a RawValue>,
    error_code: Option<&'a RawValue>,
    error_msg: Option<&'a RawValue>,
    /// A sibling call has this object in the edition of 2024-07; its fields are not public. Source: carrier reference,
    /// errors.
    error: Option<&'a RawValue>,
    #[serde(rename = "taskId")]
    task_id: Option<&'a RawValue>,
    #[serde(default)]
    kdstoken: LenientText,
    #[serde(rename = "jobInfo")]
    job_info: Option<LenientObject<Job>>,
    #[serde(rename = "taskInfo")]
    task_info: Option<LenientObject<Job>>,
}

/// The fields of a job that a failure needs: its id, a secret, and whether it has a status.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Job {
    task_id: LenientText,
    download_url: LenientText,
    task_status: Option<IgnoredAny>,
}

/// Finds the task id in an object that cannot be parsed. The id is empty if the text ends before the id does.
fn garbled_task_id(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("\"taskId\"")?;
    let value = rest.trim_start().strip_prefix(':')?.trim_start();
    let id_and_rest = match value.strip_prefix('"') {
        Some(text) => text.split_once('"'),
        None => value.split_once(|c: char| !c.is_ascii_digit()),
    };
    match id_and_rest {
        Some((task_id, _)) => task_id_in(task_id).map(str::to_owned),
        None => Some(String::new()),
    }
}

/// Returns the text of a reply that is not JSON, or `None` if a secret in it might not be recognized.
///
/// That is the case in a body that is truncated, compressed or UTF-16, or that has the field of a secret, as in JSON or
/// a query within the text.
fn shown_text(reply: &Reply, body: &str) -> Option<String> {
    let is_json = || reply.may_be_object() || serde_json::from_str::<IgnoredAny>(body).is_ok();
    if !reply.is_whole() || content_encoding(&reply.headers).is_some() || is_json() {
        return None;
    }
    let has_field =
        |name| body.split(name).skip(1).any(|after| after.starts_with(['"', '\'', '\\', '&', ':', '=', '%']));
    let may_hold_secret = body.contains('\0') || has_field("kdstoken") || has_field("downloadUrl");
    (!may_hold_secret).then(|| words(body)).filter(|text| !text.is_empty())
}

/// Returns the first words of a page without its markup, or any other text unchanged but trimmed.
///
/// A tag is not replaced by a blank, so that a URL with a tag inside stays one word and is masked as a whole.
fn words(text: &str) -> String {
    if !text.trim_start().starts_with('<') {
        return text.trim().to_owned();
    }
    let parts = text.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    parts.collect::<String>().split_whitespace().take(TEXT_START).collect::<Vec<_>>().join(" ")
}

/// Returns the content of a JSON string, or any other value as JSON.
fn text(json: &RawValue) -> String {
    serde_json::from_str(json.get()).unwrap_or_else(|_| normalized(json))
}

/// Makes the error of a reply that reports no success. `cause` is the error that cut the reply short, if any.
pub(crate) fn error(
    trace_id: &TraceId,
    effect: Effect,
    reply: &Reply,
    details: &FailureDetails,
    cause: Option<reqwest::Error>,
    secrets: &[&str],
) -> Error {
    let shown = |text: &str| sanitize_message(text, secrets);
    let start = |text: &str| shown(text).chars().take(TEXT_START).collect();
    let outcome = outcome(reply.status, effect, details.code.as_ref(), details.may_name_task);
    let task_id = details.task_id.as_deref().map(shown);
    let kind = match (outcome, reply.ending) {
        (Outcome::Rejected, _) => ErrorKind::Refused,
        (_, Ending::TooLarge) => ErrorKind::Unreadable("its body is larger than the limit".to_owned()),
        (_, Ending::Broken) if cause.as_ref().is_some_and(reqwest::Error::is_timeout) => ErrorKind::TimedOut,
        (_, Ending::Broken) => ErrorKind::Lost,
        (_, Ending::Whole) => ErrorKind::Unreadable(shown(&details.defect)),
    };
    let mut error = Error::new(kind, effect, trace_id.clone());
    error.0.source = cause.map(Into::into);
    let named = task_id.as_ref().filter(|_| !reply.is_whole());
    error.0.notes.extend(named.map(|task_id| format!("its beginning names task {task_id}")));
    error.0.reply = Some(ReplyDetails {
        status: reply.status.as_u16(),
        code: details.code.as_ref().map(|code| match code {
            ServiceCode::Other(code) => ServiceCode::Other(shown(code).into()),
            known => known.clone(),
        }),
        message: details.message.as_deref().map(shown).or_else(|| details.text.as_deref().map(start)),
        request_id: reply.request_id().map(shown),
        task_id,
        retry_after: retry_after(&reply.headers, reply.received),
        is_not_found: details.is_not_found || reply.status == StatusCode::NOT_FOUND,
    });
    error
}
