//! A row of the table: a fault, its cause, and all that a caller sees of it.

use std::{ops::RangeInclusive, pin::Pin, time::Duration};

use futures_util::future::join_all;
use koodrive_share::{Error, Outcome, ServiceCode};
use tokio::time::{Instant, pause};

use super::{
    secrets::{Caller, assert_hides_secrets, shown},
    trial::{Call, Ending, Observed, Trial},
};
use crate::support::{
    scripted_server::{Script, Step},
    trace::Trace,
};

/// A fault and the client's behaviour in it.
///
/// Unless the row says otherwise, the server sees one request on one connection: the client may make three attempts,
/// but makes one.
#[must_use]
pub(super) struct Row {
    title: &'static str,
    cause: Cause,
    expected: Expected,
    trial: Trial,
    callers: &'static [Caller],
}

enum Cause {
    /// A server that plays a script, and a single call to it.
    Script(Script),
    /// Anything else.
    Driven(Driver),
}

type Driver = Box<dyn Fn(Trial) -> Pin<Box<dyn Future<Output = Observed>>>>;

struct Expected {
    /// `None`: the call succeeds.
    outcome: Option<Outcome>,
    /// Whether the caller gets an error.
    error: bool,
    predicates: &'static str,
    status: Option<u16>,
    code: Option<&'static str>,
    message: Option<&'static str>,
    /// In seconds.
    retry_after: Option<RangeInclusive<u64>>,
    advice: &'static str,
    connections: usize,
    requests: usize,
    /// The time until a time-out, by a paused clock, so that load on the machine does not count.
    times_out: Option<Duration>,
}

const LOOK_FIRST: &str = "the request may still have been carried out: look for the task before sending it again";
const CORRECT: &str = "nothing was done: correct what the service names";
const ASK_AGAIN: &str = "a query changes nothing: ask again";

const CHECK_NETWORK: &str = "nothing was sent: check the endpoint, the network and the proxy variables";

impl Row {
    fn new(title: &'static str, cause: Cause) -> Self {
        Self {
            title,
            cause,
            expected: Expected {
                outcome: Some(Outcome::Unknown),
                error: true,
                predicates: "",
                status: None,
                code: None,
                message: None,
                retry_after: None,
                advice: LOOK_FIRST,
                connections: 1,
                requests: 1,
                times_out: None,
            },
            trial: Trial::default(),
            callers: &Caller::ALL,
        }
    }

    /// A server that plays `script`, and a call to it.
    pub(super) fn scripted(title: &'static str, script: Script) -> Self {
        Self::new(title, Cause::Script(script))
    }

    /// A server that answers the only request with `reply`.
    pub(super) fn answered(title: &'static str, reply: Vec<u8>) -> Self {
        let status = status_of(&reply);
        let script = vec![vec![Step::Request, Step::Send(reply)]];
        Self::scripted(title, script).status(status)
    }

    /// A server that answers the only request with `reply`, of which the client reads only a part before it hangs up.
    pub(super) fn answered_in_part(title: &'static str, reply: Vec<u8>) -> Self {
        let status = status_of(&reply);
        let script = vec![vec![Step::Request, Step::Flood(reply)]];
        Self::scripted(title, script).status(status)
    }

    /// A fault that `driver` brings about.
    pub(super) fn driven<T>(title: &'static str, driver: impl Fn(Trial) -> T + 'static) -> Self
    where
        T: Future<Output = Observed> + 'static,
    {
        let driver = Box::new(move |trial| Box::pin(driver(trial)) as Pin<Box<_>>);
        Self::new(title, Cause::Driven(driver))
    }

    pub(super) fn made(mut self) -> Self {
        self.expected.outcome = None;
        self.expected.error = false;
        self.advice("go on with the handle")
    }

    pub(super) fn not_sent(mut self) -> Self {
        self.expected.outcome = Some(Outcome::NotSent);
        self.requests(0).advice("nothing was sent")
    }

    /// No connection was made. That is retryable, so the row has one attempt unless it says otherwise.
    pub(super) fn no_connection(self) -> Self {
        self.attempts(1).not_sent().is("connect retryable").advice(CHECK_NETWORK)
    }

    /// No connection can be made until the advice is followed, so there is no retry.
    pub(super) fn no_connection_until(self, predicates: &'static str, advice: &'static str) -> Self {
        self.not_sent().is(predicates).advice(advice)
    }

    pub(super) fn rejected(mut self) -> Self {
        self.expected.outcome = Some(Outcome::Rejected);
        self.is("refused").advice(CORRECT)
    }

    /// The caller gets no error, and has to know the outcome by itself.
    pub(super) fn without_error(mut self) -> Self {
        self.expected.error = false;
        self
    }

