//! Tokens that are renewed: the provider, and a cache in front of it.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout};

/// How long the vendor's token lives from its last use. Source: carrier reference, authentication.
pub(crate) const SLIDING_LIFETIME: Duration = Duration::from_secs(20 * 60);

/// Longest lifetime that is kept, 30 years: the clock ends somewhere beyond it.
const LONGEST_LIFETIME: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// How long before its end a token is renewed: at most this, and at most a tenth of its life.
const RENEWAL_MARGIN: Duration = Duration::from_secs(60);

/// How long a call waits for a renewal while its token is still good.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(5);

/// How long after a failed renewal the next one is tried, while the token is still good.
const RENEWAL_PAUSE: Duration = Duration::from_secs(10);

/// Any error of a provider; it becomes the `source` of the call's error.
pub type ProviderError = Box<dyn Error + Send + Sync>;

/// A provider's failure, shared by the calls that waited for it.
#[derive(Clone, Debug)]
pub(crate) struct Failure(Arc<dyn Error + Send + Sync>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Where tokens come from.
///
/// Any async closure is one:
///
/// ```
/// # use koodrive_share::{AccessToken, Credentials};
/// # async fn log_in() -> Result<String, std::io::Error> { Ok("token".into()) }
/// let credentials = Credentials::provider(|| async { Ok(AccessToken::new(log_in().await?)) });
/// ```
///
/// It is asked by one call at a time, when the token at hand has lapsed, was refused or is about to lapse; a failure
/// fails the calls that waited for it and no other. The future may be dropped at any await point when its call is
/// dropped or times out; the next call asks anew. A panic reaches the call that asked, and no other. An error is shown
/// as the `source` of the call's error, so let it hold no secret.
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
    token: SecretString,
    lifetime: Lifetime,
}

#[derive(Clone, Copy, Debug)]
enum Lifetime {
    Sliding(Duration),
    Until(Instant),
}

impl AccessToken {
    /// A token that lives 20 minutes from its last use, as the vendor's do.
    pub fn new(token: impl Into<String>) -> Self {
        let lifetime = Lifetime::Sliding(SLIDING_LIFETIME);
        Self { token: token.into().into(), lifetime }
    }

    /// Says that the token lives this long from now, however often it is used. 0 keeps it for one call.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        let lifetime = Lifetime::Until(Instant::now() + lifetime.min(LONGEST_LIFETIME));
        Self { lifetime, ..self }
    }
}

/// The provider without its type, so that [`Credentials`](super::Credentials) has none either.
trait AnyProvider: Send + Sync {
    fn token(&self) -> Pin<Box<dyn Future<Output = Result<AccessToken, ProviderError>> + Send + '_>>;
}

impl<P: TokenProvider> AnyProvider for P {
    fn token(&self) -> Pin<Box<dyn Future<Output = Result<AccessToken, ProviderError>> + Send + '_>> {
        Box::pin(TokenProvider::token(self))
    }
}

/// One token for all calls, renewed by one call at a time.
pub(crate) struct TokenCache {
    provider: Box<dyn AnyProvider>,
    cached: Mutex<Option<Cached>>,
    /// Held by the call that asks the provider.
    flight: tokio::sync::Mutex<Flight>,
    /// Flights that have ended: tells a call that waited whether one ended meanwhile.
    flights: AtomicU64,
}

/// When the flight that has ended last failed, and its failure. That of a renewal before the token's end is nobody
/// else's: it may have been given less time than others have.
type Flight = Option<(Option<Failure>, Instant)>;

struct Cached {
    token: AccessToken,
    obtained: Instant,
    used: Instant,
}

/// What a cached token is good for.
enum Freshness {
    Fresh,
    /// Usable, but due for renewal.
    Due,
    Lapsed,
}

impl Cached {
    fn is(&self, token: &SecretString) -> bool {
        self.token.token.expose_secret() == token.expose_secret()
    }

