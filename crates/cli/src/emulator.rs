//! `emulator`.

use koodrive_share_emulator::{EmulatedShare, Emulator, Package, Throttle};

use crate::{
    args::EmulatorArgs,
    exit::{CommandError, Exit},
    interrupts::Interrupts,
    output::{Output, stderr},
    secret,
};

/// Imitates the service until an interrupt comes. Tells of each fault that it plays, or of each request.
pub(crate) async fn run(args: EmulatorArgs, output: &Output, tells_all: bool) -> Result<Exit, CommandError> {
    let mut builder = Emulator::builder().port(args.port);
    builder = builder.lose_reply_every(args.lose_reply_every);
    if let Some((calls, window)) = args.throttle {
        builder = builder.throttle(Throttle::new(calls, window));
    }
    let mut credentials = "export KOODRIVE_TOKEN=emulator-token";
    if let Some(token) = args.token {
        builder = builder.token(token);
        credentials = "(and KOODRIVE_TOKEN, as given by --token)";
    }
    if let (Some(app_id), Some(path)) = (args.app_id, args.app_secret_file) {
        builder = builder.app(app_id, secret::read(&path)?);
        credentials = "(and KOODRIVE_APP_ID and KOODRIVE_APP_SECRET, as given)";
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
    let builder = builder.share(share).package(package).on_answer(move |answered| {
        if tells_all || answered.fault().is_some() {
            stderr(&answered.to_string());
        }
    });
    let mut interrupts = Interrupts::new()?;
    let emulator = builder.start().await?;
    let endpoint = emulator.endpoint();
    output.value("endpoint", endpoint)?;
    stderr("Reach it from another terminal with:");
    stderr(&format!("export KOODRIVE_ENDPOINT={endpoint} KOODRIVE_USER_ID=me KOODRIVE_AGENT_NAME=carrier"));
    stderr(credentials);
    stderr(&format!("export LINK='{}'", EmulatedShare::example().link()));
    stderr(&format!("echo {} > code", EmulatedShare::EXAMPLE_EXTRACT_CODE));
    stderr("These are the link to its example share and the file with the extract code. End it with Ctrl-C.");
    interrupts.next().await;
    Ok(Exit::Done)
}
