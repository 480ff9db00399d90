//! The order of a run's items, and when ids are read and chunks are sent.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use koodrive_share::BulkPolicy;
use koodrive_share_emulator::Fault;

use crate::support::{
    bulk::{ids, tasks_of, until},
    bulk_run::{FOREVER, complete},
    fixtures::{client, dump_template, strict_emulator},
};

#[tokio::test]
async fn items_come_in_the_order_of_the_ids_with_one_task_each() {
    let emulator = strict_emulator().start().await.unwrap();
    // The request that arrives first is slower than all others.
    emulator.fail_next(Fault::Delay(Duration::from_millis(200)));
    // The ids differ in length, so that an id left over from an earlier chunk in the same memory would be noticed.
    let ids: Vec<_> = (0..5_500).map(|n| format!("F{:1$}", n, n % 7)).collect();
    let bulk = client(&emulator).create_bulk(dump_template(), ids.iter().map(String::as_str));
    let items = complete(bulk.unwrap()).await;
    let tasks = emulator.tasks();
    assert_eq!((items.len(), tasks.len()), (6, 6), "5,500 ids, 1,000 each");
    for (item, (n, chunk)) in items.iter().zip(ids.chunks(1_000).enumerate()) {
        let start = n as u64 * 1_000;
        assert_eq!(item.range, start..start + chunk.len() as u64);
        let of_chunk = tasks_of(&tasks, chunk);
        assert_eq!(of_chunk.len(), 1);
        let handle = item.result.as_ref().unwrap();
        assert_eq!(handle.task_id(), of_chunk[0].task_id());
        assert_eq!(of_chunk[0].trace_id(), Some(item.trace_id.as_str()));
        assert_eq!(handle.trace_id(), &item.trace_id);
    }
}

#[tokio::test]
async fn ids_are_read_no_further_than_the_concurrency() {
    let emulator = strict_emulator().start().await.unwrap();
    for _ in 0..8 {
        emulator.fail_next(FOREVER);
    }
    for (policy, chunks) in [(BulkPolicy::default(), 4), (BulkPolicy::default().concurrency(2), 2)] {
        let before = emulator.request_count();
        let read = Arc::new(AtomicUsize::new(0));
        let counted = ids(20_000);
        let counted = counted.into_iter().inspect(|_| {
            read.fetch_add(1, Ordering::Relaxed);
        });
        let mut bulk = client(&emulator).create_bulk_with(dump_template(), counted, policy).unwrap();
        assert_eq!(read.load(Ordering::Relaxed), 0, "nothing before the poll");
        let mut next = pin!(bulk.next());
        let arrived = until("the chunks have arrived", || emulator.request_count() == before + chunks);
        let mut arrived = pin!(arrived);
        tokio::select! {
            item = &mut next => panic!("{item:?}"),
            () = &mut arrived => {}
        }
        assert!(next.as_mut().now_or_never().is_none());
        let read = read.load(Ordering::Relaxed) as u64;
        assert_eq!(read, chunks * 1_000);
    }
}

#[tokio::test]
async fn begun_chunks_are_sent_without_the_stream_being_polled() {
    let emulator = strict_emulator().start().await.unwrap();
    let ids = ids(4_000);
    let mut bulk = client(&emulator).create_bulk(dump_template(), ids).unwrap();
    assert!(bulk.next().now_or_never().is_none());
    until("4 tasks", || emulator.tasks().len() == 4).await;
}
