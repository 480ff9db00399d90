//! The kinds of credentials against the emulator, and tokens that are renewed.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, future::join_all, stream};
use koodrive_share::{AccessToken, CanonicalRequest, Client, Credentials, Error, Outcome, ProviderError};
use koodrive_share_emulator::{Answer, Emulator, Fault};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime,
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};

use crate::support::{
    bulk::until,
    fixtures::{builder, builder_at, dump, strict_emulator},
};

/// A provider that counts its calls and answers each of them by a script.
#[derive(Clone)]
struct Scripted {
    asked: Arc<AtomicUsize>,
    /// Each permit lets one call return.
    gate: Arc<Semaphore>,
}

impl Scripted {
    fn open() -> Self {
        Self::gated(Semaphore::MAX_PERMITS)
    }

    fn gated(permits: usize) -> Self {
        Self { asked: Arc::default(), gate: Arc::new(Semaphore::new(permits)) }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn credentials<F>(&self, answer: F) -> Credentials
    where
        F: Fn(usize) -> Result<AccessToken, ProviderError> + Clone + Send + Sync + 'static,
    {
        let Self { asked, gate } = self.clone();
        Credentials::provider(move || {
            let (asked, gate, answer) = (asked.clone(), gate.clone(), answer.clone());
            async move {
                let n = asked.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await?.forget();
                answer(n)
            }
        })
    }
}

fn client_with(emulator: &Emulator, credentials: Credentials) -> Client {
    builder(emulator).credentials(credentials).build().unwrap()
}

async fn create(client: &Client) -> Result<(), koodrive_share::Error> {
    client.create(&dump().build().unwrap()).await.map(drop)
}

#[tokio::test]
async fn a_provider_gives_a_token_as_any_text() {
    let emulator = strict_emulator().start().await.unwrap();
    let borrowed = Credentials::provider(|| async { Ok(Emulator::DEFAULT_TOKEN.into()) });
    create(&client_with(&emulator, borrowed)).await.unwrap();
    let owned = Credentials::provider(|| async { Ok(Emulator::DEFAULT_TOKEN.to_owned().into()) });
    create(&client_with(&emulator, owned)).await.unwrap();
}

#[tokio::test]
async fn a_verbatim_value_is_sent_as_it_is() {
    let value = "Bearer+10f88";
    let emulator = strict_emulator().authorization(value).start().await.unwrap();
    create(&client_with(&emulator, Credentials::authorization(value))).await.unwrap();
    assert_eq!(emulator.requests()[0].header("authorization"), Some(value));
}

#[tokio::test]
async fn a_verbatim_value_of_a_provider_is_sent_as_it_is_and_renewed() {
    let value = "AT 3b91";
    let emulator = strict_emulator().authorization(value).start().await.unwrap();
    let provider = Scripted::open();
    let values = ["AT stale", value];
    let client = client_with(&emulator, provider.credentials(move |n| Ok(AccessToken::authorization(values[n]))));
    create(&client).await.unwrap();
    create(&client).await.unwrap();
    let sent: Vec<_> =
        emulator.requests().iter().map(|request| request.header("authorization").map(str::to_owned)).collect();
    assert_eq!(sent, ["AT stale", value, value].map(|value| Some(value.to_owned())));
    assert_eq!(provider.asked(), 2);
    assert!(!format!("{:?}", AccessToken::authorization(value)).contains("3b91"));
    for broken in ["", " ", "AT 3b91 ", "AT\n3b91", "AT 3b91é"] {
        let client = client_with(
            &emulator,
            Credentials::provider(move || async move { Ok(AccessToken::authorization(broken)) }),
        );
        let error = create(&client).await.unwrap_err();
        assert!(error.is_credentials() && format!("{error:?}").contains("(header-text)"), "{error:?}");
    }
    assert_eq!(emulator.request_count(), 3);
}

#[tokio::test]
async fn an_app_signature_is_accepted_with_and_without_a_path_prefix() {
    for prefix in ["", "/gate"] {
        let emulator = strict_emulator().app("app", "密钥").path_prefix(prefix).start().await.unwrap();
        let client = client_with(&emulator, Credentials::app("app", "密钥"));
        create(&client).await.unwrap();
        let zip = koodrive_share::ShareTask::package_download("照片.zip").share_id("分享");
        let task = zip.container_id("空间").file_ids(["文件"]).build().unwrap();
        client.create(&task).await.unwrap();
        assert_eq!(emulator.tasks().len(), 2);
    }
}

#[tokio::test]
async fn an_echoed_canonical_request_is_compared_with_ours() {
    let emulator = strict_emulator().app("app", "right").start().await.unwrap();
    // The canonical requests of both sides are the same, so only the secret can be wrong.
    let error = create(&client_with(&emulator, Credentials::app("app", "wrong"))).await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
    assert!(error.to_string().contains("the app secret is wrong"), "{error}");
    // A service behind a proxy that rewrites Host sees another line 4 of the canonical request.
    let headers = [("host", "inside"), ("x-date", "20260101T000000Z"), ("x-user-id", "u")];
    let seen = CanonicalRequest::new("POST", "/koodrive/ose/v1/share/tasks", &[], &headers, b"");
    let echo = seen.as_str().replace('\n', "|");
    let text = format!("verify signature failed, canonical request: {echo}");
    emulator.fail_next(Fault::Reply(Answer::gateway(401, "APIGW.0301", &text)));
    let error = create(&client_with(&emulator, Credentials::app("app", "right"))).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("line 4 of the canonical request differs"), "{text}");
    assert!(text.contains("host:inside"), "{text}");
}

