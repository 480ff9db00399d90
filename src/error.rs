//! The error of a call, and whether a task may exist after it.

use std::{
    error::Error as StdError,
    fmt::{self, Display},
    time::Duration,
};

use serde::Serialize;

use crate::{
    connect_fault::ConnectFault, error_chain::debug_as_chain, service_code::ServiceCode, trace_id::TraceId,
    validation::ValidationError,
};

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// How the message about a creation says that its outcome is unknown.
pub(crate) const MAY_BE_DONE: &str = "; the request may still have been carried out";

/// What an operation does on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: a request may be retried even if the server may have received it.
    Reads,
    /// Each request creates a task of its own.
    CreatesTask,
}

/// Whether a call that failed created a task.
///
/// Creating a task is not idempotent: nothing in a request lets the service recognize a repetition, so assume that
/// sending it twice creates two tasks. Check the outcome before you send anything again. There are only these three
/// outcomes. For a query, they say the same about the query.
///
/// The [`TaskStatus`](crate::TaskStatus) of a created task tells its progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The request was not sent, or not read: **no task was created**. Remove the cause and create the task again.
    NotSent,
    /// The service refused the request: **no task was created**. Correct what the service names and create the task
    /// again.
    Rejected,
    /// The request was sent, and no reply settles whether it was carried out: **a task may exist**. Look for it (the
    /// files in the target, the package, the vendor's support by trace id) before you create it again.
    Unknown,
}

/// `not sent`, `rejected`, `unknown`
impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "not sent",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
        })
    }
}

/// The error of a call.
///
/// ```
/// # use koodrive_share::{Client, Outcome, ShareTask};
/// # async fn example(client: Client, task: ShareTask) {
/// if let Err(error) = client.create(&task).await {
///     match error.outcome() {
///         Outcome::NotSent | Outcome::Rejected => eprintln!("no task was created: {error:?}"),
///         Outcome::Unknown => eprintln!("look whether the task exists: {error:?}"),
///     }
/// }
/// # }
/// ```
///
/// The message is one line. It says what to do next, and ends with the trace id. [`source`](StdError::source) returns
/// the cause. In texts of the service, secrets are masked and control characters are escaped. `Debug` shows the message
/// with all causes: print `{error:?}`, or let `main` return the error.
pub struct Error(pub(crate) Box<ErrorDetails>);

#[derive(Debug)]
pub(crate) struct ErrorDetails {
    pub(crate) kind: ErrorKind,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) effect: Effect,
    pub(crate) reply: Option<ReplyDetails>,
    pub(crate) notes: Vec<String>,
    /// The advice on a refusal of this call, which replaces that of the service code.
    pub(crate) advice: Option<&'static str>,
    pub(crate) source: Option<BoxError>,
    pub(crate) attempts: u32,
    pub(crate) elapsed: Duration,
}

/// The kind of a failure, which determines the outcome.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErrorKind {
    #[error("{0}")]
    Validation(ValidationError),
    #[error("the request cannot be made")]
    Request,
    #[error("{0}")]
    Credentials(&'static str),
    #[error("no time was left to send the request")]
    Busy,
    #[error("no connection to the service")]
    Connect,
    #[error("{}", .0.describe("the service"))]
    ConnectRefused(ConnectFault),
    #[error("no complete reply in time")]
    TimedOut,
    #[error("the connection broke before the reply was complete")]
    Lost,
    #[error("the reply is inconclusive: {0}")]
    Unreadable(String),
    #[error("the service refused the request")]
    Refused,
    #[error("the share is {0}")]
    ShareEnded(&'static str),
    #[error("the service refused the extract code")]
    ExtractCode,
    /// The request for a chunk of a bulk creation is known only from the ledger.
    #[error("an earlier run may have sent this request, and its outcome is unknown")]
    Interrupted,
    /// An earlier request for the same chunk of a bulk creation may have created the task that this one did not.
    #[error("{0}")]
    AfterUnknown(String),
}

impl ErrorKind {
    /// Returns the outcome, and the word for metrics.
    fn outcome_and_type(&self) -> (Outcome, &'static str) {
        match self {
            Self::Validation(_) => (Outcome::NotSent, "validation"),
            Self::Request => (Outcome::NotSent, "request"),
            Self::Credentials(_) => (Outcome::NotSent, "credentials"),
            Self::Busy => (Outcome::NotSent, "busy"),
            Self::Connect => (Outcome::NotSent, "connect"),
            Self::ConnectRefused(_) => (Outcome::NotSent, "certificate"),
            Self::Refused => (Outcome::Rejected, "refused"),
            Self::ShareEnded(_) => (Outcome::Rejected, "share_ended"),
            Self::ExtractCode => (Outcome::Rejected, "extract_code"),
            Self::TimedOut => (Outcome::Unknown, "timeout"),
            Self::Lost => (Outcome::Unknown, "lost"),
            Self::Unreadable(_) => (Outcome::Unknown, "unreadable"),
            Self::Interrupted | Self::AfterUnknown(_) => (Outcome::Unknown, "unknown"),
        }
    }
}

/// The details of the reply to a call that failed. Its texts are redacted and escaped.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplyDetails {
    pub(crate) status: u16,
    pub(crate) code: Option<ServiceCode>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) task_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    /// Whether the service does not know what the call names.
    pub(crate) is_not_found: bool,
}

