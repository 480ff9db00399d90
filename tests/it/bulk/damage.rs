//! Ledgers that are torn, damaged, or cannot be written.

use std::fs;

use koodrive_share::{BulkPolicy, Ledger, Outcome};

use crate::support::{
    bulk::{ids, ledger, states},
    bulk_run::{complete, drain, one_by_one, outcomes},
    fixtures::{client, dump_template, strict_emulator},
};

#[tokio::test]
async fn torn_last_line_is_recovered_wherever_it_is_torn() {
    let emulator = strict_emulator().record(0).start().await.unwrap();
    let client = client(&emulator);
    let path = ledger("torn");
    let policy = one_by_one().ledger(&path);
    let ids = ids(1_001);
    let bulk = client.create_bulk_with(dump_template(), &ids, policy.clone());
    complete(bulk.unwrap()).await;
    let whole = fs::read(&path).unwrap();
    let ends: Vec<usize> = (0..whole.len()).filter(|n| whole[*n] == b'\n').collect();
    // The lines are run, sending and accepted for each of the two chunks, and end.
    assert_eq!(ends.len(), 6);
    let near_an_end = |cut: usize| ends.iter().any(|end| cut.abs_diff(*end) <= 2);
    for cut in (0..=whole.len()).filter(|cut| cut % 13 == 0 || near_an_end(*cut)) {
        fs::write(&path, &whole[..cut]).unwrap();
        let before = emulator.request_count();
        let bulk = client.create_bulk_with(dump_template(), &ids, policy.clone());
        let items = complete(bulk.unwrap()).await;
        // A complete line counts, with or without its line break.
        let whole_lines = ends.iter().filter(|end| cut >= **end).count();
        let (sent, expected) = match whole_lines {
            0 | 1 => (2, [None, None]),
            2 => (1, [Some(Outcome::Unknown), None]),
            3 => (1, [None, None]),
            4 => (0, [None, Some(Outcome::Unknown)]),
            _ => (0, [None, None]),
        };
        assert_eq!(outcomes(&items), expected, "cut at {cut}");
        assert_eq!(emulator.request_count() - before, sent, "cut at {cut}");
        assert_eq!(states(&path).last().unwrap(), "end", "cut at {cut}");
    }
}

#[tokio::test]
async fn damaged_ledgers_and_other_files_are_refused_and_left_alone() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = client(&emulator);
    let path = ledger("damaged");
    let policy = one_by_one().ledger(&path);
    let bulk = client.create_bulk_with(dump_template(), ids(2_000), policy.clone());
    complete(bulk.unwrap()).await;
    let text = fs::read_to_string(&path).unwrap();
    let skipped: String = text.split_inclusive('\n').take(1).chain(text.split_inclusive('\n').skip(3)).collect();
    // Two runs that begin a ledger at once may both write its first line.
    let first = text.split_inclusive('\n').next().unwrap();
    fs::write(&path, format!("{first}{text}")).unwrap();
    let bulk = client.create_bulk_with(dump_template(), ids(2_000), policy.clone());
    complete(bulk.unwrap()).await;
    let long = format!("{text}{{\"chunk\":\"{}", "x".repeat(1 << 20));
    let cases = [
        ("line 7 of the ledger is damaged; restore it", long),
        ("the file is not a ledger", "F000001".to_owned()),
        ("the file is not a ledger", "F000001\nF000002\n".to_owned()),
        ("the file is not a ledger", text.split_inclusive('\n').skip(1).collect()),
        ("line 3 of the ledger is damaged", text.replacen("\"accepted\"", "\"\0\"", 1)),
        ("line 2 of the ledger is damaged", skipped),
    ];
    for (said, content) in cases {
        fs::write(&path, &content).unwrap();
        let bulk = client.create_bulk_with(dump_template(), ids(2_000), policy.clone());
        let (items, error) = drain(&mut bulk.unwrap()).await;
        let error = error.unwrap();
        assert!(items.is_empty() && error.is_ledger() && !error.is_other_run());
        assert!(error.to_string().starts_with(said), "{error}");
        assert!(!error.to_string().contains("name another"), "{error}");
        let error = Ledger::read(&path).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn ledger_that_is_not_a_file_ends_a_run_before_anything_is_sent() {
    let emulator = strict_emulator().start().await.unwrap();
    let directory = env!("CARGO_TARGET_TMPDIR");
    let policy = BulkPolicy::default().ledger(directory);
    let bulk = client(&emulator).create_bulk_with(dump_template(), ids(10), policy);
    let (items, error) = drain(&mut bulk.unwrap()).await;
    let error = error.unwrap();
    assert!(error.is_ledger());
    let said = "the ledger is not a regular file; give the path of a regular file: none of the file ids was attempted";
    assert_eq!(error.to_string(), said);
    assert_eq!((items.len(), emulator.request_count()), (0, 0));
}
