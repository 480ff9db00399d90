//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use koodrive_share::{ShareTask, ShareTaskBuilder, TargetDirectory};

const SERVICE: &str = "Service";

/// The subcommands that call no service.
pub(crate) const WITHOUT_SERVICE: [&str; 3] = ["emulator", "completions", "man"];

const ENVIRONMENT: &str = "\
Environment:
  KOODRIVE_ENDPOINT         as --endpoint
  KOODRIVE_USER_ID          as --user-id
  KOODRIVE_AGENT_NAME       as --agent-name
  KOODRIVE_REQUEST_TIMEOUT  as --request-timeout
  KOODRIVE_CONNECT_TIMEOUT  as --connect-timeout
  KOODRIVE_MAX_ATTEMPTS     as --max-attempts
  KOODRIVE_CACERT           as --cacert
  KOODRIVE_PROXY            as --proxy; also with a user name and a password
  HTTPS_PROXY, NO_PROXY …   the proxy and its exceptions without --proxy
  KOODRIVE_RATE             as --rate
  KOODRIVE_PATIENCE         as --patience
  KOODRIVE_TOKEN            access token, or one of the two following
  KOODRIVE_AUTHORIZATION    whole value of the Authorization header
  KOODRIVE_APP_ID           app id, with the app secret in KOODRIVE_APP_SECRET
  KOODRIVE_KDSTOKEN         temporary token of a share that has an access code
  NO_COLOR                  any value: no colours; nor are there any where TERM is dumb

Results as json:
  package, dump    taskId, traceId, start, end (the ids' places, from 0), zipName, fromLedger
  status, wait     taskId, state, result, progress (0 to 100), created, started, ended (in a zone that the service
                   does not state), downloadUrl, failedFileIds, files (fileId, status, newFileId, sourceContainerId)
  what failed      outcome (notSent, rejected, unknown), status, serviceCode, message, too
Fields without a value are null or left out. Whoever has the download URL can fetch the package.

Exit status:
  0  done; of status, also a task that goes on
  1  anything else: one interrupt (Ctrl-C, SIGTERM, SIGHUP), results that cannot be written
  2  bad usage or a broken rule; nothing was sent
  3  refused by the service; no task was made
  4  outcome unknown, or a second interrupt: a task may exist, check before creating it again
  5  the task has ended, but not all files succeeded
  6  the service was not reached (name, connection, TLS); no task was made
Of several, the first of 4, 3, 6, 2, 1, 5 counts.";

/// Creates and follows the asynchronous share tasks of KooDrive.
///
/// Results go to the standard output, everything else to the standard error. Secrets come from variables, files or the
/// standard input, never from flags, which every user of the machine can see.
#[derive(Debug, Parser)]
#[command(name = "koodrive-share", version, after_long_help = ENVIRONMENT)]
#[command(after_help = "See --help for the environment and the exit status.")]
pub(crate) struct Cli {
    /// Form of the results; json is one object a line
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) format: Format,

    /// Trace to the standard error; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(flatten)]
    pub(crate) service: ServiceArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    pub(crate) fn parse_arguments() -> Self {
        let matches = described(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// Gives the subcommands their full names and the flags that they share, but hides those of the service where no
/// service is called.
pub(crate) fn described(mut command: clap::Command) -> clap::Command {
    command.build();
    WITHOUT_SERVICE.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |subcommand| {
            subcommand.mut_args(|arg| {
                let is_of_service = arg.get_help_heading() == Some(SERVICE);
                arg.hide(is_of_service)
            })
        })
    })
}

#[derive(Debug, Args)]
#[command(next_help_heading = SERVICE)]
pub(crate) struct ServiceArgs {
    /// Base URL of the service [env: KOODRIVE_ENDPOINT]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<String>,

    /// User id on KooDrive [env: KOODRIVE_USER_ID]
    #[arg(long, global = true, value_name = "ID", allow_hyphen_values = true, value_parser = not_a_flag)]
    pub(crate) user_id: Option<String>,

    /// Carrier name [env: KOODRIVE_AGENT_NAME]
    #[arg(long, global = true, value_name = "NAME", allow_hyphen_values = true, value_parser = not_a_flag)]
    pub(crate) agent_name: Option<String>,

    /// File with the access token, read for each request, - for the standard input [env: KOODRIVE_TOKEN, its content]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Time limit of a request with all its attempts, such as 90s [default: 30s] [env: KOODRIVE_REQUEST_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) request_timeout: Option<Duration>,

    /// Time limit to connect [default: 10s, at most half of the request's] [env: KOODRIVE_CONNECT_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) connect_timeout: Option<Duration>,

    /// Maximum number of attempts for a retryable request [default: 3] [env: KOODRIVE_MAX_ATTEMPTS]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) max_attempts: Option<u32>,

    /// File with CA certificates (PEM) to trust beside the platform's [env: KOODRIVE_CACERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,

    /// Proxy for all requests: an http, https, socks4 or socks5 URL [env: KOODRIVE_PROXY]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) proxy: Option<String>,
}

/// Takes the id of a share, but no link to one.
fn share_id(value: &str) -> Result<String, &'static str> {
    if value.contains("://") || value.contains("sharelink/") {
        return Err("this is a share link; give the id of the share behind it");
    }
    not_a_flag(value)
}

/// Takes an id or a name that may begin with a dash, but no flag where its value was left out.
fn not_a_flag(value: &str) -> Result<String, &'static str> {
    let is_of_flag = |char: char| char.is_ascii_lowercase() || char == '-';
    match value.strip_prefix("--") {
        Some(name) if name.chars().all(is_of_flag) => Err("this is a flag, so the value is missing"),
        _ => Ok(value.to_owned()),
    }
}

