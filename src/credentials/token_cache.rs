//! Tokens that are renewed: the provider, and a cache in front of it.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use http::HeaderValue;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tracing::Instrument;

use crate::{
    rules,
    validation::{ValidationError, secret_header},
};

/// How long the vendor's token lives from its last use. Source: carrier reference, authentication.
const SLIDING_LIFETIME: Duration = Duration::from_secs(20 * 60);

/// Longest lifetime that is kept, 30 years: the clock ends somewhere beyond it.
const LONGEST_LIFETIME: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// How long before its end a token is renewed: at most this, and at most a tenth of its life.
const RENEWAL_MARGIN: Duration = Duration::from_secs(60);

/// How long after a failed renewal the next one is tried, while the token is still good.
const RENEWAL_PAUSE: Duration = Duration::from_secs(10);

const LATE: &str = "it gave no token within the renewal time-out";

/// Any error of a provider; it becomes the `source` of the call's error.
pub type ProviderError = Box<dyn Error + Send + Sync>;

tokio::task_local! {
    /// The address of the cache whose provider is asked: a call that it makes for itself would wait for its own token.
    static ASKING: usize;
}

/// A provider's failure, shared by the calls that waited for it.
pub(crate) type SharedError = Arc<dyn Error + Send + Sync>;

fn failure(text: &str) -> SharedError {
    ProviderError::from(text).into()
}

/// Where tokens come from.
///
/// Any async closure is one:
///
/// ```
/// # use koodrive_share::Credentials;
/// # async fn log_in() -> Result<String, std::io::Error> { Ok("token".into()) }
/// let credentials = Credentials::provider(|| async { Ok(log_in().await?.into()) });
/// ```
///
/// It is asked when the token at hand has lapsed, was refused or is about to lapse; in the last case the calls go on with
/// the token at hand. Asking is a task of its own, one at a time: it goes on without the call that began it, and serves all
/// that need a token by then. It ends after [`renewal_timeout`](crate::ClientBuilder::renewal_timeout), and when the last
/// clone of the client and of its [`Credentials`](crate::Credentials) is dropped; then the future is dropped at an await
/// point. A failure, a panic, a time-out or a token that fits no header fails the calls that waited for it and no other; a
/// renewal that fails before the token's end is tried again after 10 s at the earliest. An error, or a panic's message, is
/// shown as the `source` of the call's error, so let it hold no secret.
///
/// It must not wait for a call of the client that it provides for. Such a call gets an error at once, unless a task that the
/// provider has spawned makes it: then both wait until the renewal times out.
pub trait TokenProvider: Send + Sync + 'static {
    /// Gets a token.
    fn token(&self) -> impl Future<Output = Result<AccessToken, ProviderError>> + Send;
}

impl<F, T> TokenProvider for F
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = Result<AccessToken, ProviderError>> + Send,
{
    fn token(&self) -> impl Future<Output = Result<AccessToken, ProviderError>> + Send {
        self()
    }
}

/// A token and how long it lives.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub(super) header: Result<HeaderValue, ValidationError>,
    /// `None`: [`SLIDING_LIFETIME`] after its last use.
    end: Option<Instant>,
}

impl AccessToken {
    /// A token that lives 20 minutes from its last use, as the vendor's do.
    pub fn new(token: impl Into<String>) -> Self {
        Self { header: bearer(&token.into()), end: None }
    }

    /// A whole value of the `Authorization` header, sent exactly as given, such as the `AT 3b91…` that the carrier's login
    /// answers. It lives as one of [`new`](Self::new) does.
    pub fn authorization(value: impl Into<String>) -> Self {
        let advice = "give the header's whole value, such as `Bearer <token>`";
        Self { header: secret_header("Authorization", &value.into(), advice), end: None }
    }

    /// Says that the token lives this long from now, however often it is used. With 0 it serves the calls that wait for
    /// it and no other. More than 30 years count as 30.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        Self { end: Some(Instant::now() + lifetime.min(LONGEST_LIFETIME)), ..self }
    }
}

/// As [`AccessToken::new`].
impl<T: Into<String>> From<T> for AccessToken {
    fn from(token: T) -> Self {
        Self::new(token)
    }
}

/// `Bearer <token>`, unless the token comes with its scheme, as in `Bearer 3b91…` or `Bearer+3b91…`.
fn bearer(token: &str) -> Result<HeaderValue, ValidationError> {
    let header = |value: &str| secret_header("token", value, "copy the access token alone");
    header(token)?;
    let lower = token.to_ascii_lowercase();
    if token.contains(' ') || lower.starts_with("bearer+") || lower.starts_with("at+") {
        let advice = "give the token alone, or the whole value as Credentials::authorization or \
                      AccessToken::authorization (KOODRIVE_AUTHORIZATION)";
        return Err(rules::BARE_TOKEN.at("token").given("a token with a scheme in front").advise(advice).into());
    }
    header(&format!("Bearer {token}"))
}

/// The provider without its type, so that [`Credentials`](super::Credentials) has none either.
type Provider = dyn Fn() -> BoxFuture<'static, Result<AccessToken, ProviderError>> + Send + Sync;

/// One token for all calls, as the value of a header. A renewal is a task of its own.
pub(crate) struct TokenCache {
    provider: Box<Provider>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cached: Option<Cached>,
    /// The latest one.
    renewal: Option<Renewal>,
    /// Until then no renewal is begun for a token that is still good: one is running, or has just failed.
    paused_until: Option<Instant>,
}

/// A provider's answer, once it is there.
type Answer = Option<Result<HeaderValue, SharedError>>;

struct Renewal {
    /// It counts even where nobody drives the runtime that the renewal runs on.
    deadline: Instant,
    /// Closed when the renewal ends, and with its runtime.
    answer: watch::Receiver<Answer>,
    /// Aborted when it is dropped.
    _task: JoinSet<()>,
}

