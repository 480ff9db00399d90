//! Concurrent calls: their permits, their order and their connections; and calls that are dropped.

use std::time::Duration;

use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use koodrive_share::{Client, Credentials};
use koodrive_share_emulator::{Answer, Fault};
use serde_json::json;
use tokio::{
    runtime,
    time::{Instant, timeout},
};

use crate::support::{
    bulk::until,
    fixtures::{SHARE, builder, builder_at, client, dump, strict_emulator},
    own_server::{OwnServer, Reply},
    scripted_server::{ScriptedServer, Step, json_reply},
    share::link,
};

const SECOND: Duration = Duration::from_secs(1);

async fn create(client: &Client) -> Result<(), koodrive_share::Error> {
    client.create(&dump().build().unwrap()).await.map(drop)
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection_and_leaks_no_place() {
    let calls: [fn(&Client) -> BoxFuture<'_, ()>; 3] = [
        |client| create(client).map(drop).boxed(),
        |client| async { drop(client.status(&client.handle("1", SHARE)).await) }.boxed(),
        |client| async { drop(client.open_share(&link(), None).await) }.boxed(),
    ];
    for call in calls {
        let created = json_reply(200, &json!({"code": 0, "msg": "Success", "taskId": "1"}));
        let script = vec![vec![Step::Request, Step::Stall], vec![Step::Request, Step::Send(created)]];
        let mut server = ScriptedServer::start(script).await;
        let client = builder_at(&server.endpoint()).max_concurrent_requests(1).build().unwrap();
        let call = call(&client);
        tokio::select! {
            () = call => panic!("it can't have ended"),
            _ = server.until(|seen| seen.requests.len() == 1) => {}
        }
        // The connection ends although the client still exists.
        server.until(|seen| seen.ended == 1).await;
        create(&client).await.unwrap();
        drop(client);
        server.finish().await;
    }
}

#[tokio::test]
async fn a_dropped_creation_is_not_taken_back() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::Delay(SECOND / 20));
    let client = client(&emulator);
    tokio::select! {
        _ = create(&client) => panic!("it can't have ended"),
        () = until("the request has arrived", || emulator.request_count() == 1) => {}
    }
    until("the task is made", || emulator.tasks().len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_gives_up_its_place_between_attempts() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::Reply(Answer::gateway(429, "APIGW.0308", "throttled").header("Retry-After", "5")));
    let client = builder(&emulator).max_concurrent_requests(1).build().unwrap();
    let mut waiting = Box::pin(create(&client));
    assert!(timeout(SECOND, &mut waiting).await.is_err());
    let start = Instant::now();
    create(&client).await.unwrap();
    assert_eq!((start.elapsed(), emulator.request_count()), (Duration::ZERO, 2));
    waiting.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_a_token_takes_no_place() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).max_concurrent_requests(1).build().unwrap();
    let waiting_for_ever = client.with_credentials(Credentials::provider(std::future::pending)).unwrap();
    let mut waiting = Box::pin(create(&waiting_for_ever));
    assert!(timeout(SECOND, &mut waiting).await.is_err());
    create(&client).await.unwrap();
    assert!(waiting.await.unwrap_err().is_credentials());
}

#[tokio::test]
async fn calls_that_wait_for_a_place_get_it_in_their_order() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).max_concurrent_requests(1).build().unwrap();
    let tasks: Vec<_> = (0..30).map(|n| dump().trace_id(format!("{n:058}").parse().unwrap())).collect();
    let tasks: Vec<_> = tasks.into_iter().map(|task| task.build().unwrap()).collect();
    let ended = join_all(tasks.iter().map(|task| client.create(task))).await;
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    let sent = emulator.requests();
    let sent: Vec<_> = sent.iter().filter_map(|request| request.header("x-traceid")).collect();
    let begun: Vec<_> = tasks.iter().map(|task| task.trace_id().as_str()).collect();
    assert_eq!(sent, begun);
}

#[tokio::test]
async fn there_are_at_most_twice_as_many_connections_as_requests_at_a_time() {
    let server = OwnServer::start(|_| Reply::new(200, &json!({"code": 0, "taskId": "1"}))).await;
    // The time-out is longer than these calls take on a machine under load.
    let client = builder_at(server.endpoint()).max_concurrent_requests(10).timeout(600 * SECOND).build().unwrap();
    let ended = join_all((0..500).map(|_| create(&client))).await;
    assert!(ended.iter().all(Result::is_ok));
    assert!((2..=20).contains(&server.connection_count()), "{}", server.connection_count());
}

#[test]
fn a_call_waits_for_a_connection_of_a_runtime_that_nobody_drives() {
    let elsewhere = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let emulator = elsewhere.block_on(strict_emulator().start()).unwrap();
    let runtime = || runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let client = builder(&emulator).timeout(SECOND).connect_timeout(SECOND / 2).build().unwrap();
    first.block_on(create(&client)).unwrap();
    let error = second.block_on(create(&client)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
}
