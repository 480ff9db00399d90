//! Sends every request that the client can send to the endpoint in the first argument, whatever service that is.
//!
//! Fails unless each reply reports success.

use std::{env, error::Error};

use futures_util::TryStreamExt;
use koodrive_share::{Client, Credentials, MAX_FILE_IDS, ShareTask, TargetDirectory};
use koodrive_share_emulator::{EmulatedShare, Emulator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(endpoint), Some(credentials)) = (arguments.next(), arguments.next()) else {
        return Err("the endpoint and `token` or `app` are needed".into());
    };
    let credentials = match credentials.as_str() {
        "token" => Credentials::bearer(Emulator::DEFAULT_TOKEN),
        "app" => Credentials::app("a378331e9d0446fe", "app secret"),
        other => return Err(format!("{other}: neither `token` nor `app`").into()),
    };
    let client = Client::builder()
        .endpoint(endpoint)
        .credentials(credentials)
        .user_id("1505084218764547200")
        .agent_name("carrier")
        .build()?;
    let link = EmulatedShare::example().link().parse()?;
    let share = client.open_share(&link, Some(EmulatedShare::EXAMPLE_EXTRACT_CODE)).await?;
    let files: Vec<_> = share.files().recursive(true).into_stream().try_collect().await?;
    println!("share {}: {} files", share.id(), files.len());
    let space = "IAABh_RdhS8bOg0cA1684711052660690818";
    let share = "1689765568237837824";
    let files = (0..MAX_FILE_IDS).map(|n| format!("Fk63FCWhcDAga2puvYKRG1oTMjs-{n}"));
    let tasks = [
        ShareTask::dump(TargetDirectory::root(space))
            .share_id(share)
            .container_id(space)
            .file_ids(["Fk63FCWhcDAga2puvYKRG1oTMjs-m30sI"])
            .kdstoken("aea2968ec8cfac338cd4647f071c44644c491d0a2039cd6c")
            .build()?,
        ShareTask::package_download("照片 & more.zip").share_id(share).container_id(space).file_ids(files).build()?,
    ];
    for task in tasks {
        let handle = client.create(&task).await?;
        let status = client.status(&handle).await?;
        println!("task {}: {}", handle.task_id(), status.state);
    }
    Ok(())
}