debug_as_chain!(Error);

/// Makes the error of a request that was not sent and has no trace id.
impl From<ValidationError> for Error {
    fn from(error: ValidationError) -> Self {
        Self::new(ErrorKind::Validation(error), Effect::CreatesTask, None)
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, effect: Effect, trace_id: impl Into<Option<TraceId>>) -> Self {
        Self(Box::new(ErrorDetails {
            kind,
            trace_id: trace_id.into(),
            effect,
            reply: None,
            notes: Vec::new(),
            advice: None,
            source: None,
            attempts: 0,
            elapsed: Duration::ZERO,
        }))
    }

    /// Makes the outcome unknown if there are `earlier` requests for the same chunk, which may have created its task.
    pub(crate) fn after_unknown(mut self, earlier: &[TraceId]) -> Self {
        if earlier.is_empty() {
            return self;
        }
        let earlier: Vec<&str> = earlier.iter().map(TraceId::as_str).collect();
        self.0.notes.push(format!("the outcome of trace id {} is unknown", earlier.join(", ")));
        if self.outcome() != Outcome::Unknown {
            self.0.kind = ErrorKind::AfterUnknown(self.0.kind.to_string());
        }
        self
    }

    /// Returns the outcome of a chunk in a bulk creation. The service has not judged a throttled chunk, so that counts
    /// as not sent.
    pub(crate) fn outcome_of_chunk(&self) -> Outcome {
        match self.outcome() {
            Outcome::Rejected if self.is_throttled() => Outcome::NotSent,
            outcome => outcome,
        }
    }

    /// Whether the service does not know what the call names, such as a task right after its creation.
    pub(crate) fn is_not_found(&self) -> bool {
        self.0.reply.as_ref().is_some_and(|reply| reply.is_not_found)
    }

    /// Returns whether a task was created. See [`Outcome`] before you send anything again.
    pub fn outcome(&self) -> Outcome {
        let (outcome, _) = self.0.kind.outcome_and_type();
        outcome
    }

