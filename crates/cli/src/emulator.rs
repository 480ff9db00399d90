//! `emulator`.

use koodrive_share_emulator::{EmulatedShare, Emulator, Package};

use crate::{
    args::EmulatorArgs,
    exit::{CommandError, Exit},
    interrupts::Interrupts,
    output::{Output, stderr},
    secret,
};

/// Imitates the service until an interrupt comes.
pub(crate) async fn run(args: EmulatorArgs, output: &Output) -> Result<Exit, CommandError> {
    let mut builder = Emulator::builder().port(args.port);
    let mut credentials = "KOODRIVE_TOKEN=emulator-token";
    if let Some(token) = args.token {
        builder = builder.token(token);
        credentials = "KOODRIVE_TOKEN=…";
    }
    if let (Some(app_id), Some(path)) = (args.app_id, args.app_secret_file) {
        builder = builder.app(app_id, secret::read(&path)?);
        credentials = "KOODRIVE_APP_ID=… KOODRIVE_APP_SECRET=…";
    }
    let mut share = EmulatedShare::example();
    if let Some(files) = args.share_files {
        share = share.tree(files, 1, args.share_levels);
    }
    if let Some(calls) = args.kdstoken_calls {
        share = share.kdstoken_calls(calls);
    }
    let mut package = Package::new().file_bytes(args.package_file_bytes).held_back(args.package_held_back);
    if let Some(bytes) = args.package_cut_every {
        package = package.cut_every(bytes);
    }
    let builder = builder.share(share).package(package);
    let mut interrupts = Interrupts::new()?;
    let emulator = builder.start().await?;
    let endpoint = emulator.endpoint();
    output.value("endpoint", endpoint)?;
    stderr(&format!(
        "reach it with KOODRIVE_ENDPOINT={endpoint} {credentials} KOODRIVE_USER_ID=me KOODRIVE_AGENT_NAME=carrier"
    ));
    stderr(&format!(
        "its example share is {} with the extract code {}; end it with Ctrl-C",
        EmulatedShare::example().link(),
        EmulatedShare::EXAMPLE_EXTRACT_CODE
    ));
    interrupts.next().await;
    Ok(Exit::Done)
}
