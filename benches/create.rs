//! Compares `Client::create` with a hand-written reqwest call that sends the same bytes, and with the generated client
//! alone.
//!
//! Run `cargo bench --bench create` in this folder. The variants take turns in every round, so that the machine's drift
//! affects all of them. The results are the medians of the rounds' ratios, and the numbers of allocations.

mod by_hand;
mod loopback;

use std::{hint::black_box, time::Instant};

use koodrive_share::{Client, Credentials, ShareTask, TargetDirectory};
use reqwest::header;
use ring::digest::{SHA256, digest};
use tokio::runtime::Runtime;

use by_hand::{ByHand, CARRIER, SHARE, SPACE, TOKEN, USER};
use loopback::{Server, serve_if_asked};

/// The generated client without the library, with plain types in place of the library's.
#[allow(warnings, reason = "the generator's style")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/client.rs"));
}
mod client {
    pub(crate) mod exchange {
        use progenitor_client::{ClientHooks, ClientInfo, Error, OperationInfo};
        use reqwest::header::{HeaderName, HeaderValue};

        /// The headers that the call by hand sends. As a list, they need no change for a new optional header.
        #[derive(Clone, Debug)]
        pub(crate) struct Exchange(pub(crate) Vec<(HeaderName, HeaderValue)>);

        impl ClientHooks<Exchange> for crate::generated::Client {
            async fn pre<E>(&self, request: &mut reqwest::Request, _: &OperationInfo) -> Result<(), Error<E>> {
                for (name, value) in &self.inner().0 {
                    request.headers_mut().insert(name.clone(), value.clone());
                }
                Ok(())
            }
        }
    }
}
mod credentials {
    pub(crate) type RequestSecret = String;
}
mod lenient {
    pub(crate) type LenientBool = bool;
    pub(crate) type LenientCode = i64;
    pub(crate) type LenientInt = i64;
    pub(crate) type LenientList<T> = Vec<T>;
    pub(crate) type LenientNumber = f64;
    pub(crate) type LenientObject<T> = T;
    pub(crate) type LenientText = String;
}
mod share_task {
    pub(crate) type TaskType = i64;
}
mod task {
    pub(crate) mod wire {
        pub(crate) type LenientUrl = String;
        pub(crate) type TaskInfos = Vec<crate::generated::types::TaskInfo>;
    }
}

const ROUNDS: usize = 201;

/// The app id has the length of the reference's, which matters: see `PERFORMANCE.md` about the length of a header.
const APP_ID: &str = "a378331eca141163119eb602adb67b7802cc79cd33ba44c7d2fe61d1586c96a1";

fn file_ids(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("Fk63FCWhcDAga2puvYKRG1oTMjs-{n:05}")).collect()
}

struct Bench {
    runtime: Runtime,
    server: Server,
}

/// Makes the given number of calls of one variant, one after the other in one task.
type Calls<'a> = Box<dyn Fn(u32) + 'a>;

