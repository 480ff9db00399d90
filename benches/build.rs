//! Generates the client as the crate's own build script does.

use std::env;

#[path = "../build.rs"]
mod client;

fn main() {
    // The spec's path is relative to the crate's folder.
    env::set_current_dir("..").expect("the crate's folder is above");
    client::main();
}