#[tokio::test]
async fn a_signature_that_a_refusal_echoes_is_scrubbed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let service = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 1 << 16];
        let mut length = 0;
        // The request ends with the closing brace of its body.
        while !request[..length].ends_with(b"}") {
            length += stream.read(&mut request[length..]).await.unwrap();
        }
        let text = String::from_utf8_lossy(&request[..length]).into_owned();
        let (_, rest) = text.split_once("Signature=").unwrap();
        let signature = rest[..64].to_owned();
        let body = format!(r#"{{"code":"13000102","msg":"no {signature}"}}"#);
        let length = body.len();
        let reply = format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(reply.as_bytes()).await.unwrap();
        signature
    };
    let client = builder_at(&endpoint).credentials(Credentials::app("app", "key")).build().unwrap();
    let (outcome, signature) = tokio::join!(create(&client), service);
    let error = outcome.unwrap_err();
    assert_eq!(error.message(), Some("no ***"));
    assert!(!format!("{error:?}").contains(&signature));
}

#[tokio::test]
async fn concurrent_calls_on_a_cold_cache_ask_once() {
    let emulator = strict_emulator().start().await.unwrap();
    let provider = Scripted::gated(0);
    let credentials = provider.credentials(|_| Ok(AccessToken::new(Emulator::DEFAULT_TOKEN)));
    // The time-out is longer than these calls take on a machine under load.
    let client = builder(&emulator).credentials(credentials).timeout(Duration::from_secs(600)).build().unwrap();
    let calls: Vec<_> = (0..1_000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { create(&client).await })
        })
        .collect();
    // All calls have begun before the provider returns.
    while provider.asked() == 0 {
        tokio::task::yield_now().await;
    }
    provider.gate.add_permits(1_000);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(provider.asked(), 1);
    assert_eq!(emulator.tasks().len(), 1_000);
}

#[tokio::test]
async fn a_401_renews_the_token_once_and_sends_once_more() {
    let emulator = strict_emulator().token("second").start().await.unwrap();
    let provider = Scripted::open();
    let tokens = ["first", "second", "third"];
    let client = client_with(&emulator, provider.credentials(move |n| Ok(AccessToken::new(tokens[n]))));
    create(&client).await.unwrap();
    assert_eq!((provider.asked(), emulator.request_count(), emulator.tasks().len()), (2, 2, 1));
    // The renewed token is kept.
    create(&client).await.unwrap();
    assert_eq!((provider.asked(), emulator.request_count()), (2, 3));
}