/// Reads `20/10s`.
pub(crate) fn rate(value: &str) -> Result<(u32, Duration), String> {
    let (requests, per) = value.split_once('/').ok_or("write requests and a time, such as 20/10s")?;
    let requests = requests.parse().map_err(|error| format!("{requests:?}: {error}"))?;
    let per = humantime::parse_duration(per).map_err(|error| format!("{per:?}: {error}"))?;
    Ok((requests, per))
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Pack files of a share into a zip to download
    Package(PackageArgs),
    /// Save files of a share into a space
    Dump(DumpArgs),
    /// Say how far tasks have come
    Status(TasksArgs),
    /// Follow tasks to their ends
    Wait(WaitArgs),
    /// Imitate the service on this machine, to try things out
    Emulator(EmulatorArgs),
    /// Write completions for a shell to the standard output
    Completions { shell: Shell },
    /// Write a manual page to the standard output
    Man {
        /// Of this subcommand
        subcommand: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PackageArgs {
    /// Name of the zip
    #[arg(long, value_name = "NAME", allow_hyphen_values = true, value_parser = not_a_flag)]
    pub(crate) zip_name: String,

    /// Make several zips, NAME-0001.zip and so on, of 1,000 files each
    #[arg(long)]
    pub(crate) split: bool,

    #[command(flatten)]
    pub(crate) create: CreateArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DumpArgs {
    /// Directory to save into, root for the root directory
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = not_a_flag)]
    pub(crate) target_file_id: String,

    /// Space that the directory is in
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = not_a_flag)]
    pub(crate) target_container_id: String,

    #[command(flatten)]
    pub(crate) create: CreateArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Share that the files are behind
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = share_id)]
    pub(crate) share_id: String,

    /// Space that the files are in
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = not_a_flag)]
    pub(crate) container_id: String,

    /// File ids; after --, also those that begin with a dash
    #[arg(value_name = "ID", required_unless_present = "file_ids_from")]
    pub(crate) file_ids: Vec<String>,

    /// File with one file id a line, UTF-8, - for the standard input; blank lines and blanks around ids do not count
    #[arg(long, value_name = "FILE", conflicts_with = "file_ids")]
    pub(crate) file_ids_from: Option<PathBuf>,

    /// File with the share's temporary token, - for the standard input [env: KOODRIVE_KDSTOKEN, its content]
    #[arg(long, value_name = "FILE")]
    pub(crate) kdstoken_file: Option<PathBuf>,

    /// Follow the tasks to their ends, each for at most an hour; not if the run was stopped
    #[arg(long)]
    pub(crate) wait: bool,

    /// File to add the tasks to, one JSON object a line, for --tasks-from
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) bulk: BulkArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "More than 1,000 file ids")]
pub(crate) struct BulkArgs {
    /// File that keeps what became of each task; the same command with it resumes a run that did not end
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,

    /// Tasks that are created at a time
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) concurrency: usize,

    /// Most requests in a time, evenly spaced, such as 20/10s [default: no limit] [env: KOODRIVE_RATE]
    #[arg(long, value_name = "N/TIME", value_parser = rate)]
    pub(crate) rate: Option<(u32, Duration)>,

    /// How long to pause and try again while the service throttles or cannot be reached any more and no task is
    /// created, 0s to end at once [default: 15m] [env: KOODRIVE_PATIENCE]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) patience: Option<Duration>,

    /// Go on after a task whose outcome is unknown
    #[arg(long)]
    pub(crate) continue_after_unknown: bool,

    /// Create anew what the ledger calls unknown, which makes a second task where there was a first
    #[arg(long, requires = "ledger")]
    pub(crate) resend_unknown: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TasksArgs {
    /// Ids of tasks; after --, also those that begin with a dash
    #[arg(value_name = "TASK_ID", required_unless_present = "tasks_from")]
    pub(crate) ids: Vec<String>,

    /// Share that the tasks' files are behind
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = share_id)]
    #[arg(required_unless_present = "tasks_from", conflicts_with = "tasks_from")]
    pub(crate) share_id: Option<String>,

    /// File that --save or --ledger wrote, - for the standard input: all its tasks, or those with a TASK_ID given
    #[arg(long, value_name = "FILE")]
    pub(crate) tasks_from: Option<PathBuf>,

    /// File with the share's temporary token, - for the standard input [env: KOODRIVE_KDSTOKEN, its content]
    #[arg(long, value_name = "FILE")]
    pub(crate) kdstoken_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    pub(crate) tasks: TasksArgs,

    /// How long to wait for each task, such as 90s or 10m
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct EmulatorArgs {
    /// Port on the loopback address, 0 for any free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) port: u16,

    /// Access token to accept; a made-up one, since it shows in the process list [default: emulator-token]
    #[arg(long, value_name = "TOKEN", conflicts_with = "app_id")]
    pub(crate) token: Option<String>,

    /// App whose signatures to accept
    #[arg(long, value_name = "ID", requires = "app_secret_file", allow_hyphen_values = true, value_parser = not_a_flag)]
    pub(crate) app_id: Option<String>,

    /// File with the app's secret, - for the standard input
    #[arg(long, value_name = "FILE", requires = "app_id")]
    pub(crate) app_secret_file: Option<PathBuf>,
}

impl PackageArgs {
    pub(crate) fn template(&self) -> Template {
        Template { task: ShareTask::package_download(&self.zip_name), split: self.split }
    }
}

impl DumpArgs {
    pub(crate) fn template(&self) -> Template {
        let target = TargetDirectory::new(&self.target_file_id, &self.target_container_id);
        Template { task: ShareTask::dump(target), split: false }
    }
}

/// What tells a package from a dump.
pub(crate) struct Template {
    pub(crate) task: ShareTaskBuilder,
    pub(crate) split: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        described(Cli::command()).debug_assert();
    }
}
