//! From a share link to a package on disk: `cargo run --example package --features download [LINK EXTRACT_CODE FILE]`.
//!
//! Without a link it runs on the emulator and its example share. With one, it takes the endpoint and the credentials from
//! the variables of `Client::from_env`.

use std::{env, error::Error};

use futures_util::TryStreamExt;
use koodrive_share::{Client, Credentials, ShareFile};
use koodrive_share_emulator::{EmulatedShare, Emulator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    if let Some(link) = arguments.next() {
        let (extract_code, file) = (arguments.next(), arguments.next());
        let file = file.unwrap_or_else(|| "package.zip".to_owned());
        return package(Client::from_env()?, &link, extract_code.as_deref(), &file).await;
    }
    let emulator = Emulator::start().await?;
    let client = Client::builder()
        .endpoint(emulator.endpoint())
        .credentials(Credentials::bearer(Emulator::DEFAULT_TOKEN))
        .user_id("1505084218764547200")
        .agent_name("carrier")
        .build()?;
    let file = env::temp_dir().join(format!("koodrive-share-{}.zip", std::process::id()));
    let link = EmulatedShare::example().link();
    let done = package(client, &link, Some(EmulatedShare::EXAMPLE_EXTRACT_CODE), &file.to_string_lossy()).await;
    std::fs::remove_file(file)?;
    done
}

async fn package(client: Client, link: &str, extract_code: Option<&str>, path: &str) -> Result<(), Box<dyn Error>> {
    let share = client.open_share(&link.parse()?, extract_code).await?;
    let files: Vec<ShareFile> = share.files().into_stream().try_collect().await?;
    println!("share {} of {}:", share.id(), share.owner_name().unwrap_or("somebody"));
    for file in &files {
        println!("  {file}");
    }
    // A task takes up to 1,000 of them; a directory is one.
    let task = share.package("package.zip").file_ids(files).build()?;
    let handle = client.create(&task).await?;
    println!("created task {}", handle.task_id());
    let status = client.poller(handle.clone()).until_done().await?;
    println!("it is {}", status.state());
    let package = client.download(&handle, path).await?;
    println!("{path}: {} files", package.files());
    Ok(())
}
