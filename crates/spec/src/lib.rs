//! Checks and compares the OpenAPI document, without the library and its generator.
//!
//! [`check()`] finds what is wrong with a document, and [`Report`] what changed between two. The list of rules and that
//! of replaced schemas are files of the library, without imports of their own.

mod check;
mod diff;
mod document;
pub mod examples;
mod finding;
mod json_schema;
mod released;
mod schema;

pub use check::{Input, canonical, check, well_formed};
pub use diff::{RULES, Report, Rule, Step};
pub use document::{followed, join, resolve, walk};
pub use finding::Finding;
pub use json_schema::json_schema;
pub use released::{from_revision, last_released, root};
pub use schema::{is_annotation, secret_fields};

/// The document, from the repository's root.
pub const SPEC: &str = "openapi/koodrive-share.json";

#[path = "../../../src/rules.rs"]
#[allow(unreachable_pub, dead_code, reason = "the library's file")]
mod rules;

#[path = "../../../openapi/replacements.rs"]
mod replacements;
