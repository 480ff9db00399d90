//! The tests, a file per concept.

mod examples;
