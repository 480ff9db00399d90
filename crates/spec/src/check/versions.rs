//! Checks that `info.version` has moved far enough since the last release, and that `openapi/CHANGES.md` lists the
//! changes.

use super::Input;
use crate::{
    diff::{Report, UPDATE},
    finding::Finding,
};

pub(super) fn version(input: &Input) -> Vec<Finding> {
    Report::of(&input.released, &input.spec).breach().into_iter().collect()
}

pub(super) fn changes(input: &Input) -> Vec<Finding> {
    let expected = Report::of(&input.released, &input.spec).changes_file();
    if expected == input.changes {
        return Vec::new();
    }
    let mut lines = expected.lines().zip(input.changes.lines());
    let line = lines
        .position(|(should, is)| should != is)
        .unwrap_or_else(|| expected.lines().count().min(input.changes.lines().count()));
    let should = expected.lines().nth(line).unwrap_or("the end");
    vec![Finding::new(
        format!("openapi/CHANGES.md:{}", line + 1),
        format!("stale: it should say {should:?}"),
        format!("run `{UPDATE}`"),
    )]
}
