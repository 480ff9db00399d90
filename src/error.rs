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

/// What the message of an unknown outcome says after what was seen.
pub(crate) const MAY_BE_DONE: &str = "; it may have been carried out all the same";

/// What an operation does on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: a request that may have got through may be sent again.
    Reads,
    /// Each request creates a task of its own.
    CreatesTask,
}

/// Whether a call that failed created a task.
///
/// Creating a task is not idempotent: nothing lets the service know a request again, so one sent twice is taken to create
/// two tasks. So this is the question to ask before anything is sent again. These three answers are all there are. For a query
/// they tell the same of the query.
///
/// What becomes of a task that was created is told by its [`TaskStatus`](crate::TaskStatus).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The request never left: **no task was created**. Remove the cause and create it again.
    NotSent,
    /// The service said no: **no task was created**. Correct what it names and create it again.
    Rejected,
    /// The request left and no answer settles what became of it: **a task may exist**. Look for it (the files in the
    /// target, the package, the vendor's support by trace id) before creating it again.
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

/// A call that failed.
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
/// The message is one line, ends with the trace id, and says what to do next; causes come through
/// [`source`](StdError::source). Secrets are masked in what the service said, and control characters are escaped. `Debug`
/// shows the message with all causes: print `{error:?}`, or let `main` return the error.
pub struct Error(pub(crate) Box<ErrorDetails>);

#[derive(Debug)]
pub(crate) struct ErrorDetails {
    pub(crate) kind: ErrorKind,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) effect: Effect,
    pub(crate) reply: Option<ReplyDetails>,
    pub(crate) notes: Vec<String>,
    /// What to do about a refusal of this very call.
    pub(crate) advice: Option<&'static str>,
    pub(crate) source: Option<BoxError>,
    pub(crate) attempts: u32,
    pub(crate) elapsed: Duration,
}

/// What kind of failure it is, which determines the outcome.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErrorKind {
    #[error("{0}")]
    Validation(ValidationError),
    #[error("the request cannot be made")]
    Request,
    #[error("{0}")]
    Credentials(&'static str),
    #[error("no time was left to send it")]
    Busy,
    #[error("no connection to the service")]
    Connect,
    #[error("{0}")]
    ConnectRefused(ConnectFault),
    #[error("no complete reply in time")]
    TimedOut,
    #[error("the connection broke before a whole reply")]
    Lost,
    #[error("the reply settles nothing: {0}")]
    Unreadable(String),
    #[error("the service refused the request")]
    Refused,
    #[error("the share is {0}")]
    ShareEnded(&'static str),
    #[error("the service refused the extract code")]
    ExtractCode,
    /// Of a chunk in a bulk creation: only the ledger knows of the request.
    #[error("an earlier run may have sent it, and its outcome is unknown")]
    Interrupted,
    /// Of a chunk in a bulk creation: earlier requests for it may have made what this one did not.
    #[error("{0}")]
    AfterUnknown(String),
}

impl ErrorKind {
    /// The outcome, and the word for metrics.
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

/// What a reply says about a call that failed. Its texts are fit to be shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplyDetails {
    pub(crate) status: u16,
    pub(crate) code: Option<ServiceCode>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) task_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    /// The service knows of no such task.
    pub(crate) is_not_found: bool,
}

debug_as_chain!(Error);

