//! Tests of the cache for a provider's token.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use crate::tokio::{
    sync::oneshot,
    task::{JoinHandle, yield_now},
    time::Instant,
};
use futures_util::future::{join_all, pending};

use crate::{
    clock,
    credentials::token_cache::{AccessToken, ProviderError, TokenCache},
    schedules::check,
};

const ORDERS: usize = 1_000;
const LIMIT: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

/// Makes a cache. Returns it with the number of calls of its provider, which receives the number of each call, from 0.
fn cache<F>(provide: impl Fn(usize) -> F + Send + Sync + 'static) -> (Arc<TokenCache>, Arc<AtomicUsize>)
where
    F: Future<Output = Result<AccessToken, ProviderError>> + Send + 'static,
{
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    (Arc::new(TokenCache::new(move || provide(count.fetch_add(1, Ordering::SeqCst)))), asked)
}

async fn token(cache: &Arc<TokenCache>) -> Option<String> {
    let token = cache.token(LIMIT).await.ok()?;
    token.header.to_str().unwrap().strip_prefix("Bearer ").map(str::to_owned)
}

/// Spawns a number of tasks, each of which may begin at any moment.
fn callers<F: Future<Output: Send + 'static> + Send + 'static>(
    cache: &Arc<TokenCache>,
    number: usize,
    call: impl Fn(Arc<TokenCache>) -> F,
) -> Vec<JoinHandle<F::Output>> {
    (0..number).map(|_| crate::tokio::spawn(call(cache.clone()))).collect()
}

async fn all<T>(callers: Vec<JoinHandle<T>>) -> Vec<T> {
    join_all(callers).await.into_iter().map(Result::unwrap).collect()
}

#[test]
fn callers_on_a_cold_cache_call_the_provider_once() {
    check(ORDERS, || async {
        let (cache, asked) = cache(async |_| {
            yield_now().await;
            Ok(AccessToken::new("token"))
        });
        let tokens = all(callers(&cache, 4, async |cache| token(&cache).await)).await;
        assert!(tokens.iter().all(|token| token.as_deref() == Some("token")), "{tokens:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_provider_call_that_times_out_fails_all_callers_that_wait() {
    check(ORDERS, || async {
        let (cache, asked) = cache(|number| async move {
            if number == 0 {
                pending::<()>().await;
            }
            Ok(AccessToken::new("token"))
        });
        let begun = Instant::now();
        let callers = callers(&cache, 3, move |cache| async move {
            clock::linger().await;
            let mut call = pin!(token(&cache));
            let is_pending = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await;
            let has_waited = is_pending && begun.elapsed() < LIMIT;
            (has_waited, if is_pending { call.await } else { None })
        });
        clock::run();
        let ended = all(callers).await;
        let mut later = 0;
        for (has_waited, token) in ended {
            assert!(!has_waited || token.is_none(), "it made another call");
            later += usize::from(!has_waited);
        }
        assert!(asked.load(Ordering::SeqCst) <= 1 + later);
    });
}

#[test]
fn a_provider_call_after_one_that_timed_out_has_its_full_time() {
    check(ORDERS, || async {
        let begun = Instant::now();
        let (cache, asked) = cache(move |_| async move {
            if begun.elapsed() < LIMIT {
                pending::<()>().await;
            }
            Ok(AccessToken::new("token"))
        });
        let callers = callers(&cache, 3, |cache| async move {
            clock::linger().await;
            token(&cache).await
        });
        clock::run_once();
        let is_any_served = all(callers).await.iter().any(Option::is_some);
        // No more time passes, so the second call of the provider does not time out.
        assert!(asked.load(Ordering::SeqCst) <= 1 + usize::from(is_any_served));
    });
}

#[test]
fn dropping_any_caller_at_any_point_blocks_no_other_and_adds_no_provider_call() {
    check(ORDERS, || async {
        let (cache, asked) = cache(|_| async {
            clock::linger().await;
            Ok(AccessToken::new("token"))
        });
        let mut callers = callers(&cache, 4, |cache| async move { token(&cache).await });
        let kept = callers.split_off(2);
        for caller in callers {
            clock::linger().await;
            caller.abort();
        }
        let tokens = all(kept).await;
        assert!(tokens.iter().all(Option::is_some), "{tokens:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_refused_token_is_renewed_once() {
    check(ORDERS, || async {
        let (cache, asked) = cache(|number| async move {
            yield_now().await;
            Ok(AccessToken::new(if number == 0 { "stale" } else { "fresh" }))
        });
        let tokens = all(callers(&cache, 4, |cache| async move {
            let used = cache.token(LIMIT).await.unwrap();
            yield_now().await;
            if used.header == "Bearer stale" {
                used.discard();
            }
            token(&cache).await
        }));
        for token in tokens.await {
            assert_eq!(token.as_deref(), Some("fresh"));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    });
}

/// A guard that sends a message when it is dropped.
struct Guard(Option<oneshot::Sender<()>>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

#[test]
fn the_last_client_that_is_dropped_ends_a_renewal() {
    check(ORDERS, || async {
        let (dropped, mut is_dropped) = oneshot::channel();
        let guard = std::sync::Mutex::new(Some(Guard(Some(dropped))));
        let (cache, asked) = cache(move |_| {
            let guard = guard.lock().unwrap().take();
            async move {
                let _guard = guard;
                pending().await
            }
        });
        let callers = callers(&cache, 2, |cache| async move { token(&cache).await });
        while asked.load(Ordering::SeqCst) == 0 {
            yield_now().await;
        }
        for caller in callers {
            clock::linger().await;
            assert!(is_dropped.try_recv().is_err(), "a client is left");
            caller.abort();
            assert!(caller.await.is_err());
        }
        assert!(is_dropped.try_recv().is_err(), "a client is left");
        drop(cache);
        is_dropped.await.unwrap();
    });
}

#[test]
fn an_early_renewal_is_begun_once_and_delays_no_caller() {
    check(ORDERS, || async {
        let (cache, asked) = cache(|number| async move {
            if number > 0 {
                pending::<()>().await;
            }
            Ok(AccessToken::new("token").expires_in(10 * MINUTE))
        });
        assert!(token(&cache).await.is_some());
        clock::move_by(9 * MINUTE + Duration::from_secs(1)).await;
        // No more time passes, so a caller that waited for the renewal would wait for ever.
        let tokens = all(callers(&cache, 4, |cache| async move { token(&cache).await })).await;
        assert!(tokens.iter().all(Option::is_some), "{tokens:?}");
        while asked.load(Ordering::SeqCst) < 2 {
            yield_now().await;
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    });
}
