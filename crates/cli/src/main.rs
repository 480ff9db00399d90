//! `koodrive-share`: share tasks from the command line.

#[allow(clippy::doc_markdown, reason = "these comments are help texts, which show backticks as they are")]
mod args;
mod create;
mod download;
mod emulator;
mod exit;
mod file_ids;
mod flags;
mod follow;
mod generate;
mod interrupts;
mod ledger;
mod output;
mod progress;
mod secret;
mod service;
mod share;
mod source;
mod tasks;
mod terminal;
mod token_file;
mod violations;

use std::{io, process::ExitCode};

use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use self::{
    args::{Cli, Command},
    exit::{CommandError, Exit},
    output::Output,
    source::Template,
};

fn main() -> ExitCode {
    let cli = Cli::parse_arguments();
    if cli.verbose > 0 {
        enable_tracing(cli.verbose);
    }
    let output = Output::new(cli.format, cli.verbose > 0);
    let follows = cli.command.follows();
    // The worker thread receives the replies, since this thread may block on a terminal or a pipe.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let exit = match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(run(cli, &output));
            // A pending read of the standard input must not keep the process alive.
            runtime.shutdown_background();
            exit
        }
        Err(error) => Err(CommandError::new(Exit::Failed, &error)),
    };
    let ended_early = |error| {
        let exit = output.error(&error);
        if follows {
            output::stderr(&exit.to_string());
        }
        exit
    };
    exit.unwrap_or_else(ended_early).into()
}

async fn run(cli: Cli, output: &Output) -> Result<Exit, CommandError> {
    secret::check_stdin_readers(&cli)?;
    match cli.command {
        Command::Files(files) => share::files(cli.service, files, output).await,
        Command::Package(package) => {
            create::run(cli.service, Template::package(&package), package.create, output).await
        }
        Command::Dump(dump) => create::run(cli.service, Ok(Template::dump(&dump)), dump.create, output).await,
        Command::Status(tasks) => follow::status(cli.service, tasks, output).await,
        Command::Wait(wait) => follow::wait(cli.service, wait, output).await,
        Command::Download(download) => download::run(cli.service, download, output).await,
        Command::Ledger(args) => ledger::run(&args, output),
        Command::Emulator(emulator) => emulator::run(emulator, output).await,
        Command::Completions { shell } => generate::completions(shell),
        Command::Man { subcommand } => generate::man(subcommand.as_deref()),
    }
}

/// Writes the library's traces to the standard error. Those of other crates stay off, since they might hold secrets.
fn enable_tracing(verbose: u8) {
    let level = if verbose == 1 { tracing::Level::DEBUG } else { tracing::Level::TRACE };
    let stderr = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(terminal::has_colours())
        .with_filter(Targets::new().with_target("koodrive_share", level));
    tracing_subscriber::registry().with(stderr).init();
}
