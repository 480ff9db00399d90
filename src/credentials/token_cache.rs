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

/// The lifetime of the vendor's token from its last use. Source: carrier reference, authentication.
const SLIDING_LIFETIME: Duration = Duration::from_secs(20 * 60);

/// The longest lifetime, 30 years: an `Instant` much further ahead may overflow.
const LONGEST_LIFETIME: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// How long before its end a token is renewed: this, or a tenth of its lifetime if that is less.
const RENEWAL_MARGIN: Duration = Duration::from_secs(60);

/// The pause between a failed renewal and the next one, while the token is still good.
const RENEWAL_PAUSE: Duration = Duration::from_secs(10);

const TIMED_OUT: &str = "it gave no token within the renewal time-out";

/// Any error of a provider; it becomes the `source` of the call's error.
pub type ProviderError = Box<dyn Error + Send + Sync>;

tokio::task_local! {
    /// The address of the cache whose provider is running. A call by the provider that needs a token of this cache
    /// would wait for itself.
    static RUNNING_PROVIDER: usize;
}

/// A provider's failure, shared by the calls that waited for it.
pub(crate) type SharedError = Arc<dyn Error + Send + Sync>;

fn failure(text: &str) -> SharedError {
    ProviderError::from(text).into()
}

/// A source of access tokens.
///
/// Any async closure implements it:
///
/// ```
/// # use koodrive_share::Credentials;
/// # async fn log_in() -> Result<String, std::io::Error> { Ok("token".into()) }
/// let credentials = Credentials::provider(|| async { Ok(log_in().await?.into()) });
/// ```
///
/// The client asks the provider when the current token has lapsed, was refused or is about to lapse. In the last case,
/// calls go on with the current token.
///
/// Each renewal is a tokio task of its own, and only one runs at a time. It goes on if the call that began it ends, and
/// serves all calls that need a token by then. It ends after
/// [`renewal_timeout`](crate::ClientBuilder::renewal_timeout), or when the last clone of the client and of its
/// [`Credentials`](crate::Credentials) is dropped. The provider's future is then dropped at an await point.
///
/// An error, a panic, a time-out or a token that does not fit into a header fails only the calls that waited for that
/// renewal. If a renewal fails while the token is still good, the next one begins 10 s later at the earliest, or once
/// the token lapses. The error, or the panic's message, becomes the `source` of the call's error, so it must hold no
/// secret.
///
/// A provider must not wait for a call of the client that it provides for. If such a call needs the new token, it gets
/// an error at once, unless it is made in a task that the provider has spawned: then both wait until the renewal times
/// out.
pub trait TokenProvider: Send + Sync + 'static {
    /// Returns a new token.
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

/// An access token and its lifetime.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub(super) header: Result<HeaderValue, ValidationError>,
    /// `None` means [`SLIDING_LIFETIME`] after the last use.
    end: Option<Instant>,
}

impl AccessToken {
    /// Makes a token that lives for 20 minutes from its last use, as the vendor's do.
    pub fn new(token: impl Into<String>) -> Self {
        Self { header: bearer(&token.into()), end: None }
    }

    /// Makes a token from the whole value of the `Authorization` header, which is sent exactly as given, such as the
    /// `AT 3b91…` that the carrier's login returns. It lives as long as a token of [`new`](Self::new).
    pub fn authorization(value: impl Into<String>) -> Self {
        let advice = "give the header's whole value, such as `Bearer <token>`";
        Self { header: secret_header("Authorization", &value.into(), advice), end: None }
    }

    /// Sets the lifetime of the token from now, which its use does not extend. With 0, it serves only the calls that
    /// wait for it. More than 30 years count as 30.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        Self { end: Some(Instant::now() + lifetime.min(LONGEST_LIFETIME)), ..self }
    }
}

/// Makes a token as [`AccessToken::new`] does.
impl<T: Into<String>> From<T> for AccessToken {
    fn from(token: T) -> Self {
        Self::new(token)
    }
}

/// Returns the header `Bearer <token>`, or refuses a token with a scheme, as in `Bearer 3b91…` or `Bearer+3b91…`.
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

/// The provider as a trait object, so that [`Credentials`](super::Credentials) has no type parameter.
type Provider = dyn Fn() -> BoxFuture<'static, Result<AccessToken, ProviderError>> + Send + Sync;

/// One token for all calls, as the value of a header. Each renewal is a task of its own.
pub(crate) struct TokenCache {
    provider: Box<Provider>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cached: Option<Cached>,
    /// The latest renewal, running or ended.
    renewal: Option<Renewal>,
    /// The task of the latest renewal. It is aborted when this is dropped.
    task: JoinSet<()>,
    /// While the token is still good, no renewal begins before this time: one is running, or has just failed.
    paused_until: Option<Instant>,
}

/// The result of a renewal, or `None` until it has ended.
type Answer = Option<Result<HeaderValue, SharedError>>;

#[derive(Clone)]
struct Renewal {
    /// Calls observe the deadline themselves, in case the runtime of the renewal is not driven.
    deadline: Instant,
    /// The channel closes when the renewal or its runtime ends.
    answer: watch::Receiver<Answer>,
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

