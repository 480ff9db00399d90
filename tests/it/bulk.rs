//! Bulk creation, on the emulator.

mod damage;
mod in_use;
mod input;
mod ledger;
mod order;
mod other_run;
mod packages;
mod resume;
mod stop;
mod unknown;

use std::{fs, io::Write as _, path::PathBuf, time::Duration};

use koodrive_share::{
    Bulk, BulkError, BulkItem, BulkPolicy, BulkPolicyBuilder, Client, Credentials, Outcome, ShareTask,
    ShareTaskBuilder, TargetDirectory,
};
use koodrive_share_emulator::{Emulator, Fault};
use tokio::time::timeout;

const KDSTOKEN: &str = "kds-4b1d5c0ffee";
const FOREVER: Fault = Fault::Delay(Duration::from_secs(3_600));

fn client(emulator: &Emulator) -> Client {
    client_of(emulator, "1505084218764547200")
}

fn client_of(emulator: &Emulator, user_id: &str) -> Client {
    let client = Client::builder()
        .endpoint(emulator.endpoint())
        .credentials(Credentials::bearer(Emulator::DEFAULT_TOKEN))
        .user_id(user_id)
        .agent_name("carrier");
    client.build().unwrap()
}

fn dump() -> ShareTaskBuilder {
    let target = TargetDirectory::root("my-space");
    ShareTask::dump(target).share_id("share").container_id("space").kdstoken(KDSTOKEN)
}

fn package() -> ShareTaskBuilder {
    ShareTask::package_download("photos.zip").share_id("share").container_id("space")
}

fn one_by_one() -> BulkPolicyBuilder {
    BulkPolicy::builder().concurrency(1)
}

/// Takes the last lines off a ledger, as if the run had died before they were written.
fn forget(path: &PathBuf, count: usize) {
    let text = fs::read_to_string(path).unwrap();
    let kept = text.lines().count() - count;
    let kept: String = text.split_inclusive('\n').take(kept).collect();
    fs::write(path, kept).unwrap();
}

/// Writes to a ledger as another run does.
fn append(path: &PathBuf, line: &str) {
    let mut other = fs::OpenOptions::new().append(true).open(path).unwrap();
    other.write_all(line.as_bytes()).unwrap();
}

/// All items, and the error that ended them.
async fn drain(bulk: &mut Bulk<'_>) -> (Vec<BulkItem>, Option<BulkError>) {
    let mut items = Vec::new();
    loop {
        let next = timeout(Duration::from_secs(30), bulk.next()).await;
        match next.expect("a run that neither goes on nor ends") {
            Some(Ok(item)) => items.push(item),
            Some(Err(error)) => {
                assert!(bulk.next().await.is_none(), "nothing comes after an error");
                return (items, Some(error));
            }
            None => return (items, None),
        }
    }
}

/// All items of a run that is complete.
async fn complete(mut bulk: Bulk<'_>) -> Vec<BulkItem> {
    let (items, error) = drain(&mut bulk).await;
    assert!(error.is_none(), "{error:?}");
    items
}

fn outcomes(items: &[BulkItem]) -> Vec<Option<Outcome>> {
    let outcome = |item: &BulkItem| item.result().err().map(koodrive_share::Error::outcome);
    items.iter().map(outcome).collect()
}
