//! Makes a package from a share link: `cargo run --example quickstart [LINK [EXTRACT_CODE]]`.
//!
//! It runs on the emulator and its example share. With `KOODRIVE_ENDPOINT` and the other variables of
//! `Client::from_env` set, it talks to that endpoint instead. With the feature `download` it downloads the package to
//! `package.zip`.

use std::{env, error::Error};

use futures_util::TryStreamExt;
use koodrive_share::{Client, Credentials, ShareFile};
use koodrive_share_emulator::{EmulatedShare, Emulator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (link, extract_code) = match arguments.next() {
        Some(link) => (link, arguments.next()),
        None => (EmulatedShare::example().link(), Some(EmulatedShare::EXAMPLE_EXTRACT_CODE.to_owned())),
    };
    if env::var_os("KOODRIVE_ENDPOINT").is_some() {
        return package(Client::from_env()?, &link, extract_code.as_deref()).await;
    }
    let emulator = Emulator::start().await?;
    println!("no KOODRIVE_ENDPOINT is set: using the emulator at {}\n", emulator.endpoint());
    let client = Client::builder()
        .endpoint(emulator.endpoint())
        .credentials(Credentials::bearer(Emulator::DEFAULT_TOKEN))
        .user_id("1505084218764547200")
        .agent_name("carrier")
        .build()?;
    package(client, &link, extract_code.as_deref()).await?;
    println!("\nthe request that created the task, secrets masked:\n");
    for request in emulator.requests().iter().filter(|request| request.path().ends_with("/share/tasks")) {
        println!("{request}");
    }
    Ok(())
}

async fn package(client: Client, link: &str, extract_code: Option<&str>) -> Result<(), Box<dyn Error>> {
    let share = client.open_share(&link.parse()?, extract_code).await?;
    println!("opened share {} of {}", share.id(), share.owner_name().unwrap_or("somebody"));
    // A task takes up to 1,000 files; a directory counts as one.
    let files: Vec<ShareFile> = share.files().into_stream().try_collect().await?;
    for file in &files {
        println!("  {file}");
    }

    let task = share.package("package.zip").file_ids(files).build()?;
    println!("creating a task with trace id {}", task.trace_id());
    let handle = client.create(&task).await?;
    println!("created task {}", handle.task_id());
    let status = client.wait(&handle).await?;
    println!("it is {}", status.state);
    #[cfg(feature = "download")]
    {
        let package = client.download(&handle, "package.zip").overwrite(true).await?;
        println!("package.zip: {} files", package.files);
    }
    Ok(())
}