    /// Returns a word for the failure, for metrics. It is `error.type` in the [spans](crate::Client#tracing).
    ///
    /// The words are `access_refused`, `busy`, `certificate`, `connect`, `credentials`, `extract_code`, `lost`,
    /// `proxy`, `refused`, `request`, `share_ended`, `throttled`, `timeout`, `unauthorized`, `unknown`, `unreadable`
    /// and `validation`. Later versions may add others; to decide what to do, use the predicates.
    #[doc(alias("ErrorKind", "kind"))]
    pub fn error_type(&self) -> &'static str {
        match &self.0.kind {
            _ if self.is_proxy_unauthorized() => "proxy",
            ErrorKind::Refused if self.is_throttled() => "throttled",
            ErrorKind::Refused if self.is_unauthorized() => "unauthorized",
            ErrorKind::Refused if self.is_access_refused() => "access_refused",
            kind => kind.outcome_and_type().1,
        }
    }

    /// Returns the trace id of the request, whether it was sent or not. There is none if a rule was broken before one
    /// was made, or if the entries of a listing are the cause.
    pub fn trace_id(&self) -> Option<&TraceId> {
        self.0.trace_id.as_ref()
    }

    /// Returns the number of attempts that the call made.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns how long the call took, including all attempts and the waits between them.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Returns the id of a task that the reply names without reporting success. The task may exist: ask for its status.
    pub fn task_id(&self) -> Option<&str> {
        self.0.reply.as_ref()?.task_id.as_deref()
    }

    /// Returns the HTTP status, if there was a reply.
    pub fn status(&self) -> Option<u16> {
        self.0.reply.as_ref().map(|reply| reply.status)
    }

    /// Returns the code of the service or the gateway, if the reply holds one.
    pub fn service_code(&self) -> Option<&ServiceCode> {
        self.0.reply.as_ref()?.code.as_ref()
    }

    /// Returns the service's message, at most 1,000 characters of it, with secrets and URLs masked. If the reply is not
    /// JSON, the message is the first 200 characters of its text without markup, unless that might show a secret.
    pub fn message(&self) -> Option<&str> {
        self.0.reply.as_ref()?.message.as_deref()
    }

    /// Returns the gateway's `X-request-id`, for the vendor's support.
    pub fn request_id(&self) -> Option<&str> {
        self.0.reply.as_ref()?.request_id.as_deref()
    }

    /// Returns how long the service asks to wait: the longest `Retry-After`, which is in seconds or a date.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.reply.as_ref()?.retry_after
    }

    /// Returns the broken rules, if they are the cause. Correct all of them.
    pub fn validation_error(&self) -> Option<&ValidationError> {
        match &self.0.kind {
            ErrorKind::Validation(error) => Some(error),
            _ => None,
        }
    }

    /// Whether a rule is broken; nothing was sent. Correct the [violations](Self::validation_error).
    pub fn is_validation(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Validation(_))
    }

    /// Whether the token provider returned no usable token; nothing was sent. Look at its error, the `source`.
    pub fn is_credentials(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Credentials(_))
    }

    /// Whether no connection was established (name, connection, TLS, proxy); nothing was carried out. Check the
    /// endpoint and the network.
    pub fn is_connect(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Connect | ErrorKind::ConnectRefused(_))
    }

    /// Whether TLS failed because of a certificate, or because the two sides have no version or algorithm in common;
    /// nothing was carried out. A retry does not help: do what the message says.
    pub fn is_certificate(&self) -> bool {
        matches!(self.0.kind, ErrorKind::ConnectRefused(fault) if fault != ConnectFault::ProxyCredentials)
    }

    /// Whether the proxy demands credentials or refuses those given; nothing was sent to the service. A retry does not
    /// help: give the credentials in the proxy's URL.
    ///
    /// Any other refusal by a proxy looks like a failure of the network, [`is_connect`](Self::is_connect).
    pub fn is_proxy_unauthorized(&self) -> bool {
        matches!(self.0.kind, ErrorKind::ConnectRefused(ConnectFault::ProxyCredentials))
            || (self.status() == Some(407) && !self.may_have_created())
    }

    /// Whether the time-out passed, before or after the request was sent: see [`outcome`](Self::outcome).
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::TimedOut | ErrorKind::Busy)
    }

    /// Whether the service refused the request. Correct what [`service_code`](Self::service_code) and
    /// [`message`](Self::message) name.
    pub fn is_refused(&self) -> bool {
        self.outcome() == Outcome::Rejected
    }

    /// Whether the share has expired, is invalid, or its files were deleted; no task was created. Ask its owner for a
    /// new link.
    ///
    /// Only opening a share reports this. The code by which calls are refused if the share ends later is not public:
    /// after a refusal that nothing else explains, open the share again.
    pub fn is_share_ended(&self) -> bool {
        matches!(self.0.kind, ErrorKind::ShareEnded(_))
    }

    /// Whether the service refused the share's extract code, which may be wrong or used up. Ask whoever shared the
    /// link.
    pub fn is_extract_code_refused(&self) -> bool {
        matches!(self.0.kind, ErrorKind::ExtractCode)
    }

    /// Whether the credentials were refused. Renew the token, or check the AppSecret and the user id.
    ///
    /// The status is 401, or it is 400, the message says "authentication failed", and neither the service code nor an
    /// extract code is another cause.
    pub fn is_unauthorized(&self) -> bool {
        let says_so = |text: &str| text.to_ascii_lowercase().contains("authentication failed");
        let has_other_cause =
            self.is_extract_code_refused() || self.service_code().is_some_and(ServiceCode::names_its_cause);
        let is_refusal_of_credentials = self.status() == Some(401)
            || (self.status() == Some(400) && self.message().is_some_and(says_so) && !has_other_cause);
        is_refusal_of_credentials && !self.may_have_created()
    }

    /// Whether the service refused access to the share or to the target. Open the share again if its kdstoken has
    /// lapsed or is missing; otherwise, ask the space's owner. The code for a lapsed kdstoken is not public.
    pub fn is_access_refused(&self) -> bool {
        let is_forbidden = self.status() == Some(403) || self.service_code() == Some(&ServiceCode::UserMayNotOperate);
        self.is_refused() && is_forbidden && !self.is_throttled()
    }

    /// Whether there were too many requests: status 429, or the gateway's code. Wait for
    /// [`retry_after`](Self::retry_after), or a minute, and slow down. Like every predicate that invites a retry, it is
    /// false if a task may exist.
    pub fn is_throttled(&self) -> bool {
        let is_throttled = self.status() == Some(429) || self.service_code().is_some_and(ServiceCode::is_throttling);
        is_throttled && !self.may_have_created()
    }

    /// Whether this is a creation whose outcome is unknown. No predicate may then invite a retry.
    fn may_have_created(&self) -> bool {
        self.0.effect == Effect::CreatesTask && self.outcome() == Outcome::Unknown
    }

    /// Whether the call may be made again: that cannot create a second task, and the failure may pass by itself.
    ///
    /// A creation whose outcome is [unknown](Outcome::Unknown) is never retryable.
    pub fn is_retryable(&self) -> bool {
        if self.may_have_created() {
            return false;
        }
        match &self.0.kind {
            ErrorKind::Credentials(_)
            | ErrorKind::Busy
            | ErrorKind::Connect
            | ErrorKind::TimedOut
            | ErrorKind::Lost => true,
            ErrorKind::Unreadable(_) | ErrorKind::Refused => {
                let code = self.service_code();
                let may_pass = self.is_throttled()
                    || matches!(self.status(), Some(408 | 500..))
                    || code == Some(&ServiceCode::InnerInvokeFailure);
                may_pass && !code.is_some_and(ServiceCode::is_listed_refusal)
            }
            ErrorKind::Validation(_)
            | ErrorKind::Request
            | ErrorKind::ConnectRefused(_)
            | ErrorKind::ShareEnded(_)
            | ErrorKind::ExtractCode
            | ErrorKind::Interrupted
            | ErrorKind::AfterUnknown(_) => false,
        }
    }
}

