//! Follows a task whose handle was saved by another process.
//!
//! `cargo run --example resume` runs both parts on the emulator: it creates a task, then follows it by its saved
//! handle. With the variables of `Client::from_env` set, `cargo run --example resume -- handle.json` follows the task
//! whose handle is in that file. If the share has an extract code, set its temporary token in `KOODRIVE_KDSTOKEN`,
//! since a saved handle holds no secret.

use std::{env, error::Error, fs};

use koodrive_share::{Client, Credentials, ShareTask, TaskHandle};
use koodrive_share_emulator::Emulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if let Some(file) = env::args_os().nth(1) {
        return follow(&Client::from_env()?, &fs::read_to_string(file)?).await;
    }
    let emulator = Emulator::start().await?;
    let saved = create_and_stop(&client(&emulator)?).await?;
    println!("saved {saved}");
    follow(&client(&emulator)?, &saved).await
}

fn client(emulator: &Emulator) -> Result<Client, Box<dyn Error>> {
    let client = Client::builder()
        .endpoint(emulator.endpoint())
        .credentials(Credentials::bearer(Emulator::DEFAULT_TOKEN))
        .user_id("1505084218764547200")
        .agent_name("carrier");
    Ok(client.build()?)
}

/// The part of the first process: creates a task and returns its saved handle.
async fn create_and_stop(client: &Client) -> Result<String, Box<dyn Error>> {
    let task = ShareTask::package_download("photos.zip")
        .share_id("1689765568237837824")
        .container_id("IAABh_RdhS8bOg0cA1684711052660690818")
        .file_ids(["Fk63FCWhcDAga2puvYKRG1oTMjs-m30sI"])
        .build()?;
    let handle = client.create(&task).await?;
    Ok(serde_json::to_string(&handle)?)
}

/// The part of the second process: follows the task of a saved handle.
async fn follow(client: &Client, saved: &str) -> Result<(), Box<dyn Error>> {
    let mut handle: TaskHandle = serde_json::from_str(saved)?;
    if let Ok(kdstoken) = env::var("KOODRIVE_KDSTOKEN") {
        handle = handle.with_kdstoken(kdstoken);
    }
    let status = client.wait(handle).await?;
    println!("the task is {}", status.state);
    if status.download_url.is_some() {
        println!("its package can be fetched from the URL that `expose` gives");
    }
    Ok(())
}
