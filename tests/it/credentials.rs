//! The kinds of credentials against the emulator, and tokens that are renewed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use koodrive_share::{AccessToken, CanonicalRequest, Client, Credentials, Outcome, ProviderError};
use koodrive_share_emulator::{Answer, Emulator, Fault};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Semaphore,
};

use crate::support::fixtures::{builder, builder_at, dump, strict_emulator};

/// A provider that counts how often it is asked and answers each time through a script.
#[derive(Clone)]
struct Scripted {
    asked: Arc<AtomicUsize>,
    /// A permit lets one answer go.
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
async fn a_verbatim_value_is_sent_as_it_is() {
    let value = "Bearer+10f88";
    let emulator = strict_emulator().authorization(value).start().await.unwrap();
    create(&client_with(&emulator, Credentials::authorization(value))).await.unwrap();
    assert_eq!(emulator.requests()[0].header("authorization"), Some(value));
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
    // Both sides have the same canonical request, which leaves the secret.
    let error = create(&client_with(&emulator, Credentials::app("app", "wrong"))).await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
    assert!(error.to_string().contains("the app secret is wrong"), "{error}");
    // A service behind a proxy that rewrites Host sees another line 4.
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
        // The body ends the request with its closing brace.
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
    let client = client_with(&emulator, provider.credentials(|_| Ok(AccessToken::new(Emulator::DEFAULT_TOKEN))));
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { create(&client).await })
        })
        .collect();
    // All of them are under way before the provider answers.
    while provider.asked() == 0 {
        tokio::task::yield_now().await;
    }
    provider.gate.add_permits(50);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(provider.asked(), 1);
    assert_eq!(emulator.tasks().len(), 50);
}

#[tokio::test]
async fn a_401_renews_the_token_once_and_sends_once_more() {
    let emulator = strict_emulator().token("second").start().await.unwrap();
    let provider = Scripted::open();
    let tokens = ["first", "second", "third"];
    let client = client_with(&emulator, provider.credentials(move |n| Ok(AccessToken::new(tokens[n]))));
    create(&client).await.unwrap();
    assert_eq!((provider.asked(), emulator.request_count(), emulator.tasks().len()), (2, 2, 1));
    // The renewed token is the one that is kept.
    create(&client).await.unwrap();
    assert_eq!((provider.asked(), emulator.request_count()), (2, 3));
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
async fn a_call_that_is_dropped_while_it_asks_lets_the_next_one_ask() {
    let emulator = strict_emulator().start().await.unwrap();
    let provider = Scripted::gated(0);
    let client = client_with(&emulator, provider.credentials(|_| Ok(AccessToken::new(Emulator::DEFAULT_TOKEN))));
    let mut dropped = Box::pin(create(&client));
    assert!(futures_util::poll!(&mut dropped).is_pending());
    assert_eq!(provider.asked(), 1);
    drop(dropped);
    provider.gate.add_permits(1);
    create(&client).await.unwrap();
    assert_eq!(provider.asked(), 2);
}

/// Client and emulator share one thread, and loopback delivers at once, so paused time moves only when a test moves it.
mod lifetimes {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn token() -> AccessToken {
        AccessToken::new(Emulator::DEFAULT_TOKEN)
    }

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
    async fn a_token_with_an_end_is_renewed_a_minute_before_it() {
        let emulator = strict_emulator().start().await.unwrap();
        let provider = Scripted::open();
        let hour = || Ok(token().expires_in(60 * MINUTE));
        let client = client_with(&emulator, provider.credentials(move |_| hour()));
        create(&client).await.unwrap();
        tokio::time::advance(58 * MINUTE).await;
        create(&client).await.unwrap();
        assert_eq!(provider.asked(), 1);
        tokio::time::advance(MINUTE + Duration::from_secs(1)).await;
        create(&client).await.unwrap();
        assert_eq!(provider.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_valid_token_is_kept_when_its_renewal_fails_or_hangs() {
        let emulator = strict_emulator().start().await.unwrap();
        let provider = Scripted::gated(2);
        let credentials = provider.credentials(|n| match n {
            0 => Ok(token().expires_in(60 * MINUTE)),
            _ => Err("down".into()),
        });
        let client = client_with(&emulator, credentials);
        create(&client).await.unwrap();
        tokio::time::advance(59 * MINUTE + Duration::from_secs(10)).await;
        create(&client).await.unwrap();
        // Not asked again at once.
        create(&client).await.unwrap();
        assert_eq!(provider.asked(), 2);
        tokio::time::advance(Duration::from_secs(11)).await;
        // No permit is left: the third one hangs, and the call goes on after five seconds.
        create(&client).await.unwrap();
        assert_eq!(provider.asked(), 3);
        tokio::time::advance(MINUTE).await;
        let error = create(&client).await.unwrap_err();
        assert!(error.is_credentials(), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_needs_a_token_has_its_own_time_for_it() {
        let emulator = strict_emulator().start().await.unwrap();
        let provider = Scripted::gated(1);
        let hour = || Ok(token().expires_in(60 * MINUTE));
        let client = client_with(&emulator, provider.credentials(move |_| hour()));
        create(&client).await.unwrap();
        tokio::time::advance(59 * MINUTE + Duration::from_secs(58)).await;
        // The first call has a token that is still good and waits five seconds for the next; the second has none.
        let late = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            create(&client).await
        };
        let slow = async {
            tokio::time::sleep(Duration::from_secs(8)).await;
            provider.gate.add_permits(1);
        };
        let (due, lapsed, ()) = tokio::join!(create(&client), late, slow);
        lapsed.unwrap();
        assert_eq!(provider.asked(), 3);
        // The token that it is sent with has lapsed meanwhile, which the emulator does not know.
        due.unwrap();
    }
}