#[tokio::test]
async fn authentication_that_failed_under_400_renews_the_token_as_a_401_does() {
    let emulator = strict_emulator().token("first").token("second").start().await.unwrap();
    let provider = Scripted::open();
    let client = client_with(&emulator, provider.credentials(|n| Ok(AccessToken::new(["first", "second"][n]))));
    emulator.fail_next(Fault::Reply(Answer::service(400, "13009999", "Authentication failed.")));
    create(&client).await.unwrap();
    assert_eq!((provider.asked(), emulator.request_count(), emulator.tasks().len()), (2, 2, 1));
    let client = client_with(&emulator, Credentials::bearer("first"));
    for (status, code, text, is_unauthorized) in [
        (400, "13009999", "authentication failed", true),
        (400, "APIGW.0301", "Authentication failed", true),
        // The code of the first and the status of the second name another cause.
        (400, "13000410", "authentication failed", false),
        (403, "13009999", "authentication failed", false),
        (400, "13009999", "no", false),
    ] {
        let body = serde_json::json!({"code": code, "msg": text});
        emulator.fail_next(Fault::Reply(Answer::json(status, &body)));
        let error = create(&client).await.unwrap_err();
        assert_eq!(error.is_unauthorized(), is_unauthorized, "{error}");
        assert_eq!(error.to_string().contains("renew the token"), is_unauthorized, "{error}");
    }
}

#[tokio::test]
async fn a_second_401_is_the_callers() {
    let emulator = strict_emulator().token("never given").start().await.unwrap();
    let provider = Scripted::open();
    let client = client_with(&emulator, provider.credentials(|n| Ok(AccessToken::new(format!("token-{n}")))));
    let error = create(&client).await.unwrap_err();
    assert!(error.is_unauthorized() && error.outcome() == Outcome::Rejected, "{error}");
    assert_eq!((provider.asked(), emulator.request_count()), (2, 2));
}

#[tokio::test]
async fn a_static_token_is_never_resent() {
    let emulator = strict_emulator().token("another").start().await.unwrap();
    let error = create(&client_with(&emulator, Credentials::bearer("stale"))).await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
    assert_eq!(emulator.request_count(), 1);
}

#[tokio::test]
async fn failures_are_shared_by_those_who_waited_and_not_kept() {
    let emulator = strict_emulator().start().await.unwrap();
    let provider = Scripted::gated(0);
    let credentials = provider.credentials(|n| match n {
        0 => Err("the log-in page is down".into()),
        _ => Ok(AccessToken::new(Emulator::DEFAULT_TOKEN)),
    });
    let client = client_with(&emulator, credentials);
    let both = async { tokio::join!(create(&client), create(&client)) };
    let gate = provider.gate.clone();
    let ((first, second), ()) = tokio::join!(both, async move { gate.add_permits(2) });
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert!(error.is_credentials() && error.outcome() == Outcome::NotSent, "{error}");
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "the log-in page is down");
    }
    assert_eq!((provider.asked(), emulator.request_count()), (1, 0));
    create(&client).await.unwrap();
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn concurrent_401s_renew_once() {
    let emulator = strict_emulator().start().await.unwrap();
    let provider = Scripted::open();
    let tokens = ["stale", Emulator::DEFAULT_TOKEN];
    let credentials = provider.credentials(move |n| Ok(AccessToken::new(tokens[n])));
    let client = builder(&emulator).credentials(credentials).timeout(Duration::from_secs(600)).build().unwrap();
    let ended = join_all((0..100).map(|_| create(&client))).await;
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    assert_eq!((provider.asked(), emulator.tasks().len()), (2, 100));
}

