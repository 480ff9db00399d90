//! Every rule that the library enforces: its name, and what it demands.
//!
//! This file imports nothing, so that tests and checks of the spec can include it.

/// A rule that the library enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The name in a violation, and in the spec if the rule is about requests.
    pub(crate) name: &'static str,
    /// What a value must be, in words that follow the name of a field.
    pub(crate) requirement: &'static str,
}

/// Defines a constant for each rule, and the list of all.
macro_rules! rules {
    ($list:ident: $($constant:ident = $name:literal, $requirement:literal;)+) => {
        $(pub(crate) const $constant: Rule = Rule { name: $name, requirement: $requirement };)+

        #[allow(dead_code, reason = "for the tests and checks that include this file")]
        pub(crate) const $list: &[Rule] = &[$($constant),+];
    };
}

// Rules about requests. The spec states each of them in prose, by the same name.
rules! { OF_REQUESTS:
    FILE_IDS_COUNT = "file-ids-count", "must hold 1 to 1000 file ids";
    HEADER_TEXT = "header-text", "must be visible ASCII, neither empty nor with blanks at its ends";
    NOT_EMPTY = "not-empty", "must not be empty";
    PAGE_SIZE = "page-size", "must be 1 to 100";
    SHARE_LINK = "share-link", "must hold one share link, or be its short code";
    TARGET_REQUIRED = "target-required", "must be given for a dump";
    TASK_TYPE = "task-type", "must be 1 (package download) or 2 (dump)";
    TRACE_ID = "trace-id", "must be exactly 58 of the characters 0-9, A-Z, a-z and _";
    X_DATE_FORMAT = "x-date-format", "must be a UTC time as yyyyMMdd'T'HHmmss'Z'";
    X_DATE_WINDOW = "x-date-window", "must be at most 15 minutes old and not in the future";
    ZIP_NAME_REQUIRED = "zip-name-required", "must be given for a package download";
}

// Rules about settings, credentials, handles and bulk creations, which are not in the spec.
rules! { OF_SETTINGS:
    APP_ID = "app-id", "must hold neither commas nor blanks";
    APP_SECRET = "app-secret", "must be text without blanks at its ends";
    BACKDATE = "backdate", "must be at most 10 minutes";
    BARE_TOKEN = "bare-token", "must not carry a scheme";
    CLIENT_CERTIFICATE = "client-certificate", "must hold a certificate and its private key as PEM";
    CONCURRENCY = "concurrency", "must be 1 to 100";
    CONNECT_TIMEOUT = "connect-timeout", "must be more than 0 and less than the total time-out";
    CREDENTIALS = "credentials", "must be given, and be of one kind";
    DOWNLOAD_PATH = "download-path", "must end with the name of a file";
    DOWNLOAD_URL = "download-url", "must be https, or http to this machine or after allow_http(true), without credentials";
    ENDPOINT_BARE = "endpoint-bare", "must hold no credentials, no query and no fragment";
    ENDPOINT_HTTPS = "endpoint-https", "must be https, or http to this machine or after allow_http(true)";
    ENDPOINT_OF_TASK = "endpoint-of-task", "must be the endpoint that the task lives at";
    ENDPOINT_TLS = "endpoint-tls", "needs a TLS back end for https";
    ENDPOINT_URL = "endpoint-url", "must be a base URL with its scheme";
    IDLE_TIMEOUT = "idle-timeout", "must be at most a day";
    INTERVAL = "interval", "must be more than 0 and at most the longest wait";
    LEDGER_REQUIRED = "ledger-required", "needs a ledger";
    MAX_ATTEMPTS = "max-attempts", "must be 1 to 10";
    MAX_CONCURRENT_REQUESTS = "max-concurrent-requests", "must be 1 to 100000";
    MAX_REPLY_BYTES = "max-reply-bytes", "must be at least 1024";
    ONE_SPACE = "one-space", "must be the space of all files of a task";
    PROXY = "proxy", "must be the URL of an http, https, socks4 or socks5 proxy, without a path";
    RATE = "rate", "must be 1 request or more in at most a day, and at most 1 in a microsecond";
    RENEWAL_TIMEOUT = "renewal-timeout", "must be more than 0 and at most a day";
    REQUEST_HEADERS = "request-headers", "must be a valid header name, other than those that the client sets or that concern the connection or a body's encoding";
    ROOT_CERTIFICATES = "root-certificates", "must hold a certificate as PEM";
    SESSION_LIFETIME = "session-lifetime", "must be at most 19 minutes";
    STALL_TIMEOUT = "stall-timeout", "must be more than 0 and at most a day";
    SPLIT_CONSENT = "split-consent", "must hold 1 to 1000 file ids for one package";
    TASK_OF_CHUNK = "task-of-chunk", "must be no task of another chunk";
    TEMPLATE = "template", "must be unset: each task gets its own";
    TIMEOUT = "timeout", "must be more than 0 and at most a day";
    UNKNOWN_CHUNK = "unknown-chunk", "must be the range of a chunk whose outcome is unknown";
}
