//! Creates the reference's example task and follows it to its end.
//!
//! `cargo run --example quickstart` runs it on the emulator. With `KOODRIVE_ENDPOINT` and the other
//! variables of `Client::from_env` set, it talks to that endpoint instead.

use std::{env, error::Error};

use koodrive_share::{Client, Credentials, ShareTask, TargetDirectory};
use koodrive_share_emulator::Emulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let space = "IAABh_RdhS8bOg0cA1684711052660690818";
    let target = TargetDirectory::new("FhTB_fxx3LRszaivDFX9NN5JRNLnS9Gob", space);
    let task = ShareTask::dump(target)
        .share_id("1689765568237837824")
        .container_id(space)
        .file_ids(["Fk63FCWhcDAga2puvYKRG1oTMjs-m30sI"])
        .kdstoken("aea2968ec8cfac338cd4647f071c44644c491d0a2039cd6c")
        .build()?;

    if env::var_os("KOODRIVE_ENDPOINT").is_some() {
        return follow(Client::from_env()?, task).await;
    }
    let emulator = Emulator::start().await?;
    println!("no KOODRIVE_ENDPOINT is set: using the emulator at {}\n", emulator.endpoint());
    let client = Client::builder()
        .endpoint(emulator.endpoint())
        .credentials(Credentials::bearer(Emulator::DEFAULT_TOKEN))
        .user_id("1505084218764547200")
        .agent_name("carrier")
        .build()?;
    follow(client, task).await?;
    println!("\nthe request that created it, secrets masked:\n");
    println!("{}", emulator.requests()[0]);
    Ok(())
}

async fn follow(client: Client, task: ShareTask) -> Result<(), Box<dyn Error>> {
    println!("creating a task with trace id {}", task.trace_id());
    let handle = client.create(&task).await?;
    println!("created task {}", handle.task_id());
    let status = client.poller(handle).until_done().await?;
    println!("it is {}", status.state());
    for file in status.files() {
        let name = file.file_id().unwrap_or("a file");
        match file.status() {
            Some(status) => println!("  {name}: {status}"),
            None => println!("  {name}"),
        }
    }
    Ok(())
}
