//! `emulator`.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use koodrive_share_emulator::{EmulatedShare, Emulator, EmulatorBuilder, Package, Schedule, Throttle};

use crate::{
    args::EmulatorArgs,
    exit::{CommandError, Exit},
    interrupts::Interrupts,
    output::{Output, stderr},
    secret,
};

/// A longer `--share-expires-after` counts as this, which keeps the date within the range of its type.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Runs the emulator until an interrupt comes. Reports each request that it answers with a fault, or with `-v` each
/// request.
pub(crate) async fn run(mut args: EmulatorArgs, output: &Output) -> Result<Exit, CommandError> {
    let tells_all = output.is_verbose();
    let mut builder = Emulator::builder().port(args.port).first_task_id(first_task_id());
    builder = builder.lose_reply_every(args.lose_reply_every);
    builder = builder.schedule(Schedule::default().fail_files_every(args.fail_files_every));
    if let Some(delay) = args.delay_creations {
        builder = builder.delay_creations(delay);
    }
    if let Some((calls, window)) = args.throttle {
        builder = builder.throttle(Throttle::new(calls, window));
    }
    let (builder, credentials) = accepting(builder, &mut args)?;
    let mut share = EmulatedShare::example();
    if let Some(files) = args.share_files {
        share = share.tree(files, 1, args.share_levels);
    }
    if let Some(left) = args.share_expires_after {
        share = share.expires((SystemTime::now() + left.min(CENTURY)).into());
    }
    if let Some(calls) = args.kdstoken_calls {
        share = share.kdstoken_calls(calls);
    }
    let mut package = Package::new().file_bytes(args.package_file_bytes).held_back(args.package_held_back);
    if let Some(bytes) = args.package_cut_every {
        package = package.cut_every(bytes);
    }
    let builder = builder.share(share).package(package).on_answer(move |answered| {
        if tells_all || answered.fault.is_some() {
            stderr(&answered.to_string());
        }
    });
    let mut interrupts = Interrupts::new()?;
    let emulator = builder.start().await?;
    let endpoint = emulator.endpoint();
    output.value("endpoint", endpoint)?;
    stderr("Reach it from another terminal with:");
    stderr(&export("KOODRIVE_ENDPOINT", endpoint));
    stderr(&export("KOODRIVE_USER_ID", "me"));
    stderr(&export("KOODRIVE_AGENT_NAME", "carrier"));
    stderr(&credentials);
    let link = EmulatedShare::example().link();
    stderr(&if cfg!(windows) { format!("$LINK = '{link}'") } else { export("LINK", &link) });
    stderr(&format!("echo {} > code", EmulatedShare::EXAMPLE_EXTRACT_CODE));
    stderr("These are the link to its example share and the file with the extract code. End it with Ctrl-C.");
    let renew = async {
        match (args.token, args.token_file) {
            (Some(token), Some(path)) => renew_token(&emulator, token, &path).await,
            _ => std::future::pending().await,
        }
    };
    interrupts.unless_interrupted(renew).await;
    Ok(Exit::Done)
}

/// The line that sets an environment variable: for PowerShell on Windows, for a shell elsewhere.
fn export(name: &str, value: &str) -> String {
    if cfg!(windows) { format!("$env:{name} = '{value}'") } else { format!("export {name}='{value}'") }
}

/// The nanoseconds since 1970, which have as many digits as the ids of the reference. They differ between starts, so
/// that a ledger of an earlier start names no task of this one.
fn first_task_id() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns the builder with the credentials that it accepts, and the line that shows them to the user.
fn accepting(builder: EmulatorBuilder, args: &mut EmulatorArgs) -> Result<(EmulatorBuilder, String), CommandError> {
    if let (Some(app_id), Some(path)) = (args.app_id.take(), &args.app_secret_file) {
        let builder = builder.app(app_id, secret::read(path)?);
        return Ok((builder, "(and KOODRIVE_APP_ID and KOODRIVE_APP_SECRET, as given)".to_owned()));
    }
    if let Some(path) = &args.token_file {
        args.token = Some(secret::read(path)?);
    }
    Ok(match &args.token {
        Some(token) => (builder.token(token), "(and KOODRIVE_TOKEN, as given)".to_owned()),
        None => (builder, export("KOODRIVE_TOKEN", "emulator-token")),
    })
}

/// Watches the token file. Whenever its token changes, the new one is accepted and the previous one is revoked.
async fn renew_token(emulator: &Emulator, mut accepted: String, path: &Path) {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        // A file may be missing or empty while it is replaced.
        if let Ok(token) = secret::read_again(path)
            && token != accepted
        {
            emulator.accept_token(&token);
            emulator.revoke_token(&accepted);
            stderr("the token has changed: the one before is accepted no longer");
            accepted = token;
        }
    }
}