/// `the service refused the request, status 400, code 13000311; nothing was done: free space … (trace id …)`
impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorDetails { kind, trace_id, reply, notes, attempts, elapsed, .. } = &*self.0;
        write!(f, "{kind}")?;
        if let Some(reply) = reply {
            write!(f, "{reply}")?;
        }
        if *attempts > 1 {
            write!(f, ", after {attempts} attempts in {:.1} s", elapsed.as_secs_f64())?;
        }
        for note in notes {
            write!(f, "; {note}")?;
        }
        match self.outcome() {
            Outcome::NotSent => f.write_str("; nothing was sent")?,
            Outcome::Rejected => f.write_str("; nothing was done")?,
            Outcome::Unknown if self.0.effect == Effect::Reads => f.write_str("; a query changes nothing")?,
            Outcome::Unknown => f.write_str(MAY_BE_DONE)?,
        }
        if let Some(advice) = self.advice() {
            write!(f, ": {advice}")?;
        }
        match trace_id {
            Some(trace_id) => write!(f, " (trace id {trace_id})"),
            None => Ok(()),
        }
    }
}

/// `, status 400, code 13000311, message "no space", request id 7`
impl Display for ReplyDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, code, message, request_id, .. } = self;
        write!(f, ", status {status}")?;
        if let Some(code) = code {
            write!(f, ", code {code}")?;
        }
        if let Some(message) = message {
            write!(f, ", message \"{message}\"")?;
        }
        if let Some(request_id) = request_id {
            write!(f, ", request id {request_id}")?;
        }
        Ok(())
    }
}

impl Error {
    /// Returns what to do next about this call, as in the message.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match (&self.0.kind, self.outcome()) {
            (ErrorKind::ConnectRefused(fault), _) => fault.advice(),
            (ErrorKind::Connect, _) => "check the endpoint, the network and the proxy variables",
            (ErrorKind::Busy, _) => "allow more time or more concurrent requests, or lower the load",
            (ErrorKind::Credentials(_), _) => "look at the token provider",
            (ErrorKind::ShareEnded(_), _) => "ask its owner for a new link",
            (ErrorKind::Request, _) => "look at its cause",
            (_, Outcome::NotSent) => return None,
            (_, Outcome::Unknown) if self.0.effect == Effect::Reads => "ask again",
            (_, Outcome::Unknown) => "look for the task before sending it again",
            (_, Outcome::Rejected) => self.advice_on_refusal(),
        })
    }

    fn advice_on_refusal(&self) -> &'static str {
        let code = self.service_code().filter(|code| !self.is_unauthorized() || code.names_its_cause());
        if let Some(advice) = self.0.advice.or_else(|| code?.advice()) {
            return advice;
        }
        match self.status() {
            _ if self.is_throttled() => "wait, then send fewer requests at a time",
            _ if self.is_unauthorized() => "renew the token, or check the app secret and the user id",
            Some(403) => "ask for the right to do this",
            Some(404 | 405) => "check the endpoint and its path prefix",
            Some(407) => ConnectFault::ProxyCredentials.advice(),
            Some(408) => "send it again",
            Some(413) => "give fewer file ids",
            Some(300..=399) => "check the endpoint, redirects are not followed",
            _ => "correct what the service names",
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
