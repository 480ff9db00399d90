//! The spec: the code that is generated from it, and whether the library keeps its rules.
//!
//! `crates/spec` checks the document alone. Each check here is a function from a spec to its findings, so that
//! `mutations` can show that it finds something.

#[allow(dead_code, reason = "the build script, of which some tests use only a part")]
#[path = "../../build.rs"]
mod build;
mod build_script;
mod constraints;
mod emulated;
mod exchanges;
mod form;
mod headers;
mod mutations;
mod request_schema;
mod rules;
mod snapshot;

use std::{fs, path::Path};

pub(crate) use ::spec::resolve;
use ::spec::{SPEC, join, walk};
use serde_json::Value;

fn spec_text() -> String {
    fs::read_to_string(Path::new("..").join(SPEC)).unwrap()
}

pub(crate) fn spec() -> Value {
    serde_json::from_str(&spec_text()).unwrap()
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
