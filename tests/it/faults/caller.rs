//! Callers that drop a call, and concurrent callers.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use koodrive_share::Outcome;
use koodrive_share_emulator::Fault;
use tokio::time::timeout;

use super::{
    row::{Row, rows},
    secrets::Caller,
    trial::{Ending, Observed, Trial, task},
};
use crate::support::{
    full_queue::FullQueue,
    scripted_server::{ScriptedServer, Seen, Step},
};

const LOOK_FOR_IT: &str = "note the task's trace id before the call, and look for it";

rows! {
    "The caller"

    dropped_while_connecting => Row::driven(
        "the caller drops the future while it connects",
        |trial| async move {
            let full = FullQueue::start().await;
            let client = trial.client(&full.endpoint());
            let call = timeout(Duration::from_millis(300), trial.call(&client)).await;
            assert!(call.is_err(), "it can't have ended");
            drop(client);
            Observed {
                ending: Ending::NoAnswer,
                // The only connections are those that fill the queue, so they are not counted.
                connections: None,
                requests: full.requests().await,
            }
        },
    )
    .requests(0)
    .without_error()
    .advice(LOOK_FOR_IT);
    dropped_after_sending => Row::driven(
        "the caller drops the future after the request has left",
        |trial| async move {
            let server = trial.server(&vec![vec![Step::Request, Step::Stall]]).await;
            drop_when(&trial, server, |seen| seen.requests.len() == 1).await
        },
    )
    .without_error()
    .advice(LOOK_FOR_IT);
    dropped_while_reading => Row::driven(
        "the caller drops the future while it reads the reply",
        |trial| async move {
            // This is larger than the buffers on the way, so once it is sent, the client is reading.
            let mut half = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 16 << 20).into_bytes();
            half.resize(8 << 20, b' ');
            let script = vec![vec![Step::Request, Step::Send(half), Step::Stall]];
            let server = trial.server(&script).await;
            drop_when(&trial, server, |seen| seen.sent == 1).await
        },
    )
    .heavy()
    .max_reply_bytes(32 << 20)
    .without_error()
    .advice(LOOK_FOR_IT);
    no_place_free => Row::driven(
        "no place among the concurrent requests becomes free in time",
        |trial| async move {
            let script = vec![vec![Step::Request, Step::Stall]];
            let mut server = trial.server(&script).await;
            let builder = trial.builder(&server.endpoint()).max_concurrent_requests(1);
            let client = builder.build().unwrap();
            let mut first = Box::pin(trial.call(&client));
            tokio::select! {
                _ = &mut first => panic!("it can't have ended"),
                _ = server.until(|seen| seen.requests.len() == 1) => {}
            }
            // The first call is not polled from here on, so it keeps its permit.
            let ending = trial.call(&client).await;
            drop(first);
            drop(client);
            let mut observed = Observed::by(server, ending).await;
            // Leave out the request of the call that holds the permit.
            observed.requests -= 1;
            observed
        },
    )
    .timeout()
    .not_sent()
    .is("timeout retryable")
    .advice("nothing was sent: allow more time or more concurrent requests, or lower the load");
    every_tenth_reply_lost => Row::driven(
        "of 1,000 concurrent calls every tenth loses its reply",
        thousand_calls,
    )
    .only(&[Caller::Provider, Caller::App])
    // No call is sent twice.
    .requests(1000);
}

async fn drop_when(trial: &Trial, mut server: ScriptedServer, is_time: impl Fn(&Seen) -> bool) -> Observed {
    let client = trial.client(&server.endpoint());
    tokio::select! {
        _ = trial.call(&client) => panic!("it can't have ended"),
        _ = server.until(is_time) => {}
    }
    // The client still exists, so the connection ended with the future.
    let observed = Observed::by(server, Ending::NoAnswer).await;
    drop(client);
    observed
}

/// The emulator makes a task for every request, and closes the connection in place of every tenth reply.
async fn thousand_calls(trial: Trial) -> Observed {
    let emulator = trial.caller.emulator().start().await.unwrap();
    for n in 1..=1000 {
        emulator.fail_next(match n % 10 {
            0 => Fault::CloseAfterProcessing,
            _ => Fault::Delay(Duration::ZERO),
        });
    }
    // The time-out is longer than these calls take on a machine under load.
    let client = trial.builder(emulator.endpoint()).timeout(Duration::from_secs(600)).build().unwrap();
    let task = task("file");
    let calls = join_all((0..1000).map(|_| client.create(&task))).await;
    let (made, mut lost): (Vec<_>, Vec<_>) = calls.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), lost.len()), (900, 100));
    let told: BTreeSet<String> = made.into_iter().map(|made| made.unwrap().task_id().to_owned()).collect();
    let tasks: BTreeSet<String> = emulator.tasks().iter().map(|task| task.task_id().to_owned()).collect();
    assert!(told.is_subset(&tasks));
    // Each call made one task, whether its reply was lost or not.
    assert_eq!((told.len(), tasks.len()), (900, 1000));
    assert!(lost.iter().all(|lost| lost.as_ref().unwrap_err().outcome() == Outcome::Unknown));
    Observed {
        ending: Ending::Failed(lost.swap_remove(0).unwrap_err()),
        connections: None,
        requests: emulator.request_count().try_into().unwrap(),
    }
}
