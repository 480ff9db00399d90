//! What went wrong, and what may be believed after it.

use std::{
    error::Error as StdError,
    fmt::{self, Display},
    time::Duration,
};

use crate::{ServiceCode, TraceId, ValidationError};

type Source = Box<dyn StdError + Send + Sync>;

/// Whether a task was made by a call that failed.
///
/// Creating a task is not idempotent: a call sent twice makes two tasks. So this is the question to ask before
/// anything is sent again. These three answers are all there are. For a query they tell the same of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The request never left: **no task was made**. Remove the cause and create it again.
    NotSent,
    /// The service said no: **no task was made**. Correct what it names and create it again.
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
///         Outcome::NotSent | Outcome::Rejected => eprintln!("no task was made: {error}"),
///         Outcome::Unknown => eprintln!("look for trace id {} first: {error}", error.trace_id()),
///     }
/// }
/// # }
/// ```
///
/// The message is one line and says what to do next; causes come through [`source`](StdError::source). Secrets are
/// scrubbed from what the service said, and control characters are escaped.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    outcome: Outcome,
    trace_id: TraceId,
    query: bool,
    reply: Option<Refusal>,
    note: Option<String>,
    source: Option<Source>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Validation(ValidationError),
    Credentials(&'static str),
    Busy,
    Connect,
    TimedOut,
    Lost,
    Unreadable(String),
    Refused,
    /// Of a chunk in a bulk creation: only the ledger knows of the request.
    Interrupted,
}

/// What a reply says about a call that failed; its texts are fit to be shown.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: Option<ServiceCode>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

impl Error {
    pub(crate) fn new(kind: Kind, outcome: Outcome, trace_id: &TraceId) -> Self {
        let trace_id = trace_id.clone();
        Self(Box::new(Inner { kind, outcome, trace_id, query: false, reply: None, note: None, source: None }))
    }

    pub(crate) fn validation(error: ValidationError, trace_id: &TraceId) -> Self {
        Self::new(Kind::Validation(error), Outcome::NotSent, trace_id)
    }

    /// Says whether the call only asked, so that it may be repeated whatever became of it.
    pub(crate) fn of_query(mut self, query: bool) -> Self {
        self.0.query = query;
        self
    }

    pub(crate) fn with_reply(mut self, reply: Refusal) -> Self {
        self.0.reply = Some(reply);
        self
    }

    pub(crate) fn with_note(mut self, note: Option<String>) -> Self {
        self.0.note = note;
        self
    }

    /// Says that `earlier` requests for the same may have made what this one did not.
    pub(crate) fn after_unknown(mut self, earlier: &[TraceId]) -> Self {
        if earlier.is_empty() || self.0.outcome == Outcome::Unknown {
            return self;
        }
        let earlier: Vec<&str> = earlier.iter().map(TraceId::as_str).collect();
        let said = format!("what became of trace id {} is unknown", earlier.join(", "));
        let note = self.0.note.take().into_iter().chain([said]);
        self.0.note = Some(note.collect::<Vec<_>>().join("; "));
        self.0.outcome = Outcome::Unknown;
        self
    }

    /// Gives the cause why no whole reply came; what the reply's head settled stays settled.
    pub(crate) fn broken_by(mut self, cause: reqwest::Error) -> Self {
        if cause.is_timeout() && self.0.outcome == Outcome::Unknown {
            self.0.kind = Kind::TimedOut;
        }
        self.with_source(cause)
    }

    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Whether a task was made: see there before sending anything again.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// The trace id of the request, sent or not.
    #[must_use]
    pub fn trace_id(&self) -> &TraceId {
        &self.0.trace_id
    }

