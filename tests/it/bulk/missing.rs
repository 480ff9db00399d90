//! Ledgers that are deleted, replaced or truncated during their run. Windows does not allow that.

#![cfg(not(windows))]

use std::{fs, path::PathBuf};

use koodrive_share::BulkPolicy;
use koodrive_share_emulator::Emulator;

use crate::support::{
    bulk::{ids, ledger, states},
    bulk_run::{drain, one_by_one},
    fixtures::{client, dump_template, strict_emulator},
};

/// Starts a run and takes its ledger away with `take`. Asserts that the run has an item for each task that was created,
/// and returns the message of its error.
async fn take_away(emulator: &Emulator, path: &PathBuf, take: impl Fn()) -> String {
    let before = emulator.tasks().len();
    let policy = BulkPolicy::default().ledger(path);
    let mut bulk = client(emulator).create_bulk_with(dump_template(), ids(90_000), policy).unwrap();
    let mut told = 0;
    while told < 2 {
        bulk.next().await.unwrap().unwrap();
        told += 1;
    }
    take();
    let (items, error) = drain(&mut bulk).await;
    let error = error.unwrap();
    assert!(error.is_ledger_lost() && !error.is_stopped(), "{error}");
    told += items.iter().filter(|item| item.result.is_ok()).count();
    assert_eq!(emulator.tasks().len() - before, told, "all that was made is told");
    assert!(told <= 2 + 4, "what was on its way, and no more: {told}");
    error.to_string()
}

#[tokio::test]
async fn ledger_that_is_deleted_replaced_or_truncated_stops_its_run() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("missing");
    let said = take_away(&emulator, &path, || fs::remove_file(&path).unwrap()).await;
    let gone = "the ledger was deleted or replaced while it was used; restore it before you resume, since a new ledger \
                would not know the tasks";
    assert!(said.starts_with(gone), "{said}");
    assert!(!path.exists(), "no other one is made in its place");

    let copy = path.with_extension("copy");
    let said = take_away(&emulator, &path, || {
        fs::copy(&path, &copy).unwrap();
        fs::rename(&copy, &path).unwrap();
    });
    let said = said.await;
    assert!(said.starts_with(gone), "{said}");

    fs::remove_file(&path).unwrap();
    let truncate = || fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    let said = take_away(&emulator, &path, truncate).await;
    assert!(said.starts_with("the ledger was truncated while it was used; restore it"), "{said}");
}

#[tokio::test]
async fn ledger_that_was_truncated_is_refused_until_it_is_restored() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("truncated");
    let policy = one_by_one().ledger(&path);
    let client = client(&emulator);
    for (kept, said) in
        [(0, "the file is not a ledger, or its first line is damaged"), (3, "line 4 of the ledger is damaged")]
    {
        let _ = fs::remove_file(&path);
        let mut bulk = client.create_bulk_with(dump_template(), ids(9_000), policy.clone()).unwrap();
        bulk.next().await.unwrap().unwrap();
        bulk.next().await.unwrap().unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        let text: String = whole.split_inclusive('\n').take(kept).collect();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(text.len() as u64).unwrap();
        assert!(drain(&mut bulk).await.1.unwrap().is_ledger());
        let before = emulator.request_count();
        let (items, error) =
            drain(&mut client.create_bulk_with(dump_template(), ids(9_000), policy.clone()).unwrap()).await;
        let error = error.unwrap();
        assert!(items.is_empty() && error.is_ledger() && error.to_string().starts_with(said), "{error}");
        assert_eq!(emulator.request_count(), before);
        fs::write(&path, whole).unwrap();
        let (items, error) =
            drain(&mut client.create_bulk_with(dump_template(), ids(9_000), policy.clone()).unwrap()).await;
        assert!(error.is_none() && items.iter().all(|item| item.result.is_ok()), "{error:?}");
        assert_eq!(emulator.request_count() - before, 7, "two of nine were made before");
    }
}

#[tokio::test]
async fn ledger_is_accessible_to_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("mode");
    let policy = BulkPolicy::default().ledger(&path);
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(10), policy).unwrap();
    assert!(drain(&mut bulk).await.1.is_none());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(states(&path).len(), 4);
}
