//! The client's behaviour in every failure: a table, each row of which is a test.
//!
//! A row is written once, in the module of its kind, as a [`row::Row`]: a fault and all that a caller sees of it. The
//! macro `rows!` makes a test of it, and the table in `docs/faults.md` is rendered from the same rows. After a change,
//! write the table anew with `EXPECTORATE=overwrite cargo test -p koodrive-share-tests published_table`.
//!
//! Every row is played for each way to authenticate. No secret in use may show up in an error, its causes, any `Debug`,
//! a trace or a log.

mod caller;
mod connection;
mod environment;
mod message;
mod provider;
mod query;
mod reply;
mod row;
mod secrets;
mod share;
mod status;
mod trial;

use std::fmt::Write as _;

#[cfg_attr(not(feature = "rustls"), ignore = "OpenSSL tells one fault in another way")]
#[test]
fn published_table_is_the_tested_one() {
    let mut text = include_str!("faults/preface.md").to_owned();
    for (heading, rows) in parts() {
        write!(text, "\n## {heading}\n\n{TABLE_HEAD}").unwrap();
        for (test, row) in rows {
            text.push_str(&row.markdown(test));
        }
    }
    expectorate::assert_contents("../docs/faults.md", &text);
}

/// Each row's own test proves that its error has these predicates and no others.
#[test]
fn no_row_of_an_unknown_creation_is_retryable() {
    let rows: Vec<_> = parts().into_iter().flat_map(|(_, rows)| rows).collect();
    let unknown = rows.iter().filter(|(_, row)| row.is_unknown_creation());
    let retryable = unknown.clone().filter(|(_, row)| row.is_retryable()).map(|(test, _)| *test);
    assert_eq!(retryable.collect::<Vec<_>>(), [""; 0]);
    // There must be many such rows, since an empty list would prove nothing.
    assert!(unknown.count() > 40 && rows.iter().any(|(_, row)| row.is_retryable()));
}

fn parts() -> [(&'static str, Vec<(&'static str, row::Row)>); 9] {
    [
        connection::rows(),
        reply::rows(),
        status::rows(),
        message::rows(),
        provider::rows(),
        caller::rows(),
        environment::rows(),
        query::rows(),
        share::rows(),
    ]
}

const TABLE_HEAD: &str = "| fault | outcome | requests | the error | what to do | test |\n|---|---|---|---|---|---|\n";