struct Cached {
    header: HeaderValue,
    end: Option<Instant>,
    obtained: Instant,
    used: Instant,
}

impl Cached {
    fn is_good(&self, now: Instant) -> bool {
        now < self.end.unwrap_or(self.used + SLIDING_LIFETIME)
    }

    /// Whether it is about to lapse. Using a sliding one renews it, so there is nothing to renew early.
    fn is_due(&self, now: Instant) -> bool {
        let margin = |end| RENEWAL_MARGIN.min((end - self.obtained) / 10);
        self.end.is_some_and(|end| now + margin(end) >= end)
    }
}

impl TokenCache {
    pub(crate) fn new(provider: impl TokenProvider) -> Self {
        let provider = Arc::new(provider);
        let ask = move || {
            let provider = provider.clone();
            async move { provider.token().await }.boxed()
        };
        Self { provider: Box::new(ask), state: Mutex::default() }
    }

    /// A usable token: the cached one, or what the provider answers within `limit`.
    ///
    /// Cancel safe: a renewal goes on without the call that began it.
    pub(crate) async fn token(self: &Arc<Self>, limit: Duration) -> Result<CachedToken, SharedError> {
        let token = |header| CachedToken { cache: self.clone(), header };
        // Once more if the runtime of a renewal ended before it did.
        for _ in 0..2 {
            let (deadline, mut answer) = match self.usable_or_renewal(limit) {
                Ok(header) => return Ok(token(header)),
                Err(renewal) => renewal,
            };
            if ASKING.try_with(|asking| *asking == Arc::as_ptr(self).addr()) == Ok(true) {
                return Err(failure("the token provider waits for its own token: use another client in it"));
            }
            drop(timeout_at(deadline, answer.wait_for(Option::is_some)).await);
            match &*answer.borrow() {
                Some(answer) => return answer.clone().map(token),
                None if Instant::now() >= deadline => break,
                None => {}
            }
        }
        Err(failure(LATE))
    }

    /// The cached token if it is good, or the renewal to wait for. Begins one where it is due and none is running.
    fn usable_or_renewal(self: &Arc<Self>, limit: Duration) -> Result<HeaderValue, (Instant, watch::Receiver<Answer>)> {
        let mut state = self.lock();
        let now = Instant::now();
        let good = state.cached.as_ref().filter(|cached| cached.is_good(now));
        let may_wait =
            good.is_some_and(|cached| !cached.is_due(now)) || state.paused_until.is_some_and(|end| now < end);
        match (good.map(|cached| cached.header.clone()), &state.renewal) {
            (Some(header), _) if may_wait => Ok(header),
            (None, Some(Renewal { deadline, answer, .. })) if now < *deadline && answer.has_changed().is_ok() => {
                Err((*deadline, answer.clone()))
            }
            (good, _) => {
                let (deadline, (sender, answer)) = (now + limit, watch::channel(None));
                let asked = ASKING.scope(Arc::as_ptr(self).addr(), (self.provider)());
                let mut task = JoinSet::new();
                task.spawn(Self::renew(Arc::downgrade(self), asked, deadline, sender).in_current_span());
                state.paused_until = Some(deadline + RENEWAL_PAUSE);
                state.renewal = Some(Renewal { deadline, answer: answer.clone(), _task: task });
                good.ok_or((deadline, answer))
            }
        }
    }

    /// Waits for what the provider answers, and keeps it. The task ends with the cache, which holds it.
    async fn renew(
        cache: Weak<Self>,
        asked: impl Future<Output = Result<AccessToken, ProviderError>> + Send + 'static,
        deadline: Instant,
        sender: watch::Sender<Answer>,
    ) {
        // A task of its own, for the sake of its panics.
        let mut task = JoinSet::new();
        task.spawn(asked.in_current_span());
        let result = match timeout_at(deadline, task.join_next()).await {
            Ok(Some(answer)) => answer.map_err(ProviderError::from).flatten().map_err(SharedError::from),
            Ok(None) | Err(_) => Err(failure(LATE)),
        };
        let Some(cache) = cache.upgrade() else { return };
        let now = Instant::now();
        let renewed = result.and_then(|AccessToken { header, end }| {
            let header = header.map_err(|broken| -> SharedError { Arc::new(broken) })?;
            Ok(Cached { header, end, obtained: now, used: now })
        });
        let is_known = |renewed: &Cached| cache.lock().cached.as_ref().is_some_and(|it| it.header == renewed.header);
        match &renewed {
            Ok(renewed) if is_known(renewed) => {}
            Ok(_) => tracing::debug!("the token was renewed"),
            Err(failure) => tracing::warn!(%failure, "the token was not renewed"),
        }
        let mut state = cache.lock();
        state.paused_until = renewed.is_err().then(|| now + RENEWAL_PAUSE);
        let answer = renewed.map(|renewed| state.cached.insert(renewed).header.clone());
        // Closed while the state is locked: who comes after finds the token, or begins anew.
        let _ = sender.send(Some(answer));
        drop(sender);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token of a request, and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct CachedToken {
    cache: Arc<TokenCache>,
    pub(crate) header: HeaderValue,
}

impl CachedToken {
    /// Takes note that the service has answered a request with this token, which prolongs a sliding lifetime.
    pub(crate) fn used(&self) {
        if let Some(cached) = self.cache.lock().cached.as_mut().filter(|cached| cached.header == self.header) {
            cached.used = Instant::now();
        }
    }

    /// Drops a refused token, unless another call has renewed it already.
    pub(crate) fn discard(&self) {
        self.cache.lock().cached.take_if(|cached| cached.header == self.header);
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}
