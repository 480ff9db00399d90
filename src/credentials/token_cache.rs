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

use secrecy::SecretString;
use tokio::time::{Instant, timeout};

/// How long the vendor's token lives from its last use. Source: carrier reference, authentication.
pub(crate) const SLIDING_LIFETIME: Duration = Duration::from_secs(20 * 60);

/// Longest lifetime that is kept, 30 years: the clock ends somewhere beyond it.
const LONGEST_LIFETIME: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// How long before its end a token is renewed: at most this, and at most a tenth of its life.
const RENEWAL_MARGIN: Duration = Duration::from_secs(60);

/// How long a call waits for a renewal while its token is still good.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(5);

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
/// It is asked by one call at a time, only when no usable token is at hand, and its failures are not kept. The future
/// may be dropped at any await point when its call is dropped or times out; the next call asks anew. A panic reaches
/// the call that asked, and no other. An error is shown as the `source` of the call's error, so let it hold no secret.
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
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        let lifetime = Lifetime::Sliding(SLIDING_LIFETIME);
        Self {
            token: token.into().into(),
            lifetime,
        }
    }

    /// Says that the token lives this long from now, however often it is used. 0 keeps it for one call.
    #[must_use]
    pub fn expires_in(self, lifetime: Duration) -> Self {
        let lifetime = Lifetime::Until(Instant::now() + lifetime.min(LONGEST_LIFETIME));
        Self { lifetime, ..self }
    }
}

/// The provider without its type, so that [`Credentials`](super::Credentials) has none either.
trait AnyProvider: Send + Sync {
    fn token(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<AccessToken, ProviderError>> + Send + '_>>;
}

impl<P: TokenProvider> AnyProvider for P {
    fn token(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<AccessToken, ProviderError>> + Send + '_>> {
        Box::pin(TokenProvider::token(self))
    }
}

/// One token for all calls, renewed by one call at a time.
pub(crate) struct TokenCache {
    provider: Box<dyn AnyProvider>,
    cached: Mutex<Option<Cached>>,
    /// Held by the call that asks the provider; holds the failure of the flight that has ended last.
    flight: tokio::sync::Mutex<Option<Failure>>,
    /// Flights that have ended: tells a call that waited whether one ended meanwhile.
    flights: AtomicU64,
}

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
    fn freshness(&self, now: Instant) -> Freshness {
        let (start, end) = match self.token.lifetime {
            Lifetime::Sliding(lifetime) => (self.used, self.used + lifetime),
            Lifetime::Until(end) => (self.obtained, end),
        };
        let margin = RENEWAL_MARGIN.min((end - start) / 10);
        match now {
            now if now >= end => Freshness::Lapsed,
            now if now + margin >= end => Freshness::Due,
            _ => Freshness::Fresh,
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
        let mut flight = match self.cached() {
            Some((token, Freshness::Fresh)) => return Ok(token),
            // One call renews; the others go on with what there is.
            Some((token, Freshness::Due)) => match self.flight.try_lock() {
                Ok(flight) => flight,
                Err(_) => return Ok(token),
            },
            Some((_, Freshness::Lapsed)) | None => self.flight.lock().await,
        };
        if self.flights.load(Ordering::Acquire) != seen {
            // A flight ended while this call waited: its outcome is this call's too.
            if let Some(failure) = &*flight {
                return Err(failure.clone());
            }
            if let Some((token, Freshness::Fresh | Freshness::Due)) = self.cached() {
                return Ok(token);
            }
        }
        let answer = match self.cached() {
            Some((token, Freshness::Fresh | Freshness::Due)) => {
                let Ok(answer) = timeout(RENEWAL_PATIENCE, self.provider.token()).await else {
                    tracing::warn!(
                        "the token was not renewed in time; the one at hand is used to its end"
                    );
                    return Ok(token);
                };
                answer
            }
            Some((_, Freshness::Lapsed)) | None => self.provider.token().await,
        };
        self.flights.fetch_add(1, Ordering::Release);
        match answer {
            Ok(token) => {
                *flight = None;
                let now = Instant::now();
                let secret = token.token.clone();
                *self.lock() = Some(Cached {
                    token,
                    obtained: now,
                    used: now,
                });
                Ok(secret)
            }
            Err(error) => {
                let failure = Failure(error.into());
                *flight = Some(failure.clone());
                if let Some((token, Freshness::Due)) = self.cached() {
                    tracing::warn!(%failure, "the token was not renewed; the one at hand is used to its end");
                    return Ok(token);
                }
                Err(failure)
            }
        }
    }

    /// Drops `refused`, unless another call has renewed it already.
    pub(crate) fn discard(&self, refused: &SecretString) {
        use secrecy::ExposeSecret;
        let mut cached = self.lock();
        if cached
            .as_ref()
            .is_some_and(|cached| cached.token.token.expose_secret() == refused.expose_secret())
        {
            *cached = None;
        }
    }

    /// The token at hand; reading it counts as a use.
    fn cached(&self) -> Option<(SecretString, Freshness)> {
        let mut cached = self.lock();
        let cached = cached.as_mut()?;
        let now = Instant::now();
        let freshness = cached.freshness(now);
        if !matches!(freshness, Freshness::Lapsed) {
            cached.used = now;
        }
        Some((cached.token.token.clone(), freshness))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Cached>> {
        // Nothing panics while it is held.
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}
