//! Compares `Client::create_bulk` with a loop of hand-written reqwest calls, and measures its memory and 10,000
//! creations at once.
//!
//! Run `cargo bench --bench bulk` in this folder. Both take turns, on the same ids and with the same concurrency. The
//! results are the medians of the rounds' ratios, and the numbers of connections.

mod by_hand;
mod loopback;

use std::{fs, time::Instant};

use allocation_counter::measure;
use by_hand::{ByHand, CARRIER, SHARE, SPACE, TOKEN, USER};
use futures_util::{StreamExt, future, stream};
use koodrive_share::{BulkPolicy, Client, Credentials, ShareTask, ShareTaskBuilder, TargetDirectory};
use loopback::{Server, TASKS, serve_if_asked};
use tokio::runtime::{Builder, Runtime};

const IDS: usize = 1_000_000;
const CHUNK: usize = 1_000;
const ROUNDS: usize = 9;

fn file_ids(range: std::ops::Range<usize>) -> impl Iterator<Item = String> + Send {
    range.map(|n| format!("Fk63FCWhcDAga2puvYKRG1oTMjs-{n:07}"))
}

fn task() -> ShareTaskBuilder {
    ShareTask::dump(TargetDirectory::root(SPACE)).share_id(SHARE).container_id(SPACE)
}

fn client(server: &Server) -> Client {
    let client = Client::builder().endpoint(&server.endpoint).credentials(Credentials::bearer(TOKEN));
    client.user_id(USER).agent_name(CARRIER).build().unwrap()
}

/// Returns the ids per second, and the number of connections that were opened.
async fn ours(server: &Server, ids: usize, concurrency: usize) -> (f64, u64) {
    let policy = BulkPolicy::default().concurrency(concurrency);
    let client = client(server);
    let start = Instant::now();
    let mut bulk = client.create_bulk_with(task(), file_ids(0..ids), policy).unwrap();
    let mut connections = Connections::default();
    while let Some(item) = bulk.next().await {
        connections.record(item.unwrap().result.unwrap().task_id());
    }
    (speed(start), connections.opened())
}

/// Checks that a run and its client take less than 1.2 MiB, and less than 60 bytes more for each chunk.
fn memory(server: &Server, runtime: &Runtime) {
    let run = |ids| async move {
        ours(server, ids, 4).await;
    };
    let peak = |ids| measure(|| runtime.block_on(run(ids))).bytes_max;
    // The number of requests and replies in memory at the same moment varies, so the maximum of five runs counts.
    let few = (0..5).map(|_| peak(50_000)).max().unwrap();
    let many = peak(2_000_000);
    println!("memory: at most {few} bytes at a time for 50,000 ids, {many} for 2,000,000\n");
    assert!(many < 1_200 << 10);
    assert!(many.saturating_sub(few) < 60 * 1_950);
}

async fn raw(server: &Server, concurrency: usize) -> (f64, u64) {
    let by_hand = ByHand::new(&server.endpoint);
    let post = async |ids: Vec<String>| by_hand.create(&ByHand::request(ids)).await;
    let start = Instant::now();
    let chunks = stream::iter(0..IDS / CHUNK)
        .map(|n| post(file_ids(n * CHUNK..(n + 1) * CHUNK).collect()))
        .buffered(concurrency);
    let mut connections = Connections::default();
    let ids: Vec<String> = chunks.collect().await;
    for id in &ids {
        connections.record(id);
    }
    (speed(start), connections.opened())
}

/// The range of connections that carried a run's replies. No other run is under way at the same time.
#[derive(Default)]
struct Connections(Option<(u64, u64)>);

impl Connections {
    fn record(&mut self, task_id: &str) {
        let connection = task_id.parse::<u64>().unwrap() / TASKS;
        let (first, last) = self.0.unwrap_or((connection, connection));
        self.0 = Some((first.min(connection), last.max(connection)));
    }

    fn opened(&self) -> u64 {
        self.0.map_or(0, |(first, last)| last - first + 1)
    }
}

#[allow(clippy::cast_precision_loss, reason = "a million")]
fn speed(start: Instant) -> f64 {
    IDS as f64 / start.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the peak memory of this process, in KiB.
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn ten_thousand_at_once(server: &Server) {
    let client = client(server);
    let tasks: Vec<ShareTask> = (0..10_000).map(|n| task().file_ids(file_ids(n..n + 10)).build().unwrap()).collect();
    let before = peak_memory();
    let mut connections = Connections::default();
    let start = Instant::now();
    for handle in future::join_all(tasks.iter().map(|task| client.create(task))).await {
        connections.record(handle.unwrap().task_id());
    }
    let (seconds, opened) = (start.elapsed().as_secs_f64(), connections.opened());
    let grown = peak_memory() - before;
    println!("\n10,000 creations at once: none failed, {seconds:.2} s, {opened} connections, {grown} KiB more");
    assert!(opened <= 200, "more than max_concurrent_requests documents");
}

async fn throughput(server: &Server) {
    println!("| concurrency | raw reqwest, ids/s | create_bulk, ids/s | ratio | connections, raw | ours |");
    println!("|---|---|---|---|---|---|");
    for concurrency in [1, 2, 4, 8, 16] {
        let (mut raws, mut bulks, mut ratios) = (vec![], vec![], vec![]);
        let (mut most_raw, mut most) = (0, 0);
        for _ in 0..ROUNDS {
            let (raw, opened_raw) = raw(server, concurrency).await;
            let (ours, opened) = ours(server, IDS, concurrency).await;
            raws.push(raw);
            bulks.push(ours);
            ratios.push(ours / raw);
            most_raw = most_raw.max(opened_raw);
            most = most.max(opened);
        }
        let (raw, ours) = (median(&mut raws), median(&mut bulks));
        let ratio = median(&mut ratios);
        println!("| {concurrency} | {raw:.0} | {ours:.0} | {ratio:.3} | {most_raw} | {most} |");
        assert!(most <= concurrency as u64, "more connections than requests");
    }
}

fn main() {
    serve_if_asked();
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let server = Server::start();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    memory(&server, &runtime);
    runtime.block_on(throughput(&server));
    runtime.block_on(ten_thousand_at_once(&server));
}