#[tokio::test]
async fn a_renewal_outlives_the_call_that_began_it() {
    let emulator = strict_emulator().start().await.unwrap();
    let provider = Scripted::gated(0);
    let client = client_with(&emulator, provider.credentials(|_| Ok(token())));
    let mut dropped = Box::pin(create(&client));
    assert!(futures_util::poll!(&mut dropped).is_pending());
    until("the provider is asked", || provider.asked() == 1).await;
    drop(dropped);
    provider.gate.add_permits(1);
    create(&client).await.unwrap();
    assert_eq!(provider.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_polled_holds_up_no_other() {
    let emulator = strict_emulator().start().await.unwrap();
    let provider = Scripted::gated(0);
    let client = client_with(&emulator, provider.credentials(|_| Ok(token())));
    let mut unpolled = Box::pin(create(&client));
    assert!(futures_util::poll!(&mut unpolled).is_pending());
    provider.gate.add_permits(1);
    create(&client).await.unwrap();
    unpolled.await.unwrap();
    assert_eq!(provider.asked(), 1);
}

/// The body of a loop over a stream of calls makes a call, while calls of the stream that have begun wait for a token.
#[tokio::test(start_paused = true)]
async fn a_call_in_the_body_of_a_loop_over_calls_gets_its_token() {
    let emulator = strict_emulator().start().await.unwrap();
    let credentials = Credentials::provider(|| async {
        sleep(Duration::from_millis(100)).await;
        Ok(token().expires_in(Duration::ZERO))
    });
    let client = client_with(&emulator, credentials);
    let task = || dump().build().unwrap();
    let calls = stream::iter((0..12).map(|_| task())).map(async |task| client.create(&task).await);
    let mut handles = pin!(calls.buffer_unordered(4));
    let start = Instant::now();
    while let Some(handle) = handles.next().await {
        client.status(&handle.unwrap()).await.unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(emulator.tasks().len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_dropped_at_any_time_hang_nobody() {
    let emulator = strict_emulator().start().await.unwrap();
    let asked = AtomicUsize::new(0);
    let credentials = Credentials::provider(move || {
        let n = asked.fetch_add(1, Ordering::SeqCst);
        async move {
            sleep(Duration::from_micros(n as u64 * 97 % 1_500)).await;
            if n.is_multiple_of(3) { Err("down".into()) } else { Ok(token().expires_in(Duration::from_millis(1))) }
        }
    });
    let client = client_with(&emulator, credentials);
    let calls = (0..500_u64).map(|n| {
        let client = client.clone();
        tokio::spawn(async move {
            sleep(Duration::from_micros(n * 211 % 20_000)).await;
            let _ = timeout(Duration::from_micros(n * 37 % 3_000), create(&client)).await;
        })
    });
    join_all(calls).await;
    let succeeded = async { while create(&client).await.is_err() {} };
    timeout(Duration::from_secs(10), succeeded).await.unwrap();
}

/// Credentials of a provider that never returns, and a semaphore that gets a permit when one of its futures is dropped.
fn hanging() -> (Credentials, Arc<Semaphore>) {
    struct Dropped(Arc<Semaphore>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.add_permits(1);
        }
    }
    let dropped = Arc::new(Semaphore::new(0));
    let semaphore = dropped.clone();
    let credentials = Credentials::provider(move || {
        let guard = Dropped(semaphore.clone());
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    });
    (credentials, dropped)
}

#[tokio::test]
async fn a_renewal_ends_with_the_last_client_and_the_last_clone_of_its_credentials() {
    let emulator = strict_emulator().start().await.unwrap();
    let (credentials, dropped) = hanging();
    // The time-out is longer than the test waits.
    let client = builder(&emulator).credentials(credentials.clone()).renewal_timeout(Duration::from_secs(3_600));
    let client = client.build().unwrap();
    let clone = client.clone();
    let call = tokio::spawn(async move { create(&clone).await });
    sleep(Duration::from_millis(20)).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    drop(client);
    sleep(Duration::from_millis(20)).await;
    assert_eq!(dropped.available_permits(), 0, "a clone of the credentials is left");
    drop(credentials);
    until("the provider's future is dropped", || dropped.available_permits() == 1).await;
}

#[tokio::test]
async fn a_panic_of_the_provider_fails_those_who_waited_and_no_other() {
    let emulator = strict_emulator().start().await.unwrap();
    let provider = Scripted::gated(0);
    let credentials = provider.credentials(|n| match n {
        0 => panic!("the provider's own"),
        _ => Ok(token()),
    });
    let client = client_with(&emulator, credentials);
    let gate = provider.gate.clone();
    let both = async { tokio::join!(create(&client), create(&client)) };
    let ((first, second), ()) = tokio::join!(both, async move { gate.add_permits(2) });
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert!(error.is_credentials() && error.outcome() == Outcome::NotSent, "{error}");
    }
    create(&client).await.unwrap();
    assert_eq!(provider.asked(), 2);
}

/// Makes a creation whose token provider first makes this call of the same client. Returns the error, and the time
/// until it.
async fn create_by_a_provider_that_calls<F>(call: impl Fn(Client) -> F + Send + Sync + 'static) -> (Error, Duration)
where
    F: Future<Output = Result<(), ProviderError>> + Send + 'static,
{
    let emulator = strict_emulator().start().await.unwrap();
    let own = Arc::new(std::sync::OnceLock::<Client>::new());
    let lent = own.clone();
    let credentials = Credentials::provider(move || {
        let called = call(lent.get().unwrap().clone());
        async move {
            called.await?;
            Ok(token())
        }
    });
    let client = builder(&emulator).credentials(credentials).renewal_timeout(Duration::from_secs(9)).build().unwrap();
    own.set(client.clone()).unwrap();
    let start = Instant::now();
    (create(&client).await.unwrap_err(), start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_calls_its_own_client_is_told_so() {
    let call = |client| async move { Ok(create(&client).await.map(drop)?) };
    let (error, elapsed) = create_by_a_provider_that_calls(call).await;
    assert_eq!(elapsed, Duration::ZERO);
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    assert!(causes.iter().any(|cause| cause.contains("waits for its own token")), "{causes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_whose_task_calls_its_own_client_waits_until_the_renewal_times_out() {
    let call = |client| async move { Ok(tokio::spawn(async move { create(&client).await.map(drop) }).await??) };
    let (error, elapsed) = create_by_a_provider_that_calls(call).await;
    assert!(error.is_credentials());
    assert_eq!(elapsed.as_secs(), 9);
}

#[tokio::test]
async fn clones_of_one_credentials_share_its_token() {
    let emulator = strict_emulator().start().await.unwrap();
    let provider = Scripted::open();
    let credentials = provider.credentials(|_| Ok(token()));
    let client = client_with(&emulator, credentials.clone());
    create(&client).await.unwrap();
    create(&client.for_user("other").unwrap()).await.unwrap();
    create(&client.with_credentials(credentials.clone()).unwrap()).await.unwrap();
    create(&client_with(&emulator, credentials)).await.unwrap();
    assert_eq!(provider.asked(), 1);
    create(&client.with_credentials(provider.credentials(|_| Ok(token()))).unwrap()).await.unwrap();
    assert_eq!(provider.asked(), 2);
}

#[test]
fn a_renewal_that_a_runtime_lets_go_of_is_begun_on_another() {
    let runtime = || runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let emulator = second.block_on(strict_emulator().start()).unwrap();
    let provider = Scripted::gated(0);
    let client = client_with(&emulator, provider.credentials(|_| Ok(token())));
    let asking = async { assert!(futures_util::poll!(Box::pin(create(&client))).is_pending()) };
    first.block_on(async {
        asking.await;
        until("the provider is asked", || provider.asked() == 1).await;
    });
    second.block_on(async {
        let mut waiting = Box::pin(create(&client));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        tokio::task::spawn_blocking(move || drop(first)).await.unwrap();
        provider.gate.add_permits(1);
        waiting.await.unwrap();
    });
    assert_eq!(provider.asked(), 2);
}

fn token() -> AccessToken {
    AccessToken::new(Emulator::DEFAULT_TOKEN)
}

/// Client and emulator share one thread, and loopback delivers at once, so paused time moves only when a test moves it.
mod lifetimes {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_used_lives_on_and_one_that_is_not_lapses() {
        let emulator = strict_emulator().start().await.unwrap();
        let provider = Scripted::open();
        let client = client_with(&emulator, provider.credentials(|_| Ok(token())));
        for _ in 0..10 {
            create(&client).await.unwrap();
            tokio::time::advance(17 * MINUTE).await;
        }
        assert_eq!(provider.asked(), 1);
        tokio::time::advance(4 * MINUTE).await;
        create(&client).await.unwrap();
        assert_eq!(provider.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_got_no_reply_is_no_use_of_the_token() {
        let emulator = strict_emulator().start().await.unwrap();
        let provider = Scripted::open();
        let client = client_with(&emulator, provider.credentials(|_| Ok(token())));
        create(&client).await.unwrap();
        tokio::time::advance(19 * MINUTE).await;
        emulator.fail_next(Fault::CloseAfterProcessing);
        create(&client).await.unwrap_err();
        tokio::time::advance(2 * MINUTE).await;
        create(&client).await.unwrap();
        assert_eq!(provider.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_with_an_end_is_renewed_in_its_last_minute_or_the_last_tenth_of_its_life() {
        let emulator = strict_emulator().start().await.unwrap();
        let years = 30 * 365 * 24 * 3600;
        for (life, due) in [(60 * MINUTE, 59 * 60), (MINUTE, 54), (Duration::MAX, years - 60)] {
            let provider = Scripted::open();
            let client = client_with(&emulator, provider.credentials(move |_| Ok(token().expires_in(life))));
            create(&client).await.unwrap();
            tokio::time::advance(Duration::from_secs(due - 1)).await;
            create(&client).await.unwrap();
            assert_eq!(provider.asked(), 1, "{life:?}");
            tokio::time::advance(SECOND).await;
            create(&client).await.unwrap();
            assert_eq!(provider.asked(), 2, "{life:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_good_token_is_used_while_its_renewal_fails_or_hangs() {
        let emulator = strict_emulator().start().await.unwrap();
        let provider = Scripted::gated(2);
        let credentials = provider.credentials(|n| match n {
            0 => Ok(token().expires_in(60 * MINUTE)),
            _ => Err("down".into()),
        });
        // The time-out is shorter than that of a renewal.
        let client = builder(&emulator).credentials(credentials).timeout(3 * SECOND).build().unwrap();
        let at_once = async || {
            let start = Instant::now();
            create(&client).await.unwrap();
            assert_eq!(start.elapsed(), Duration::ZERO);
        };
        at_once().await;
        tokio::time::advance(59 * MINUTE + 10 * SECOND).await;
        at_once().await;
        // The provider is not asked again at once.
        at_once().await;
        assert_eq!(provider.asked(), 2);
        tokio::time::advance(10 * SECOND).await;
        // No permit is left, so the third renewal hangs.
        at_once().await;
        at_once().await;
        assert_eq!(provider.asked(), 3);
        // That renewal times out 50 s into the last minute of the hour. The next one may begin 10 s later, at the
        // token's end.
        tokio::time::advance(30 * SECOND).await;
        at_once().await;
        assert_eq!(provider.asked(), 3);
        tokio::time::advance(MINUTE).await;
        let error = create(&client).await.unwrap_err();
        assert!(error.is_credentials(), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_good_token_is_used_while_its_renewal_gives_one_that_fits_no_header() {
        let emulator = strict_emulator().start().await.unwrap();
        let provider = Scripted::open();
        let credentials = provider.credentials(|n| match n {
            0 => Ok(token().expires_in(60 * MINUTE)),
            _ => Ok(AccessToken::new("not\nvisible")),
        });
        let client = client_with(&emulator, credentials);
        create(&client).await.unwrap();
        tokio::time::advance(59 * MINUTE + SECOND).await;
        for _ in 0..3 {
            create(&client).await.unwrap();
        }
        assert_eq!(provider.asked(), 2);
        tokio::time::advance(MINUTE).await;
        let error = create(&client).await.unwrap_err();
        assert!(error.is_credentials(), "{error}");
        assert!(format!("{error:?}").contains("visible ASCII"), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_token_lapses_meanwhile_waits_for_the_early_renewal() {
        let emulator = strict_emulator().start().await.unwrap();
        let provider = Scripted::gated(1);
        let hour = || Ok(token().expires_in(60 * MINUTE));
        let client = client_with(&emulator, provider.credentials(move |_| hour()));
        create(&client).await.unwrap();
        tokio::time::advance(59 * MINUTE + 58 * SECOND).await;
        create(&client).await.unwrap();
        let late = async {
            sleep(3 * SECOND).await;
            create(&client).await
        };
        let slow = async {
            sleep(8 * SECOND).await;
            provider.gate.add_permits(1);
        };
        let (late, ()) = tokio::join!(late, slow);
        late.unwrap();
        assert_eq!(provider.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_lives_for_no_time_is_kept_for_those_who_waited() {
        let emulator = strict_emulator().start().await.unwrap();
        let provider = Scripted::gated(0);
        let once = || Ok(token().expires_in(Duration::ZERO));
        let client = client_with(&emulator, provider.credentials(move |_| once()));
        let both = async { tokio::join!(create(&client), create(&client)) };
        let ((first, second), ()) = tokio::join!(both, async { provider.gate.add_permits(2) });
        first.and(second).unwrap();
        assert_eq!(provider.asked(), 1);
        create(&client).await.unwrap();
        assert_eq!(provider.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_is_slower_than_its_callers_serves_later_ones() {
        let emulator = strict_emulator().start().await.unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let credentials = Credentials::provider(move || {
            let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                sleep(if is_first { 31 * SECOND } else { SECOND }).await;
                Ok(token())
            }
        });
        let client = client_with(&emulator, credentials);
        let mut calls = Vec::new();
        for _ in 0..200 {
            let client = client.clone();
            calls.push(tokio::spawn(async move { create(&client).await.is_ok() }));
            sleep(SECOND / 2).await;
        }
        let succeeded: Vec<bool> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        // The first renewal fails the calls that wait for it: two a second for 30 s.
        let failed = succeeded.iter().take_while(|succeeded| !**succeeded).count();
        assert!((60..=61).contains(&failed), "{failed}");
        assert!(succeeded[failed..].iter().all(|succeeded| *succeeded));
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_time_out_together_ask_once() {
        for timeout in [10 * SECOND, 30 * SECOND] {
            for requests in [100, 1_000] {
                let emulator = strict_emulator().start().await.unwrap();
                let provider = Scripted::gated(0);
                let credentials = provider.credentials(|_| Ok(token()));
                let client = builder(&emulator).credentials(credentials).timeout(timeout);
                let client = client.max_concurrent_requests(requests).build().unwrap();
                for ended in join_all((0..1_000).map(|_| create(&client))).await {
                    assert_eq!(ended.unwrap_err().outcome(), Outcome::NotSent);
                }
                assert_eq!(provider.asked(), 1, "{requests} at a time, each for {timeout:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_goes_on_when_the_time_of_its_call_is_over_and_serves_later_ones() {
        let emulator = strict_emulator().start().await.unwrap();
        let provider = Scripted::gated(0);
        let credentials = provider.credentials(|_| Ok(token()));
        let client = builder(&emulator).credentials(credentials).timeout(11 * SECOND).build().unwrap();
        let start = Instant::now();
        assert!(create(&client).await.unwrap_err().is_credentials());
        assert_eq!(start.elapsed().as_secs(), 11);
        provider.gate.add_permits(1);
        create(&client).await.unwrap();
        assert_eq!((provider.asked(), start.elapsed().as_secs()), (1, 11));
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_takes_too_long_is_dropped() {
        let emulator = strict_emulator().start().await.unwrap();
        let (credentials, dropped) = hanging();
        let client = builder(&emulator).credentials(credentials).renewal_timeout(2 * SECOND).build().unwrap();
        create(&client).await.unwrap_err();
        tokio::task::yield_now().await;
        assert_eq!(dropped.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_call_that_begins_a_renewal_says_how_long_it_may_take() {
        let emulator = strict_emulator().start().await.unwrap();
        let (credentials, _) = hanging();
        let within = |timeout: Duration| {
            let client = builder(&emulator).credentials(credentials.clone()).timeout(60 * SECOND);
            client.renewal_timeout(timeout).build().unwrap()
        };
        let (short, long) = (within(2 * SECOND), within(20 * SECOND));
        for (first, second, seconds) in [(&short, &long, 2), (&long, &short, 20)] {
            for error in join_all([create(first), create(second)]).await.into_iter().map(Result::unwrap_err) {
                assert!(error.is_credentials());
                assert_eq!(error.elapsed().as_secs(), seconds, "{error}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_takes_too_long_fails_all_who_waited() {
        let emulator = strict_emulator().start().await.unwrap();
        let provider = Scripted::gated(0);
        let credentials = provider.credentials(|_| Ok(token()));
        let client = builder(&emulator).credentials(credentials).renewal_timeout(2 * SECOND).build().unwrap();
        let start = Instant::now();
        let late = async {
            sleep(SECOND).await;
            create(&client).await
        };
        let (first, second) = tokio::join!(create(&client), late);
        for error in [first.unwrap_err(), second.unwrap_err()] {
            assert!(error.is_credentials(), "{error}");
            let source = std::error::Error::source(&error).unwrap();
            assert_eq!(source.to_string(), "it gave no token within the renewal time-out");
        }
        // Tokio's timers have a resolution of one millisecond.
        assert_eq!((provider.asked(), start.elapsed().as_secs()), (1, 2));
        provider.gate.add_permits(1);
        create(&client).await.unwrap();
        assert_eq!(provider.asked(), 2);
    }
}
