//! Runs the emulator as a process, for clients and tools that are not Rust programs.
//!
//! `cargo run --example emulator --features emulator` prints its endpoint and runs until standard input ends. It
//! accepts `Authorization: Bearer emulator-token`.

use std::{error::Error, io};

use koodrive_share::Emulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start().await?;
    println!("{}", emulator.endpoint());
    tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await??;
    eprintln!("{} requests received", emulator.request_count());
    Ok(())
}
