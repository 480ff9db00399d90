//! Runs that are stopped or dropped.

use std::{pin::pin, time::Duration};

use futures_util::{FutureExt, StreamExt, stream};
use koodrive_share::FileIds;
use koodrive_share_emulator::Fault;
use tokio::sync::mpsc;

use crate::support::{
    bulk::{ids, ledger, states, until},
    bulk_run::{drain, one_by_one},
    fixtures::{client, dump_template, strict_emulator},
};

#[tokio::test]
async fn stopped_run_finishes_what_was_begun_and_does_not_wait_for_ids() {
    let emulator = strict_emulator().start().await.unwrap();
    let slow = stream::iter(ids(2_000)).chain(stream::pending());
    let mut bulk = client(&emulator).create_bulk(dump_template(), FileIds::stream(slow)).unwrap();
    let first = bulk.next().await.unwrap().unwrap();
    bulk.stop();
    let (items, error) = drain(&mut bulk).await;
    let error = error.unwrap();
    assert!(first.result().is_ok() && error.is_stopped());
    assert_eq!(error.attempted(), 0..1_000 + items.len() as u64 * 1_000);
    assert_eq!(emulator.tasks().len(), 1 + items.len());
}

#[tokio::test]
async fn stopped_run_tells_that_ids_which_it_read_were_not_attempted() {
    let emulator = strict_emulator().start().await.unwrap();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    // Few enough to be read at one poll.
    for id in ids(100) {
        sender.send(id).unwrap();
    }
    let slow = stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut bulk = client(&emulator).create_bulk(dump_template(), FileIds::stream(slow)).unwrap();
    assert!(bulk.next().now_or_never().is_none());
    bulk.stop();
    // The source ends right after, as that of a pipe does which the same Ctrl-C ends.
    drop(sender);
    let (items, error) = drain(&mut bulk).await;
    let error = error.unwrap();
    assert!(items.is_empty() && error.is_stopped(), "{error}");
    assert_eq!(error.attempted(), 0..0);
}

#[tokio::test]
async fn dropped_run_leaves_what_was_begun_to_the_ledger() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::from_millis(50)));
    let path = ledger("dropped");
    let policy = one_by_one().ledger(&path).build().unwrap();
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(3_000), policy).unwrap();
    {
        let mut next = pin!(bulk.next());
        let arrived = until("the request has arrived", || emulator.request_count() == 1);
        let mut arrived = pin!(arrived);
        tokio::select! {
            item = &mut next => panic!("{item:?}"),
            () = &mut arrived => {}
        }
    }
    drop(bulk);
    until("the reply is written", || states(&path).len() == 3).await;
    assert_eq!(states(&path), ["run", "sending", "accepted"]);
    assert_eq!(emulator.request_count(), 1);
}