impl Bench {
    fn raw(&self, ids: usize) -> Calls<'_> {
        let by_hand = ByHand::new(&self.server.endpoint);
        let request = ByHand::request(file_ids(ids));
        Box::new(move |calls| {
            self.runtime.block_on(async {
                for _ in 0..calls {
                    by_hand.create(&request).await;
                }
            });
        })
    }

    fn generated(&self, ids: usize) -> Calls<'_> {
        let mut headers = header::HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {TOKEN}").try_into().unwrap());
        let http = by_hand::http().default_headers(headers).build().unwrap();
        let date = chrono::Utc::now().format("%Y%m%dT%H%M%SZ").to_string();
        let documented = [
            ("x-date", date),
            ("x-hw-agentname", CARRIER.to_owned()),
            ("x-traceid", "a".repeat(58)),
            ("x-user-id", USER.to_owned()),
        ];
        let documented =
            documented.map(|(name, value)| (header::HeaderName::from_static(name), value.try_into().unwrap()));
        let exchange = client::exchange::Exchange(documented.into());
        let client = generated::Client::new_with_client(&self.server.endpoint, http, exchange);
        let body = serde_json::to_value(ByHand::request(file_ids(ids))).unwrap();
        let request: generated::types::CreateBatchTaskRequest = serde_json::from_value(body).unwrap();
        Box::new(move |calls| {
            self.runtime.block_on(async {
                for _ in 0..calls {
                    let reply = client.create_batch_task(&request).await.unwrap().into_inner();
                    assert!(reply.code == 0 && reply.task_id.is_some());
                }
            });
        })
    }

    /// Each call comes after a SHA-256 pass over `hashed`, unless that is empty.
    fn ours(&self, ids: usize, credentials: Credentials, hashed: Vec<u8>) -> Calls<'_> {
        let client = Client::builder()
            .endpoint(&self.server.endpoint)
            .credentials(credentials)
            .user_id(USER)
            .agent_name(CARRIER)
            .build()
            .unwrap();
        let task = ShareTask::dump(TargetDirectory::root(SPACE));
        let task = task.share_id(SHARE).container_id(SPACE).file_ids(file_ids(ids)).build().unwrap();
        Box::new(move |calls| {
            self.runtime.block_on(async {
                for _ in 0..calls {
                    if !hashed.is_empty() {
                        black_box(digest(&SHA256, black_box(&hashed)));
                    }
                    let handle = client.create(&task).await.unwrap();
                    assert!(!handle.task_id().is_empty());
                }
            });
        })
    }

    /// Returns the mean time of a call, in microseconds.
    fn time(variant: &Calls<'_>, calls: u32) -> f64 {
        let start = Instant::now();
        variant(calls);
        start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    serve_if_asked();
    // The other clients need this provider; ours brings the same one.
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bench = Bench { runtime, server: Server::start() };
    println!("| ids | variant | median, µs | ratio to raw reqwest | allocations |");
    println!("|---|---|---|---|---|");
    let mut allocations = vec![Vec::new(); 5];
    for ids in [1, 100, 1_000] {
        let body = serde_json::to_vec(&ByHand::request(file_ids(ids))).unwrap();
        let variants = [
            ("raw reqwest", bench.raw(ids)),
            ("generated client alone", bench.generated(ids)),
            ("Client::create, bearer", bench.ours(ids, Credentials::bearer(TOKEN), vec![])),
            (
                "Client::create, bearer, and a SHA-256 pass over the body",
                bench.ours(ids, Credentials::bearer(TOKEN), body),
            ),
            ("Client::create, app signature", bench.ours(ids, Credentials::app(APP_ID, TOKEN), vec![])),
        ];
        let calls = if ids == 1_000 { 10 } else { 30 };
        for (_, variant) in &variants {
            Bench::time(variant, 200);
        }
        let mut times = vec![Vec::new(); variants.len()];
        for round in 0..ROUNDS {
            for turn in 0..variants.len() {
                let variant = (round + turn) % variants.len();
                times[variant].push(Bench::time(&variants[variant].1, calls));
            }
        }
        for (n, (name, variant)) in variants.iter().enumerate() {
            let ratios = times[n].iter().zip(&times[0]).map(|(time, raw)| time / raw).collect();
            let count = allocation_counter::measure(|| variant(1)).count_total;
            let (time, ratio) = (median(times[n].clone()), median(ratios));
            println!("| {ids} | {name} | {time:.1} | {ratio:.3} | {count} |");
            allocations[n].push(count);
        }
        let pairs = times[4].iter().zip(&times[3]);
        let difference = median(pairs.map(|(signed, hashed)| signed - hashed).collect());
        println!("| {ids} | signature: beyond the pass | {difference:.1} | | |");
    }
    // The body of every variant grows in a vector that doubles. Nothing else may make more allocations for more ids.
    let growth = |variant: usize| allocations[variant][2] - allocations[variant][0];
    assert_eq!(growth(2), growth(0));
}