/// Nothing was sent, and there is no trace id.
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

    /// Says that `earlier` requests for the same may have made what this one did not.
    pub(crate) fn after_unknown(mut self, earlier: &[TraceId]) -> Self {
        if earlier.is_empty() {
            return self;
        }
        let earlier: Vec<&str> = earlier.iter().map(TraceId::as_str).collect();
        self.0.notes.push(format!("what became of trace id {} is unknown", earlier.join(", ")));
        if self.outcome() != Outcome::Unknown {
            self.0.kind = ErrorKind::AfterUnknown(self.0.kind.to_string());
        }
        self
    }

    /// Its outcome for a chunk in a bulk creation: one that was throttled was not judged, so it counts as not sent.
    pub(crate) fn outcome_of_chunk(&self) -> Outcome {
        match self.outcome() {
            Outcome::Rejected if self.is_throttled() => Outcome::NotSent,
            outcome => outcome,
        }
    }

    /// Whether the service knows of no such task, as right after its creation.
    pub(crate) fn is_not_found(&self) -> bool {
        self.0.reply.as_ref().is_some_and(|reply| reply.is_not_found)
    }

    /// Whether a task was created: see [`Outcome`] before sending anything again.
    pub fn outcome(&self) -> Outcome {
        let (outcome, _) = self.0.kind.outcome_and_type();
        outcome
    }

    /// What failed, in a word for metrics, which is `error.type` in the [spans](crate::Client#tracing): `access_refused`,
    /// `busy`, `certificate`, `connect`, `credentials`, `extract_code`, `lost`, `proxy`, `refused`, `request`, `share_ended`,
    /// `throttled`, `timeout`, `unauthorized`, `unknown`, `unreadable` or `validation`. More may come; to decide what to do,
    /// ask the predicates.
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

    /// The trace id of the request, sent or not. There is none if a rule was broken before one was made, or where a listing
    /// cannot go on for what its entries say.
    pub fn trace_id(&self) -> Option<&TraceId> {
        self.0.trace_id.as_ref()
    }

    /// How many attempts the call made.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How long the call took, with all attempts and the waits between them.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// The task that the reply named beside something that is no success. It may exist: ask for its status.
    pub fn task_id(&self) -> Option<&str> {
        self.0.reply.as_ref()?.task_id.as_deref()
    }

    /// The HTTP status, if a reply came.
    pub fn status(&self) -> Option<u16> {
        self.0.reply.as_ref().map(|reply| reply.status)
    }

    /// The service's or the gateway's code, if the reply holds one.
    pub fn service_code(&self) -> Option<&ServiceCode> {
        self.0.reply.as_ref()?.code.as_ref()
    }

    /// What the service said, at most 1,000 characters of it, with secrets and URLs masked. Of a page, that is its words.
    pub fn message(&self) -> Option<&str> {
        self.0.reply.as_ref()?.message.as_deref()
    }

    /// The gateway's `X-request-id`, for the vendor's support.
    pub fn request_id(&self) -> Option<&str> {
        self.0.reply.as_ref()?.request_id.as_deref()
    }

    /// How long the service asks to wait, from the longest `Retry-After`, in seconds or as a date.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.reply.as_ref()?.retry_after
    }

    /// The broken rules, if that is the cause: correct them all.
    pub fn validation_error(&self) -> Option<&ValidationError> {
        match &self.0.kind {
            ErrorKind::Validation(error) => Some(error),
            _ => None,
        }
    }

    /// A rule is broken and nothing was sent. Correct the [violations](Self::validation_error).
    pub fn is_validation(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Validation(_))
    }

    /// The token provider gave no usable token and nothing was sent. Look at its error, the `source`.
    pub fn is_credentials(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Credentials(_))
    }

    /// No connection came about (name, connection, TLS, proxy) and nothing was sent. Check the endpoint and the network.
    pub fn is_connect(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Connect | ErrorKind::ConnectRefused(_))
    }

    /// No connection came about for want of a certificate or an algorithm that both sides accept, and nothing was sent. It
    /// does not pass by itself: do what the message says.
    pub fn is_certificate(&self) -> bool {
        matches!(self.0.kind, ErrorKind::ConnectRefused(fault) if fault != ConnectFault::ProxyCredentials)
    }

    /// The proxy demands credentials or refuses those given, and nothing was sent to the service. It does not pass by
    /// itself: give the credentials in the proxy's URL. Another refusal of a proxy [cannot be told](Self::is_connect) from
    /// a network's.
    pub fn is_proxy_unauthorized(&self) -> bool {
        matches!(self.0.kind, ErrorKind::ConnectRefused(ConnectFault::ProxyCredentials))
            || (self.status() == Some(407) && !self.may_have_created())
    }

    /// Time ran out, with or without the request having left: see [`outcome`](Self::outcome).
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::TimedOut | ErrorKind::Busy)
    }

    /// The service said no. Correct what [`service_code`](Self::service_code) and [`message`](Self::message) name.
    pub fn is_refused(&self) -> bool {
        self.outcome() == Outcome::Rejected
    }

    /// The share has expired, is invalid, or its files were deleted, so no task was created. Ask its owner for a new link.
    ///
    /// Only opening a share tells it. With which code a share that ends later refuses calls is not public: after a refusal
    /// that nothing else explains, open it again.
    pub fn is_share_ended(&self) -> bool {
        matches!(self.0.kind, ErrorKind::ShareEnded(_))
    }

    /// The service refused the share's extract code, which may be wrong or used up. Ask whoever shared the link.
    pub fn is_extract_code_refused(&self) -> bool {
        matches!(self.0.kind, ErrorKind::ExtractCode)
    }

    /// The credentials were refused: 401, or 400 whose message says "authentication failed" where neither its code nor an
    /// extract code is another cause. Renew the token, or check the AppSecret and the user id.
    pub fn is_unauthorized(&self) -> bool {
        let says_so = |text: &str| text.to_ascii_lowercase().contains("authentication failed");
        let has_other_cause =
            || self.is_extract_code_refused() || self.service_code().is_some_and(ServiceCode::names_its_cause);
        let is_refused_as_such = self.status() == Some(401)
            || (self.status() == Some(400) && self.message().is_some_and(says_so) && !has_other_cause());
        is_refused_as_such && !self.may_have_created()
    }

    /// The service refused access, to the share or to the target. Open the share again if its kdstoken has lapsed or is
    /// missing, else ask the space's owner: which code the service has for a lapsed kdstoken is not public.
    pub fn is_access_refused(&self) -> bool {
        let is_forbidden = self.status() == Some(403) || self.service_code() == Some(&ServiceCode::UserMayNotOperate);
        self.is_refused() && is_forbidden && !self.is_throttled()
    }

    /// There were too many requests: status 429, or the gateway's code. Wait for [`retry_after`](Self::retry_after), or a
    /// minute, and slow down. Like every predicate that invites another attempt, it is false where a task may exist.
    pub fn is_throttled(&self) -> bool {
        let is_throttled = self.status() == Some(429) || self.service_code().is_some_and(ServiceCode::is_throttling);
        is_throttled && !self.may_have_created()
    }

    /// A creation whose outcome is unknown: nothing may invite another attempt.
    fn may_have_created(&self) -> bool {
        self.0.effect == Effect::CreatesTask && self.outcome() == Outcome::Unknown
    }

    /// The call may be made again: another attempt cannot make a second task, and the failure may pass by itself.
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
    /// What to do next about this very call, as the message says it.
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
            (_, Outcome::Unknown) => "look before sending it again",
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