    /// Exactly these predicates hold of the error.
    pub(super) fn is(mut self, predicates: &'static str) -> Self {
        self.expected.predicates = predicates;
        self
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.expected.status = Some(status);
        self
    }

    pub(super) fn code(mut self, code: &'static str) -> Self {
        self.expected.code = Some(code);
        self
    }

    /// The error's text contains this.
    pub(super) fn says(mut self, message: &'static str) -> Self {
        self.expected.message = Some(message);
        self
    }

    pub(super) fn retry_after(mut self, seconds: RangeInclusive<u64>) -> Self {
        self.expected.retry_after = Some(seconds);
        self
    }

    /// The advice in the error, or in the table if there is no error.
    pub(super) fn advice(mut self, advice: &'static str) -> Self {
        self.expected.advice = advice;
        self
    }

    pub(super) fn requests(mut self, requests: usize) -> Self {
        self.expected.requests = requests;
        self
    }

    pub(super) fn connections(mut self, connections: usize) -> Self {
        self.expected.connections = connections;
        self
    }

    pub(super) fn attempts(mut self, attempts: u32) -> Self {
        self.trial.attempts = attempts;
        self
    }

    pub(super) fn max_reply_bytes(mut self, bytes: usize) -> Self {
        self.trial.max_reply_bytes = bytes;
        self
    }

    /// The call is `getBatchTask`.
    pub(super) fn query(mut self) -> Self {
        self.trial.call = Call::Query;
        self.advice(ASK_AGAIN)
    }

    /// The call opens a share with an extract code.
    pub(super) fn share(mut self) -> Self {
        self.trial.call = Call::OpenShare;
        self.advice(ASK_AGAIN)
    }

    /// The time to connect runs out.
    pub(super) fn connect_timeout(mut self) -> Self {
        self.trial.connect_timeout = Duration::from_millis(500);
        self.expected.times_out = Some(self.trial.connect_timeout);
        self
    }

    /// The time for the whole call runs out.
    pub(super) fn timeout(mut self) -> Self {
        self.trial.connect_timeout = Duration::from_secs(1);
        self.trial.timeout = Duration::from_secs(2);
        self.expected.times_out = Some(self.trial.timeout);
        self
    }

    pub(super) fn only(mut self, callers: &'static [Caller]) -> Self {
        self.callers = callers;
        self
    }

    /// The row sends megabytes, which takes time, so it is played for one kind of caller only.
    pub(super) fn heavy(self) -> Self {
        self.only(&[Caller::Provider])
    }

    /// Plays the fault for each kind of caller, and checks all that can be seen of it.
    pub(super) async fn check(self) {
        let trace = Trace::start();
        if self.expected.times_out.is_some() {
            pause();
        }
        join_all(self.callers.iter().map(|caller| self.check_for(*caller))).await;
        let trace = trace.text();
        assert_hides_secrets("the trace", &trace);
        assert!(!trace.is_empty() || !self.expected.error, "nothing was traced");
    }

    async fn check_for(&self, caller: Caller) {
        let trial = Trial { caller, ..self.trial.clone() };
        let begun = Instant::now();
        let observed = match &self.cause {
            Cause::Script(script) => trial.play(script).await,
            Cause::Driven(driver) => driver(trial).await,
        };
        let elapsed = begun.elapsed();
        // A row of three attempts takes three times as long, and the pauses between them.
        let is_in_time = |least: Duration| (least..15 * least).contains(&elapsed);
        assert!(self.expected.times_out.is_none_or(is_in_time), "{caller:?}: took {elapsed:?}");
        let connections = observed.connections.unwrap_or(self.expected.connections);
        let seen = (connections, observed.requests);
        let expected = (self.expected.connections, self.expected.requests);
        assert_eq!(seen, expected, "{caller:?}: connections and requests");
        match (observed.ending, self.expected.error) {
            (Ending::Failed(error), true) => self.expected.check(caller, &error),
            (Ending::Failed(error), false) => panic!("{caller:?}: failed with {error}"),
            (Ending::Made, _) => assert_eq!(self.expected.outcome, None, "{caller:?}: succeeded"),
            (Ending::NoAnswer, error) => assert!(!error, "{caller:?}: no answer"),
        }
    }

    /// Whether it is a creation that failed with an unknown outcome, so that a task may exist.
    pub(super) fn is_unknown_creation(&self) -> bool {
        let Self { expected, trial, .. } = self;
        expected.error && expected.outcome == Some(Outcome::Unknown) && trial.call == Call::Create
    }

    pub(super) fn is_retryable(&self) -> bool {
        self.expected.predicates.split_whitespace().any(|name| name == "retryable")
    }