    fn freshness(&self, now: Instant) -> Freshness {
        match self.token.lifetime {
            // Using it renews it, so there is nothing to renew early.
            Lifetime::Sliding(lifetime) if now < self.used + lifetime => Freshness::Fresh,
            Lifetime::Until(end) if now < end => {
                let margin = RENEWAL_MARGIN.min((end - self.obtained) / 10);
                if now + margin < end { Freshness::Fresh } else { Freshness::Due }
            }
            Lifetime::Sliding(_) | Lifetime::Until(_) => Freshness::Lapsed,
        }
    }
}

impl TokenCache {
    pub(crate) fn new(provider: impl TokenProvider) -> Self {
        Self {
            provider: Box::new(provider),
            cached: Mutex::default(),
            flight: tokio::sync::Mutex::default(),
            flights: AtomicU64::new(0),
        }
    }

    /// A usable token: the cached one, or one from the provider.
    ///
    /// Cancel safe: a call that is dropped while it asks lets the next one ask.
    pub(crate) async fn token(&self) -> Result<SecretString, Failure> {
        let seen = self.flights.load(Ordering::Acquire);
        let usable = match self.cached() {
            Some((token, Freshness::Fresh)) => return Ok(token),
            Some((token, Freshness::Due)) => Some(token),
            Some((_, Freshness::Lapsed)) | None => None,
        };
        let mut flight = match &usable {
            None => self.flight.lock().await,
            // One call renews; the others go on with what there is.
            Some(token) => match self.flight.try_lock() {
                Ok(flight) if !failed_lately(&flight) => flight,
                _ => return Ok(token.clone()),
            },
        };
        if self.flights.load(Ordering::Acquire) != seen {
            // A flight ended while this call waited: its outcome is this call's too.
            if let Some((token, Freshness::Fresh | Freshness::Due)) = self.cached() {
                return Ok(token);
            }
            if let Some((Some(failure), _)) = &*flight {
                return Err(failure.clone());
            }
        }
        let asked = self.provider.token();
        let answer = match usable {
            None => asked.await,
            Some(_) => timeout(RENEWAL_PATIENCE, asked).await.unwrap_or_else(|late| Err(late.into())),
        };
        let now = Instant::now();
        let result = match answer {
            Ok(token) => {
                *flight = None;
                let secret = token.token.clone();
                *self.lock() = Some(Cached { token, obtained: now, used: now });
                Ok(secret)
            }
            Err(error) => {
                let failure = Failure(error.into());
                *flight = Some((usable.is_none().then(|| failure.clone()), now));
                if usable.is_some() {
                    tracing::warn!(%failure, "the token was not renewed; the one at hand is used to its end");
                }
                usable.ok_or(failure)
            }
        };
        // Last, since whoever sees it relies on what the flight has left behind.
        self.flights.fetch_add(1, Ordering::Release);
        result
    }

    /// Takes note that the service has answered a request with this token, which prolongs a sliding lifetime.
    pub(crate) fn used(&self, token: &SecretString) {
        if let Some(cached) = self.lock().as_mut().filter(|cached| cached.is(token)) {
            cached.used = Instant::now();
        }
    }

    /// Drops `refused`, unless another call has renewed it already.
    pub(crate) fn discard(&self, refused: &SecretString) {
        let mut cached = self.lock();
        if cached.as_ref().is_some_and(|cached| cached.is(refused)) {
            *cached = None;
        }
    }

    fn cached(&self) -> Option<(SecretString, Freshness)> {
        let cached = self.lock();
        let cached = cached.as_ref()?;
        Some((cached.token.token.clone(), cached.freshness(Instant::now())))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Cached>> {
        // Nothing panics while it is held.
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A renewal that is not urgent is not tried again at once.
fn failed_lately(flight: &Flight) -> bool {
    flight.as_ref().is_some_and(|(_, at)| at.elapsed() < RENEWAL_PAUSE)
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}