    /// The HTTP status, if a reply came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.reply.as_ref().map(|reply| reply.status)
    }

    /// The service's or the gateway's code, if the reply holds one.
    #[must_use]
    pub fn service_code(&self) -> Option<&ServiceCode> {
        self.0.reply.as_ref()?.code.as_ref()
    }

    /// What the service said, at most 1,000 characters of it, with secrets masked, and URLs where a creation failed.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.0.reply.as_ref()?.message.as_deref()
    }

    /// The gateway's `X-request-id`, for the vendor's support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.reply.as_ref()?.request_id.as_deref()
    }

    /// How long the service asks to wait, from `Retry-After` in seconds or as a date.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.reply.as_ref()?.retry_after
    }

    /// The broken rules, if that is the cause: correct them all.
    #[must_use]
    pub fn validation_error(&self) -> Option<&ValidationError> {
        match &self.0.kind {
            Kind::Validation(error) => Some(error),
            _ => None,
        }
    }

    /// A rule is broken and nothing was sent. Correct the [violations](Self::validation_error).
    #[must_use]
    pub fn is_validation(&self) -> bool {
        matches!(self.0.kind, Kind::Validation(_))
    }

    /// The token provider gave no usable token and nothing was sent. Look at its error, the `source`.
    #[must_use]
    pub fn is_credentials(&self) -> bool {
        matches!(self.0.kind, Kind::Credentials(_))
    }

    /// No connection came about (name, connection, TLS) and nothing was sent. Check the endpoint and the network.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(self.0.kind, Kind::Connect)
    }

    /// Time ran out, with or without the request having left: see [`outcome`](Self::outcome).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, Kind::TimedOut | Kind::Busy)
    }

    /// The service said no. Correct what [`service_code`](Self::service_code) and [`message`](Self::message) name.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.0.outcome == Outcome::Rejected
    }

    /// The credentials were refused, 401. Renew the token, or check the AppSecret and the user id.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(401)
    }

    /// There were too many requests, 429. Wait for [`retry_after`](Self::retry_after), or a minute, and slow down.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.status() == Some(429)
    }

    /// The failure may pass by itself: what a query may be repeated on, and a creation only if its outcome allows it.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let settled = self.service_code().is_some_and(ServiceCode::is_known_refusal);
        match &self.0.kind {
            Kind::Validation(_) | Kind::Interrupted => false,
            Kind::Credentials(_) | Kind::Busy | Kind::Connect | Kind::TimedOut | Kind::Lost => true,
            Kind::Unreadable(_) | Kind::Refused => !settled && matches!(self.status(), Some(408 | 429 | 500..)),
        }
    }
}

/// `the service refused the request, status 400, code 13000311; nothing was done: free space … (trace id …)`
impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, outcome, trace_id, query, reply, note, source: _ } = &*self.0;
        match kind {
            Kind::Validation(error) => write!(f, "{error}"),
            Kind::Credentials(what) => f.write_str(what),
            Kind::Busy => f.write_str("no time was left to send it"),
            Kind::Connect => f.write_str("no connection to the service"),
            Kind::TimedOut => f.write_str("no complete reply in time"),
            Kind::Lost => f.write_str("the connection broke before a whole reply"),
            Kind::Unreadable(why) => write!(f, "the reply settles nothing: {why}"),
            Kind::Refused => f.write_str("the service refused the request"),
            Kind::Interrupted => f.write_str("an earlier run may have sent it, and its outcome is unknown"),
        }?;
        if let Some(reply) = reply {
            write!(f, ", status {}", reply.status)?;
            if let Some(code) = &reply.code {
                write!(f, ", code {code}")?;
            }
            if let Some(message) = &reply.message {
                write!(f, ", message \"{message}\"")?;
            }
            if let Some(request_id) = &reply.request_id {
                write!(f, ", request id {request_id}")?;
            }
        }
        if let Some(note) = note {
            write!(f, "; {note}")?;
        }
        let advice = self.service_code().and_then(ServiceCode::advice);
        match (outcome, kind) {
            (Outcome::NotSent, Kind::Connect) => {
                f.write_str("; nothing was sent: check the endpoint, the network and the proxy variables")
            }
            (Outcome::NotSent, Kind::Busy) => {
                f.write_str("; nothing was sent: allow more time or more concurrent requests, or lower the load")
            }
            (Outcome::NotSent, Kind::Credentials(_)) => f.write_str("; nothing was sent: look at the token provider"),
            (Outcome::NotSent, _) => f.write_str("; nothing was sent"),
            (Outcome::Rejected, _) => {
                write!(f, "; nothing was done: {}", advice.unwrap_or(self.advice_on_status()))
            }
            (Outcome::Unknown, _) if *query => f.write_str("; a query changes nothing: ask again"),
            (Outcome::Unknown, _) => {
                f.write_str("; it may have been carried out all the same: look before sending it again")
            }
        }?;
        write!(f, " (trace id {trace_id})")
    }
}

impl Error {
    fn advice_on_status(&self) -> &'static str {
        match self.status() {
            Some(401) => "renew the token, or check the app secret and the user id",
            Some(403) => "ask for the right to do this",
            Some(404) => "check the endpoint and its path prefix",
            Some(408) => "send it again",
            Some(413) => "give fewer file ids",
            Some(429) => "wait, then send fewer requests at a time",
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
