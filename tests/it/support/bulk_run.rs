//! Bulk runs, their items, and what other runs do to their ledgers.

use std::{fs, io::Write as _, path::PathBuf, time::Duration};

use koodrive_share::{Bulk, BulkError, BulkItem, BulkPolicy, Outcome};
use koodrive_share_emulator::Fault;
use tokio::time::timeout;

/// A delay that is longer than any test waits.
pub(crate) const FOREVER: Fault = Fault::Delay(Duration::from_secs(3_600));

/// The beginning of a run's error if any further request would have failed, too.
pub(crate) const FUTILE: &str = "every further request would fail, too; remove the cause, then resume";

pub(crate) fn one_by_one() -> BulkPolicy {
    BulkPolicy::default().concurrency(1)
}

/// Removes the last lines of a ledger, as if the run had died before they were written.
pub(crate) fn forget(path: &PathBuf, count: usize) {
    let text = fs::read_to_string(path).unwrap();
    let kept = text.lines().count() - count;
    let kept: String = text.split_inclusive('\n').take(kept).collect();
    fs::write(path, kept).unwrap();
}

/// Appends to a ledger as another run does.
pub(crate) fn append(path: &PathBuf, line: &str) {
    let mut other = fs::OpenOptions::new().append(true).open(path).unwrap();
    other.write_all(line.as_bytes()).unwrap();
}

/// Returns all items, and the error that ended the run.
pub(crate) async fn drain(bulk: &mut Bulk<'_>) -> (Vec<BulkItem>, Option<BulkError>) {
    drain_within(bulk, Duration::from_secs(30)).await
}

/// Like [`drain`], but each item may take as long as `limit`, as in a pause.
pub(crate) async fn drain_within(bulk: &mut Bulk<'_>, limit: Duration) -> (Vec<BulkItem>, Option<BulkError>) {
    let mut items = Vec::new();
    loop {
        let next = timeout(limit, bulk.next()).await;
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

/// Returns all items, and asserts that the run is complete.
pub(crate) async fn complete(mut bulk: Bulk<'_>) -> Vec<BulkItem> {
    let (items, error) = drain(&mut bulk).await;
    assert!(error.is_none(), "{error:?}");
    items
}

pub(crate) fn outcomes(items: &[BulkItem]) -> Vec<Option<Outcome>> {
    let outcome = |item: &BulkItem| item.result.as_ref().err().map(koodrive_share::Error::outcome);
    items.iter().map(outcome).collect()
}
