//! Generates the client as the crate's own build script does.

use std::{env, error::Error};

#[path = "../build.rs"]
#[expect(dead_code, reason = "its `main` names paths in the crate's folder")]
mod client;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=../openapi");
    // The spec's path is relative to the crate's folder.
    env::set_current_dir("..")?;
    client::generate()
}