    /// The line of the published table.
    pub(super) fn markdown(&self, test: &str) -> String {
        let Self { title, expected, .. } = self;
        let outcome = match expected.outcome {
            None if self.trial.call == Call::Create => "made".to_owned(),
            None => "answered".to_owned(),
            Some(Outcome::Unknown) => format!("**{}**", Outcome::Unknown),
            Some(outcome) => outcome.to_string(),
        };
        let predicates = expected.predicates.split_whitespace();
        let mut facts: Vec<String> = predicates.map(|name| format!("`is_{name}`")).collect();
        facts.extend(expected.status.filter(|_| expected.error).map(|status| status.to_string()));
        facts.extend(expected.code.map(|code| format!("code `{code}`")));
        let wait = expected.retry_after.as_ref().map(RangeInclusive::end);
        let wait = wait.map(|seconds| format!("`retry_after` {seconds} s"));
        facts.extend(wait);
        let facts = if facts.is_empty() { "—".to_owned() } else { facts.join(", ") };
        let Expected { requests, advice, .. } = expected;
        format!("| {title} | {outcome} | {requests} | {facts} | {advice} | `{test}` |\n")
    }
}

impl Expected {
    fn check(&self, caller: Caller, error: &Error) {
        let context = format!("{caller:?}: {error:?}");
        assert_eq!(Some(error.outcome()), self.outcome, "{context}");
        assert_eq!(predicates(error), self.predicates, "{context}");
        assert!(self.error_types().contains(&error.error_type()), "{}: {context}", error.error_type());
        assert_eq!(error.status(), self.status, "{context}");
        assert_eq!(error.service_code().map(ServiceCode::as_str), self.code, "{context}");
        let waits = match (error.retry_after(), &self.retry_after) {
            (Some(wait), Some(seconds)) => seconds.contains(&wait.as_secs()),
            (wait, seconds) => wait.is_none() && seconds.is_none(),
        };
        assert!(waits, "{context}");
        let text = error.to_string();
        assert!(text.contains(self.advice), "{text}");
        assert!(text.contains(self.message.unwrap_or_default()), "{text}");
        assert!(text.contains(error.trace_id().unwrap().as_str()), "{text}");
        for text in shown(error) {
            assert_hides_secrets("the error", &text);
        }
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{2028}'), "{text:?}");
        assert!(text.len() < 16_000, "an error of {} bytes", text.len());
    }

    /// The error types for metrics that agree with the predicates.
    fn error_types(&self) -> &'static [&'static str] {
        let holds = |name: &str| self.predicates.split_whitespace().any(|holding| holding == name);
        match () {
            () if holds("proxy_unauthorized") => &["proxy"],
            () if holds("certificate") => &["certificate"],
            () if holds("connect") => &["connect"],
            () if holds("validation") => &["validation"],
            () if holds("credentials") => &["credentials"],
            () if holds("timeout") => &["timeout", "busy"],
            () if holds("extract_code_refused") => &["extract_code"],
            () if holds("share_ended") => &["share_ended"],
            () if holds("refused") && holds("throttled") => &["throttled"],
            () if holds("refused") && holds("unauthorized") => &["unauthorized"],
            () if holds("access_refused") => &["access_refused"],
            () if holds("refused") => &["refused"],
            () => &["lost", "unreadable", "request"],
        }
    }
}

fn predicates(error: &Error) -> String {
    let all = [
        ("validation", error.is_validation()),
        ("credentials", error.is_credentials()),
        ("connect", error.is_connect()),
        ("certificate", error.is_certificate()),
        ("proxy_unauthorized", error.is_proxy_unauthorized()),
        ("timeout", error.is_timeout()),
        ("refused", error.is_refused()),
        ("extract_code_refused", error.is_extract_code_refused()),
        ("share_ended", error.is_share_ended()),
        ("access_refused", error.is_access_refused()),
        ("unauthorized", error.is_unauthorized()),
        ("throttled", error.is_throttled()),
        ("retryable", error.is_retryable()),
    ];
    let holding = all.iter().filter(|(_, holds)| *holds).map(|(name, _)| *name);
    holding.collect::<Vec<_>>().join(" ")
}

fn status_of(reply: &[u8]) -> u16 {
    let line = String::from_utf8_lossy(&reply[.."HTTP/1.1 200".len()]).into_owned();
    line[line.len() - 3..].parse().unwrap()
}

/// Makes a test of every row, and lists the rows for the table.
macro_rules! rows {
    ($heading:literal $($name:ident => $row:expr;)+) => {
        /// The rows under their heading, each with the name of its test.
        pub(super) fn rows() -> (&'static str, Vec<(&'static str, Row)>) {
            ($heading, vec![$((stringify!($name), $row)),+])
        }

        mod tests {
            $(#[tokio::test]
            async fn $name() {
                let (_, rows) = super::rows();
                let row = rows.into_iter().find(|(name, _)| *name == stringify!($name));
                row.unwrap().1.check().await;
            })+
        }
    };
}
pub(super) use rows;
