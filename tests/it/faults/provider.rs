//! Providers of tokens that fail.

use std::{
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use koodrive_share::{AccessToken, Client, Credentials, ProviderError};
use tokio::task::yield_now;

use super::{
    row::{Row, rows},
    secrets::{Caller, TOKEN, shown},
    trial::{CREATED, Ending, Observed, Trial, ok, task},
};
use crate::support::scripted_server::{Script, Step};

rows! {
    "The token provider"

    provider_fails => asked("the token provider fails", vec![], |trial, endpoint| async move {
        let client = client(&trial, &endpoint, || async { Err("the portal is down".into()) });
        let ending = trial.call(&client).await;
        let Ending::Failed(error) = &ending else { panic!("a call without a token") };
        assert!(shown(error).contains(&"the portal is down".to_owned()), "{error:?}");
        ending
    })
    .fails();
    provider_hangs => asked("the token provider hangs", vec![], |trial, endpoint| async move {
        trial.call(&client(&trial, &endpoint, pending)).await
    })
    .timeout()
    .fails();
    provider_panics => asked("the token provider panics", replies(1), |trial, endpoint| async move {
        let asked = AtomicUsize::new(0);
        let client = client(&trial, &endpoint, move || {
            let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                if first {
                    // Let another call wait for the same renewal first.
                    yield_now().await;
                    panic!("the provider's own");
                }
                Ok(AccessToken::new(TOKEN))
            }
        });
        let waiting = tokio::spawn({
            let client = client.clone();
            async move { client.create(&task("file")).await.is_err() }
        });
        let ending = trial.call(&client).await;
        assert!(waiting.await.unwrap(), "a call that waited");
        assert!(matches!(trial.call(&client).await, Ending::Made), "a later call");
        ending
    })
    .fails();
    token_fits_no_header => asked(
        "the provider's token fits no header",
        replies(1),
        |trial, endpoint| async move {
            let asked = AtomicUsize::new(0);
            let client = client(&trial, &endpoint, move || {
                let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
                let token = if first { format!("{TOKEN}\r\nX-User-Id: 1") } else { TOKEN.to_owned() };
                async move { Ok(AccessToken::new(token)) }
            });
            let ending = trial.call(&client).await;
            // The unusable token isn't kept: the next call asks for another one.
            assert!(matches!(trial.call(&client).await, Ending::Made));
            ending
        },
    )
    .fails();
    token_lives_for_ever => Row::driven(
        "the provider says that its token lives for ever",
        |trial| async move {
            let server = trial.server(&replies(2)).await;
            let client = client(&trial, &server.endpoint(), || async {
                Ok(AccessToken::new(TOKEN).expires_in(Duration::MAX))
            });
            assert!(matches!(trial.call(&client).await, Ending::Made));
            let ending = trial.call(&client).await;
            drop(client);
            Observed::by(server, ending).await
        },
    )
    .only(&[Caller::Provider])
    // There are two calls: the first gets the token, the second finds it cached.
    .requests(2)
    .made();
}

impl Row {
    fn fails(self) -> Self {
        self.is("credentials retryable").advice("nothing was sent: look at the token provider")
    }
}

/// Further calls that succeed, all on one connection.
fn replies(count: usize) -> Script {
    match count {
        0 => vec![],
        count => vec![vec![vec![Step::Request, Step::Send(ok(CREATED))]; count].concat()],
    }
}

/// A call that is never sent. The replies in `script` are for the calls that are made after it.
fn asked<T>(title: &'static str, script: Script, call: impl Fn(Trial, String) -> T + Copy + 'static) -> Row
where
    T: Future<Output = Ending> + 'static,
{
    let later = script.iter().flatten().filter(|step| matches!(step, Step::Request)).count();
    let row = Row::driven(title, move |trial| {
        let script = script.clone();
        async move {
            let server = trial.server(&script).await;
            let ending = call(trial, server.endpoint()).await;
            let mut observed = Observed::by(server, ending).await;
            observed.requests -= later;
            observed.connections = None;
            observed
        }
    });
    row.only(&[Caller::Provider]).not_sent()
}

fn client<T>(trial: &Trial, endpoint: &str, provider: impl Fn() -> T + Send + Sync + 'static) -> Client
where
    T: Future<Output = Result<AccessToken, ProviderError>> + Send + 'static,
{
    let credentials = Credentials::provider(provider);
    trial.builder(endpoint).credentials(credentials).build().unwrap()
}
