//! The client, from flags and variables.

use std::{
    convert::Infallible,
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use koodrive_share::{Client, ClientBuilder, Credentials, Error};
use tokio::task::spawn_blocking;

use crate::{
    args::{self, ServiceArgs},
    exit::{CommandError, Exit, both, with_causes},
    interrupts::while_interruptible,
    output::{duration, stderr},
    secret, token_file,
};

/// The client from the variables, which flags override. Its calls that only read pause while the service throttles or
/// is away, and report their pauses.
pub(crate) fn client(service: ServiceArgs) -> Result<Client, CommandError> {
    let (patience, client) = both(patience(service.patience), impatient_client(service))?;
    Ok(client.with_patience(patience, report_pauses()))
}

/// How long to wait for the service. Defaults to 15 minutes, the library's default for a bulk run.
pub(crate) fn patience(flag: Option<Duration>) -> Result<Duration, CommandError> {
    let patience = flag_or_variable(flag, "KOODRIVE_PATIENCE", args::time)?;
    Ok(patience.unwrap_or(Duration::from_secs(15 * 60)))
}

/// `paused for 2s: the service refused the request, status 429 …`, and after that `paused for 4s: throttled`. If
/// several calls are throttled at the same time, only the first pause is reported.
pub(crate) fn report_pauses() -> impl Fn(Duration, &Error) {
    let reported_until = Mutex::new(None::<Instant>);
    move |length, error| {
        let mut is_known = false;
        if error.is_throttled() {
            let now = Instant::now();
            let mut reported_until = reported_until.lock().unwrap_or_else(PoisonError::into_inner);
            if reported_until.is_some_and(|end| now < end) {
                return;
            }
            // Only half of the length counts: this may be called late, and the next pause has to be reported, too.
            is_known = reported_until.replace(now + length / 2).is_some();
        }
        let cause = if is_known { "throttled".to_owned() } else { with_causes(error) };
        let line = format!("paused for {}: {cause}", duration(length));
        // This is not written on the thread that receives replies: writing blocks if the standard error is not read.
        drop(spawn_blocking(move || stderr(&line)));
    }
}

fn impatient_client(mut service: ServiceArgs) -> Result<Client, CommandError> {
    let ServiceArgs { request_timeout, connect_timeout, idle_timeout, max_attempts, .. } = service;
    let pem_file = |flag: &mut Option<PathBuf>, variable| {
        flag_or_variable(flag.take(), variable, |path| Ok::<_, Infallible>(PathBuf::from(path)))
    };
    let cacert = pem_file(&mut service.cacert, "KOODRIVE_CACERT")?;
    let cert = pem_file(&mut service.cert, "KOODRIVE_CERT")?;
    let timeouts = both(
        flag_or_variable(request_timeout, "KOODRIVE_REQUEST_TIMEOUT", args::time),
        flag_or_variable(connect_timeout, "KOODRIVE_CONNECT_TIMEOUT", args::time),
    );
    let idle_timeout = flag_or_variable(idle_timeout, "KOODRIVE_IDLE_TIMEOUT", args::time);
    let max_attempts = flag_or_variable(max_attempts, "KOODRIVE_MAX_ATTEMPTS", str::parse);
    let pems = both(certificates(cacert.as_deref()), certificates(cert.as_deref()));
    let route = both(pems, proxy_url(service.proxy.take(), service.proxy_file.as_deref()));
    let (((request_timeout, connect_timeout), (idle_timeout, max_attempts)), ((roots, own_certificate), proxy)) =
        both(both(timeouts, both(idle_timeout, max_attempts)), route)?;
    let mut builder = ClientBuilder::from_env();
    builder = with(builder, roots, ClientBuilder::root_certificates);
    builder = with(builder, own_certificate, ClientBuilder::client_certificate);
    builder = with(builder, proxy, ClientBuilder::proxy);
    builder = with(builder, request_timeout, ClientBuilder::timeout);
    builder = with(builder, connect_timeout, ClientBuilder::connect_timeout);
    builder = with(builder, idle_timeout, ClientBuilder::idle_timeout);
    builder = with(builder, max_attempts, ClientBuilder::max_attempts);
    builder = with(builder, service.endpoint.take(), ClientBuilder::endpoint);
    builder = with(builder, service.user_id.take(), ClientBuilder::user_id);
    builder = with(builder, service.agent_name.take(), ClientBuilder::agent_name);
    build_with_credentials(builder, service).map_err(|error| {
        // An error about certificates names the file that they came from.
        let files = [("--cacert", "KOODRIVE_CACERT", &cacert), ("--cert", "KOODRIVE_CERT", &cert)];
        let message = files.into_iter().fold(error.message, |message, (flag, variable, path)| match path {
            Some(path) => message.replace(&format!("{flag} ({variable})"), &format!("{flag} {}", path.display())),
            None => message,
        });
        CommandError { message, ..error }
    })
}

/// The builder with a value, if one was given.
fn with<T>(builder: ClientBuilder, value: Option<T>, set: fn(ClientBuilder, T) -> ClientBuilder) -> ClientBuilder {
    match value {
        Some(value) => set(builder, value),
        None => builder,
    }
}

/// Builds the client with the credentials of the flags, which override those of the variables.
fn build_with_credentials(builder: ClientBuilder, service: ServiceArgs) -> Result<Client, CommandError> {
    let ServiceArgs { token_file, authorization_file, app_id, app_secret_file, .. } = service;
    let has_app = app_id.is_some() || app_secret_file.is_some();
    match (token_file, authorization_file) {
        (None, None) if has_app => {
            let app_id = app_id.map_or_else(|| secret::variable("KOODRIVE_APP_ID"), |id| Ok(Some(id)));
            let secret = secret::from_file_or_variable(app_secret_file.as_deref(), "KOODRIVE_APP_SECRET");
            let (app_id, secret) = both(app_id, secret)?;
            build(builder.credentials(Credentials::app(app_id.unwrap_or_default(), secret.unwrap_or_default())))
        }
        (None, None) => build(builder),
        (None, Some(path)) if !has_app => build(builder.credentials(Credentials::authorization(secret::read(&path)?))),
        (Some(path), None) if !has_app => {
            let token = secret::read(&path)?;
            // Building with this token validates it; the token of a provider is not validated before it is used.
            let client = build(builder.clone().credentials(Credentials::bearer(token.as_str())))?;
            match token_file::credentials(&path, token) {
                Some(credentials) => build(builder.credentials(credentials)),
                None => Ok(client),
            }
        }
        _ => Err(CommandError::usage(
            "give one of --token-file, --authorization-file, and --app-id with --app-secret-file",
        )),
    }
}

fn build(builder: ClientBuilder) -> Result<Client, CommandError> {
    builder.build().map_err(|error| match error.validation_error() {
        Some(broken) => broken.into(),
        None => CommandError::new(Exit::Failed, &error),
    })
}

fn certificates(path: Option<&Path>) -> Result<Option<Vec<u8>>, CommandError> {
    let read = path.map(|path| {
        let unreadable = |error| format!("no certificates can be read from {}: {error}", path.display());
        while_interruptible(path, || fs::read(path).map_err(|error| CommandError::usage(unreadable(error))))
    });
    read.transpose()
}

fn proxy_url(flag: Option<String>, file: Option<&Path>) -> Result<Option<String>, CommandError> {
    if let Some(path) = file {
        return secret::read(path).map(Some);
    }
    if flag.as_ref().is_some_and(|url| url.contains('@')) {
        let message = "--proxy: every user of the machine can see a password in a flag; give --proxy-file or set KOODRIVE_PROXY instead";
        return Err(CommandError::usage(message));
    }
    flag_or_variable(flag, "KOODRIVE_PROXY", |url| Ok::<_, Infallible>(url.to_owned()))
}

/// The value of a flag, or else of the variable for it. An empty variable counts as not set, as in the library.
pub(crate) fn flag_or_variable<T, E: fmt::Display>(
    flag: Option<T>,
    variable: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, CommandError> {
    if flag.is_some() {
        return Ok(flag);
    }
    let parsed = secret::variable(variable)?.map(|value| {
        let refused = |error| CommandError::usage(format!("{variable}: {value:?} is no value for it: {error}"));
        parse(&value).map_err(refused)
    });
    parsed.transpose()
}