    /// Whether the token is about to lapse. A token with a sliding lifetime is never due, since its use extends the
    /// lifetime.
    fn is_due(&self, now: Instant) -> bool {
        let margin = |end| RENEWAL_MARGIN.min((end - self.obtained) / 10);
        self.end.is_some_and(|end| now + margin(end) >= end)
    }
}

impl TokenCache {
    pub(crate) fn new(provider: impl TokenProvider) -> Self {
        let provider = Arc::new(provider);
        let provide = move || {
            let provider = provider.clone();
            async move { provider.token().await }.boxed()
        };
        Self { provider: Box::new(provide), state: Mutex::default() }
    }

    /// Returns a usable token: the cached one, or one that the provider returns within `limit`.
    ///
    /// This is cancel safe: a renewal goes on without the call that began it.
    pub(crate) async fn token(self: &Arc<Self>, limit: Duration) -> Result<CachedToken, SharedError> {
        let token = |header| CachedToken { cache: self.clone(), header };
        // Try again once if the runtime of a renewal ended before the renewal.
        for _ in 0..2 {
            let Renewal { deadline, mut answer } = match self.usable_or_renewal(limit) {
                Ok(header) => return Ok(token(header)),
                Err(renewal) => renewal,
            };
            if RUNNING_PROVIDER.try_with(|cache| *cache == Arc::as_ptr(self).addr()) == Ok(true) {
                return Err(failure("the token provider waits for its own token: use another client in it"));
            }
            drop(timeout_at(deadline, answer.wait_for(Option::is_some)).await);
            match &*answer.borrow() {
                Some(answer) => return answer.clone().map(token),
                None if Instant::now() >= deadline => break,
                None => {}
            }
        }
        Err(failure(TIMED_OUT))
    }

    /// Returns the cached token if it is good, or the renewal to wait for. Begins a renewal if one is due and none is
    /// running.
    fn usable_or_renewal(self: &Arc<Self>, limit: Duration) -> Result<HeaderValue, Renewal> {
        let mut state = self.lock();
        let now = Instant::now();
        let good = state.cached.as_ref().filter(|cached| cached.is_good(now));
        let may_wait =
            good.is_some_and(|cached| !cached.is_due(now)) || state.paused_until.is_some_and(|end| now < end);
        match (good.map(|cached| cached.header.clone()), &state.renewal) {
            (Some(header), _) if may_wait => Ok(header),
            (None, Some(last)) if now < last.deadline && last.answer.has_changed().is_ok() => Err(last.clone()),
            (good, _) => {
                let (deadline, (sender, answer)) = (now + limit, watch::channel(None));
                let token = RUNNING_PROVIDER.scope(Arc::as_ptr(self).addr(), (self.provider)());
                state.task = JoinSet::new();
                state.task.spawn(Self::renew(Arc::downgrade(self), token, deadline, sender).in_current_span());
                state.paused_until = Some(deadline + RENEWAL_PAUSE);
                let renewal = state.renewal.insert(Renewal { deadline, answer });
                good.ok_or_else(|| renewal.clone())
            }
        }
    }

    /// Waits for the provider's token, and caches it. The cache holds the task of this future, so the task ends with
    /// the cache.
    async fn renew(
        cache: Weak<Self>,
        token: impl Future<Output = Result<AccessToken, ProviderError>> + Send + 'static,
        deadline: Instant,
        sender: watch::Sender<Answer>,
    ) {
        // The provider runs in a task of its own, so that a panic becomes an error.
        let mut task = JoinSet::new();
        task.spawn(token.in_current_span());
        let result = match timeout_at(deadline, task.join_next()).await {
            Ok(Some(answer)) => answer.map_err(ProviderError::from).flatten().map_err(SharedError::from),
            Ok(None) | Err(_) => Err(failure(TIMED_OUT)),
        };
        let Some(cache) = cache.upgrade() else { return };
        let now = Instant::now();
        let renewed = result.and_then(|AccessToken { header, end }| {
            let header = header.map_err(|broken| -> SharedError { Arc::new(broken) })?;
            Ok(Cached { header, end, obtained: now, used: now })
        });
        let is_known = |new: &Cached| cache.lock().cached.as_ref().is_some_and(|old| old.header == new.header);
        match &renewed {
            Ok(renewed) if is_known(renewed) => {}
            Ok(_) => tracing::debug!("the token was renewed"),
            Err(failure) => tracing::warn!(%failure, "the token was not renewed"),
        }
        let mut state = cache.lock();
        state.paused_until = renewed.is_err().then(|| now + RENEWAL_PAUSE);
        let answer = renewed.map(|renewed| state.cached.insert(renewed).header.clone());
        // Close the channel while the state is locked: a later call finds the token, or begins a new renewal.
        let _ = sender.send(Some(answer));
        drop(sender);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token of a request, and the cache that it came from.
#[derive(Clone, Debug)]
pub(crate) struct CachedToken {
    cache: Arc<TokenCache>,
    pub(crate) header: HeaderValue,
}

impl CachedToken {
    /// Records that the service has answered a request with this token, which extends a sliding lifetime.
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
