//! The growth of memory with the amount of work. It is counted on the test's thread; the emulator runs on another.

use std::{fmt::Write as _, fs};

use allocation_counter::measure;
use futures_util::StreamExt;
use koodrive_share::{Client, Ledger};
use koodrive_share_emulator::{EmulatedShare, Emulator, EmulatorBuilder, Fault};
use tokio::runtime::{Builder, Runtime};

use crate::support::{
    answers::ok,
    bulk::{ids, ledger, lines},
    bulk_run::{complete, one_by_one},
    fixtures::{SHARE, client, dump_template, strict_emulator},
    share::{CODE, link},
};

/// An emulator, a client of it, and a runtime for the client.
struct Measured {
    own: Runtime,
    client: Client,
    emulator: Emulator,
    /// The runtime of the emulator.
    _other: Runtime,
}

impl Measured {
    fn start(emulator: EmulatorBuilder) -> Self {
        let other = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let emulator = other.block_on(emulator.record(0).start()).unwrap();
        let own = Builder::new_current_thread().enable_all().build().unwrap();
        Self { own, client: client(&emulator), emulator, _other: other }
    }

    /// Returns the most bytes that a future holds at a time.
    fn peak(&self, future: impl Future<Output = ()>) -> u64 {
        measure(|| self.own.block_on(future)).bytes_max
    }
}

/// `benches/bulk.rs` measures the memory of a run of up to 2,000,000 ids.
#[test]
fn memory_of_a_run_is_less_than_1_2_mib_and_holds_no_chunk_that_was_looked_at() {
    let measured = Measured::start(strict_emulator());
    let peak = |chunks: usize| {
        measured.peak(async {
            let ids = (0..chunks * 1_000).map(|n| format!("Fk63FCWhcDAga2puvYKRG1oTMjs-{n:07}"));
            let mut bulk = measured.client.create_bulk(dump_template(), ids).unwrap();
            while let Some(item) = bulk.next().await {
                item.unwrap().result.unwrap();
            }
        })
    };
    // The first run makes the connections.
    peak(10);
    let (few, many) = (peak(20), peak(120));
    assert!(many < 1_200 << 10, "{many}");
    // The number of requests and replies that are in memory at the same time varies.
    assert!(many.saturating_sub(few) < 100 * 2_000, "{few} {many}");
}

#[test]
fn memory_of_a_listing_grows_by_a_cursor_for_each_page_and_not_with_the_directories() {
    let peak = |files: usize, directories: usize| {
        let share = EmulatedShare::example().page_limit(5).tree(files, directories, 1);
        let measured = Measured::start(strict_emulator().share(share));
        let share = measured.own.block_on(measured.client.open_share(&link(), Some(CODE))).unwrap();
        measured.peak(async {
            let mut listed = share.files().recursive(true).into_stream();
            while let Some(file) = listed.next().await {
                file.unwrap();
            }
        })
    };
    peak(5, 1);
    for (few, many) in [(peak(50, 1), peak(1_050, 1)), (peak(5, 10), peak(5, 1_010))] {
        assert!(many.saturating_sub(few) < 200 * 200, "{few} {many}");
    }
}

#[test]
fn memory_of_a_ledger_is_at_most_16_bytes_and_some_30_more_for_a_task_for_each_chunk() {
    const CHUNKS: u64 = 10_000;
    let path = ledger("memory");
    let measured = Measured::start(strict_emulator());
    let policy = one_by_one().ledger(&path);
    let bulk = measured.client.create_bulk_with(dump_template(), ids(1), policy).unwrap();
    measured.own.block_on(complete(bulk));
    let [header, _, accepted, _] = lines(&path).try_into().unwrap();
    let mut text = format!("{header}\n");
    for n in 0..CHUNKS {
        let mut line = accepted.clone();
        let chunk = &mut line["chunk"];
        (chunk["chunk"], chunk["start"], chunk["end"]) = (n.into(), (n * 1_000).into(), (n * 1_000 + 1_000).into());
        chunk["state"]["accepted"]["task"]["taskId"] = n.to_string().into();
        writeln!(text, "{line}").unwrap();
    }
    fs::write(&path, text).unwrap();
    let mut read = None;
    let taken = measure(|| read = Some(Ledger::read(&path).unwrap())).bytes_current;
    assert_eq!(read.unwrap().report().unwrap().created, CHUNKS);
    assert!((35 * CHUNKS..50 * CHUNKS).contains(&taken.unsigned_abs()), "{taken}");
}

#[test]
fn memory_of_a_reply_is_some_times_its_length_whatever_stands_in_a_field() {
    const LENGTH: usize = 1 << 20;
    let measured = Measured::start(strict_emulator());
    let odd = format!("[{}0]", "[0],".repeat(LENGTH / 4));
    let handle = measured.client.handle("1", SHARE);
    for body in [
        format!(r#"{{"code": {odd}}}"#),
        format!(r#"{{"code": 0, "msg": {odd}, "jobInfo": {{"taskStatus": 2, "createTime": {odd}}}}}"#),
        format!(r#"{{"code": 0, "jobInfo": {{"taskStatus": {odd}}}}}"#),
        format!(r#"{{"code": 0, "jobInfo": {odd}}}"#),
    ] {
        let length = body.len() as u64;
        measured.emulator.fail_next(Fault::Reply(ok(body)));
        let peak = measured.peak(async { drop(measured.client.status(&handle).await) });
        assert_eq!(measured.emulator.faults_left(), 0);
        assert!(peak < 8 * length, "{peak} of {length}");
    }
}
