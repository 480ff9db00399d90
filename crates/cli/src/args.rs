//! The command line.

use std::{ops::Range, path::PathBuf, time::Duration};

use clap::{ArgAction, ArgGroup, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use koodrive_share::TraceId;

const SERVICE: &str = "Service";

/// The subcommands that call no service.
pub(crate) const WITHOUT_SERVICE: [&str; 4] = ["ledger", "emulator", "completions", "man"];

const PACKAGE_USAGE: &str = "\
koodrive-share package [OPTIONS] LINK (--all | --recursive | NAME… | --file-ids-from FILE) \
(--output FILE | --zip-name NAME)
       koodrive-share package [OPTIONS] --share-id ID --container-id ID (ID… | --file-ids-from FILE) \
(--output FILE | --zip-name NAME)";

const DUMP_USAGE: &str = "\
koodrive-share dump [OPTIONS] LINK (--all | --recursive | NAME… | --file-ids-from FILE) \
--target-file-id ID --target-container-id ID
       koodrive-share dump [OPTIONS] --share-id ID --container-id ID (ID… | --file-ids-from FILE) \
--target-file-id ID --target-container-id ID";

const STATUS_USAGE: &str = "\
koodrive-share status [OPTIONS] TASK_ID… (--share-id ID | --link LINK)
       koodrive-share status [OPTIONS] [TASK_ID…] --tasks-from FILE";

const WAIT_USAGE: &str = "\
koodrive-share wait [OPTIONS] TASK_ID… (--share-id ID | --link LINK)
       koodrive-share wait [OPTIONS] [TASK_ID…] --tasks-from FILE";

const DOWNLOAD_USAGE: &str = "\
koodrive-share download [OPTIONS] --output FILE TASK_ID (--share-id ID | --link LINK)
       koodrive-share download [OPTIONS] --output FILE [TASK_ID] --tasks-from FILE";

const ENVIRONMENT: &str = "\
Examples:
  What is there: koodrive-share files LINK --extract-code-file code
  To the disk:   koodrive-share package LINK --extract-code-file code --all --output photos.zip
  Into a space:  koodrive-share dump LINK --extract-code-file code --all --wait \\
                   --target-file-id root --target-container-id my-space
  A long run:    koodrive-share dump LINK --extract-code-file code --file-ids-from ids.txt \\
                   --ledger run.ledger --target-file-id root --target-container-id my-space

Environment:
  KOODRIVE_ENDPOINT         as --endpoint
  KOODRIVE_USER_ID          as --user-id
  KOODRIVE_AGENT_NAME       as --agent-name
  KOODRIVE_REQUEST_TIMEOUT  as --request-timeout
  KOODRIVE_CONNECT_TIMEOUT  as --connect-timeout
  KOODRIVE_IDLE_TIMEOUT     as --idle-timeout
  KOODRIVE_MAX_ATTEMPTS     as --max-attempts
  KOODRIVE_CACERT           as --cacert
  KOODRIVE_CERT             as --cert
  KOODRIVE_PROXY            as --proxy and --proxy-file; also with a user name and a password
  HTTPS_PROXY, NO_PROXY …   the proxy and its exceptions without --proxy
  KOODRIVE_RATE             as --rate
  KOODRIVE_PATIENCE         as --patience
  KOODRIVE_TOKEN            access token, as in --token-file, or one of the two following
  KOODRIVE_AUTHORIZATION    whole value of the Authorization header, as in --authorization-file
  KOODRIVE_APP_ID           as --app-id, with the app secret in KOODRIVE_APP_SECRET,
                            as in --app-secret-file
  KOODRIVE_EXTRACT_CODE     extract code of a share, for its link
  KOODRIVE_KDSTOKEN         temporary token of a share that has an extract code, for its id
  NO_COLOR                  any value: no colours; nor are there any where TERM is dumb

Results as json:
  package, dump    taskId, traceId, start, end (the ids' places, from 0), zipName, fromLedger
  status, wait     taskId, taskType, state, result, progress (0 to 100), created, started,
                   ended (in a zone that the service does not state), downloadUrl, failedFileIds,
                   files (fileId, status, newFileId, sourceContainerId)
  files            fileId, shareId, name, directory, type, size (in bytes), containerId, edited
  --output         taskId, file, bytes, files, missing, missingNames
  ledger           created, rejected, notSent, unknown (tasks), attempted (ids),
                   fileIds (once all were read), unknownChunks (start, end, traceIds,
                   error), inUse (by a run)
  what failed      outcome (notSent, rejected, unknown), status, serviceCode, message, too, and
                   namedTaskId (of a task that may exist); the standard error has it as text
Fields without a value are null or left out. A state, result or file type that the vendor does not
list is {\"other\": 7}, with its number. Whoever has the download URL can fetch the package.

Exit status:
  0  done; of status, also a task that goes on
  1  anything else: one interrupt (Ctrl-C, SIGTERM, SIGHUP), results that cannot be written,
     a ledger in use, a refused certificate, a proxy that demands credentials
  2  bad usage or a broken rule; no task was made
  3  refused by the service; what was refused made no task
  4  outcome unknown, or a second interrupt: a task may exist, check before creating it again
  5  the task has ended, but not all files succeeded, or the package lacks some
  6  the service, or the storage of a package, was away (no connection, no answer to a call that
     only reads), or throttled for too long: run the same command again later
If several apply, the first of 4, 6, 3, 2, 1, 5 counts.";

const MORE: &str = "See koodrive-share --help for examples, the environment and the exit status.";

/// Creates and follows the asynchronous share tasks of KooDrive.
///
/// Results go to the standard output, everything else to the standard error. Secrets come from variables, files or the
/// standard input, never from flags, which every user of the machine can see.
#[derive(Debug, Parser)]
#[command(name = "koodrive-share", bin_name = "koodrive-share", version, after_long_help = ENVIRONMENT)]
#[command(after_help = MORE)]
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

/// Builds the command, so that its subcommands have their full names and the global flags. Flags that have no effect in
/// a subcommand without a service are hidden there.
pub(crate) fn described(mut command: clap::Command) -> clap::Command {
    command.build();
    let command = command.mut_subcommands(|subcommand| subcommand.after_help(MORE));
    WITHOUT_SERVICE.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |subcommand| {
            subcommand.mut_args(|arg| match (arg.get_id().as_str(), name) {
                ("verbose", "emulator") => arg.help("Report each request, not only the faults"),
                ("verbose", _) => arg.hide(true),
                _ => {
                    let is_service_flag = arg.get_help_heading() == Some(SERVICE);
                    arg.hide(is_service_flag)
                }
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

    /// File with the whole value of the Authorization header, - for the standard input [env: KOODRIVE_AUTHORIZATION, its
    /// content]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) authorization_file: Option<PathBuf>,

    /// Id of the app that signs the requests [env: KOODRIVE_APP_ID]
    #[arg(long, global = true, value_name = "ID", allow_hyphen_values = true, value_parser = not_a_flag)]
    pub(crate) app_id: Option<String>,

    /// File with the app's secret, - for the standard input [env: KOODRIVE_APP_SECRET, its content]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) app_secret_file: Option<PathBuf>,

    /// Time limit of a request with all its attempts, such as 90s [default: 30s] [env: KOODRIVE_REQUEST_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub(crate) request_timeout: Option<Duration>,

    /// Time limit to connect [default: 10s, at most half of the request's] [env: KOODRIVE_CONNECT_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub(crate) connect_timeout: Option<Duration>,

    /// How long an idle connection is kept: less than every gateway on the way keeps it, 0s for a fresh one each time
    /// [default: 4s] [env: KOODRIVE_IDLE_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub(crate) idle_timeout: Option<Duration>,

    /// Maximum number of attempts for a retryable request, 1 to 10 [default: 3] [env: KOODRIVE_MAX_ATTEMPTS]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) max_attempts: Option<u32>,

    /// How long a run, or a call that only reads, pauses and tries again without success while the service throttles, or is
    /// away once it has answered; 0s to end at once [default: 15m] [env: KOODRIVE_PATIENCE]
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub(crate) patience: Option<Duration>,

    /// File with CA certificates (PEM) to trust beside the platform's [env: KOODRIVE_CACERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,

    /// File with the certificate that a service demands of its clients, and its private key (PEM, the key as PKCS#8 without a
    /// password) [env: KOODRIVE_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// Proxy for all requests: an http, https, socks4 or socks5 URL [env: KOODRIVE_PROXY]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) proxy: Option<String>,

    /// File with the proxy's URL, which may hold a user name and a password, - for the standard input [env: KOODRIVE_PROXY,
    /// its content]
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "proxy")]
    pub(crate) proxy_file: Option<PathBuf>,
}

/// Parses the id of a share. A link is refused.
fn share_id(value: &str) -> Result<String, &'static str> {
    if value.contains("://") || value.contains("sharelink/") {
        return Err(
            "this is a share link; give it as the first argument, without --share-id and --container-id, or with --link",
        );
    }
    not_a_flag(value)
}

/// Parses an id or a name, which may begin with a dash. A flag in its place is refused, since the value was left out.
fn not_a_flag(value: &str) -> Result<String, &'static str> {
    let is_flag_char = |char: char| char.is_ascii_lowercase() || char == '-';
    match value.strip_prefix("--") {
        Some(name) if name.chars().all(is_flag_char) => Err("this is a flag, so the value is missing"),
        _ => Ok(value.to_owned()),
    }
}

/// Parses `20/10s`.
pub(crate) fn rate(value: &str) -> Result<(u32, Duration), String> {
    let (requests, per) = value.split_once('/').ok_or("write requests and a time, such as 20/10s")?;
    let requests = requests.parse().map_err(|error| format!("{requests:?}: {error}"))?;
    let per = time(per).map_err(|error| format!("{per:?}: {error}"))?;
    Ok((requests, per))
}

/// Parses `90s`.
pub(crate) fn time(value: &str) -> Result<Duration, String> {
    humantime::parse_duration(value).map_err(|_| "write a number and its unit, such as 90s or 10m".to_owned())
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the files of a share
    Files(FilesArgs),
    /// Pack files of a share into a zip to download
    #[command(override_usage = PACKAGE_USAGE)]
    Package(PackageArgs),
    /// Save files of a share into a space
    #[command(override_usage = DUMP_USAGE)]
    Dump(DumpArgs),
    /// Say how far tasks have come
    #[command(override_usage = STATUS_USAGE)]
    Status(TasksArgs),
    /// Follow tasks to their ends
    #[command(override_usage = WAIT_USAGE)]
    Wait(WaitArgs),
    /// Download the package of a task to a file
    #[command(override_usage = DOWNLOAD_USAGE)]
    Download(DownloadArgs),
    /// Show what a ledger holds, or settle a chunk whose outcome is unknown
    Ledger(LedgerArgs),
    /// Imitate the service on this machine, to try things out
    Emulator(EmulatorArgs),
    /// Write completions for a shell to the standard output
    Completions { shell: Shell },
    /// Write a manual page to the standard output
    Man {
        /// Subcommand that the page is about, in place of the whole tool
        subcommand: Option<String>,
    },
}

impl Command {
    /// Whether the command follows tasks to their ends.
    pub(crate) fn follows(&self) -> bool {
        match self {
            Self::Package(package) => package.create.wait || package.output.is_some(),
            Self::Dump(dump) => dump.create.wait,
            Self::Wait(_) | Self::Download(_) => true,
            Self::Files(_)
            | Self::Status(_)
            | Self::Ledger(_)
            | Self::Emulator(_)
            | Self::Completions { .. }
            | Self::Man { .. } => false,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct FilesArgs {
    /// Link to the share, or its short code
    #[arg(value_name = "LINK")]
    pub(crate) link: String,

    /// List the files of all directories, in place of the directories
    #[arg(long)]
    pub(crate) recursive: bool,

    /// File with the extract code, - for the standard input [env: KOODRIVE_EXTRACT_CODE, its content] [default: asked for]
    #[arg(long, value_name = "FILE")]
    pub(crate) extract_code_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("zip").args(["output", "zip_name"]).required(true).multiple(true)))]
pub(crate) struct PackageArgs {
    /// Name of the zip [default: that of --output]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true, value_parser = not_a_flag)]
    pub(crate) zip_name: Option<String>,

    /// Make several zips, NAME-0001.zip and so on, of 1,000 files each
    #[arg(long, conflicts_with = "output")]
    pub(crate) split: bool,

    /// Wait for the package and download it to this file; if that is interrupted, the same command goes on
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Replace a file that already exists
    #[arg(long, requires = "output")]
    pub(crate) overwrite: bool,

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
    /// Link to a share, or its short code, and names of its files or patterns such as '*.jpg', with *, ?, [a-z] and, for
    /// the character itself, [*], [?] or [[]; a file of exactly that name goes before. One with a slash, such as ./name, is
    /// compared with the whole path, and * stops at a slash. With --share-id: file ids. After --, also those that begin with
    /// a dash
    #[arg(value_name = "LINK|ID", required_unless_present_all = ["share_id", "file_ids_from"])]
    pub(crate) files: Vec<String>,

    /// Take all that is at the top of the share; directories as they are
    #[arg(long, conflicts_with = "share_id")]
    pub(crate) all: bool,

    /// Take files of all directories, in place of the directories: all of them, or those named
    #[arg(long, conflicts_with = "share_id")]
    pub(crate) recursive: bool,

    /// File with the extract code, - for the standard input [env: KOODRIVE_EXTRACT_CODE, its content] [default: asked for]
    #[arg(long, value_name = "FILE", conflicts_with = "share_id")]
    pub(crate) extract_code_file: Option<PathBuf>,

    /// Share that the files are behind, in place of a link
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = share_id, requires = "container_id")]
    pub(crate) share_id: Option<String>,

    /// Space that the files are in; with a link and --file-ids-from, that of the share's first file unless given
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = not_a_flag)]
    pub(crate) container_id: Option<String>,

    /// File with one file id a line, UTF-8, - for the standard input, in place of names or ids; blank lines and blanks around
    /// ids do not count. With a link, the share is opened but not listed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "recursive"])]
    pub(crate) file_ids_from: Option<PathBuf>,

    /// File with the share's temporary token, - for the standard input [env: KOODRIVE_KDSTOKEN, its content]
    #[arg(long, value_name = "FILE", requires = "share_id")]
    pub(crate) kdstoken_file: Option<PathBuf>,

    /// Follow the tasks to their ends, each for at most an hour; not if the run ends before its last file id
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

    /// Refuse a ledger that is missing or new, so that a mistyped or deleted one does not begin a new run
    #[arg(long, requires = "ledger")]
    pub(crate) resume: bool,

    /// Tasks that are created at a time
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) concurrency: usize,

    /// Maximum number of tasks created in a time, evenly spaced, such as 20/10s; a listing is not slowed [default: no limit]
    /// [env: KOODRIVE_RATE]
    #[arg(long, value_name = "N/TIME", value_parser = rate)]
    pub(crate) rate: Option<(u32, Duration)>,

    /// Go on after a task whose outcome is unknown
    #[arg(long)]
    pub(crate) continue_after_unknown: bool,

    /// Create again the tasks whose outcome the ledger calls unknown, which makes a second task where the first one exists
    #[arg(long)]
    pub(crate) resend_unknown: bool,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("tasks").args(["ids", "tasks_from"]).required(true).multiple(true)))]
#[command(group(ArgGroup::new("share").args(["share_id", "link", "tasks_from"]).required(true).multiple(true)))]
pub(crate) struct TasksArgs {
    /// Ids of tasks; after --, also those that begin with a dash
    #[arg(value_name = "TASK_ID")]
    pub(crate) ids: Vec<String>,

    /// Share that the tasks' files are behind
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = share_id)]
    #[arg(conflicts_with_all = ["tasks_from", "link"])]
    pub(crate) share_id: Option<String>,

    /// Link to that share, or its short code, in place of the id and the temporary token
    #[arg(long, value_name = "LINK", conflicts_with = "kdstoken_file")]
    pub(crate) link: Option<String>,

    /// File with the extract code, - for the standard input [env: KOODRIVE_EXTRACT_CODE, its content] [default: asked for]
    #[arg(long, value_name = "FILE", requires = "link")]
    pub(crate) extract_code_file: Option<PathBuf>,

    /// File that --save wrote, - for the standard input, or a ledger: all its tasks, or those with a TASK_ID given
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
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = time)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    #[command(flatten)]
    pub(crate) tasks: TasksArgs,

    /// File to download to
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,

    /// Replace a file that already exists
    #[arg(long)]
    pub(crate) overwrite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LedgerArgs {
    /// File that --ledger wrote
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Settle the chunk of these ids, such as 2000..3000: this task was made of them
    #[arg(long, num_args = 2, value_names = ["RANGE", "TASK_ID"], allow_hyphen_values = true)]
    pub(crate) made: Option<Vec<String>>,

    /// Settle the chunk of these ids: no task was made of them, and a resumed run sends them
    #[arg(long, value_name = "RANGE", value_parser = range, conflicts_with = "made")]
    pub(crate) not_made: Option<Range<u64>>,
}

/// Parses `2000..3000`.
pub(crate) fn range(value: &str) -> Result<Range<u64>, String> {
    let bounds = value.split_once("..").and_then(|(start, end)| Some(start.parse().ok()?..end.parse().ok()?));
    bounds.ok_or_else(|| format!("{value:?} is no range; write it as the ledger shows it, such as 2000..3000"))
}

/// Parses the id of a task. What a user may paste by mistake is refused: a trace id, a range, a link, the name of a
/// zip, a flag. The reference does not define the form of task ids; its example is a number.
pub(crate) fn task_id(value: &str) -> Result<String, String> {
    let is_id_char = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    let is_word = value.chars().all(is_id_char) && value.contains(|char: char| char.is_ascii_digit());
    if is_word && value.parse::<TraceId>().is_err() {
        return Ok(value.to_owned());
    }
    Err(format!(
        "{value:?} is no task id, such as 1689765568237837824; give that of the task that was found, not its trace id, \
         or --not-made RANGE if there is none"
    ))
}

#[derive(Debug, Args)]
pub(crate) struct EmulatorArgs {
    /// Port on the loopback address, 0 for any free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) port: u16,

    /// Access token to accept; a made-up one, since it shows in the process list [default: emulator-token]
    #[arg(long, value_name = "TOKEN", conflicts_with = "app_id")]
    pub(crate) token: Option<String>,

    /// File with the access token to accept; when its content changes, that is accepted in place of the one before
    #[arg(long, value_name = "FILE", conflicts_with_all = ["app_id", "token"])]
    pub(crate) token_file: Option<PathBuf>,

    /// App whose signatures to accept
    #[arg(long, value_name = "ID", requires = "app_secret_file", allow_hyphen_values = true, value_parser = not_a_flag)]
    pub(crate) app_id: Option<String>,

    /// File with the app's secret, - for the standard input
    #[arg(long, value_name = "FILE", requires = "app_id")]
    pub(crate) app_secret_file: Option<PathBuf>,

    /// Files in each directory of the example share, generated in place of its own
    #[arg(long, value_name = "N")]
    pub(crate) share_files: Option<usize>,

    /// Levels of directories below its top, one in each
    #[arg(long, value_name = "N", default_value_t = 0, requires = "share_files")]
    pub(crate) share_levels: usize,

    /// Time after which the example share expires, 0s for one that has [default: never]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) share_expires_after: Option<Duration>,

    /// Calls after which a kdstoken of the example share lapses [default: never]
    #[arg(long, value_name = "N")]
    pub(crate) kdstoken_calls: Option<u64>,

    /// Size of each file in a package
    #[arg(long, value_name = "BYTES", default_value_t = 1024)]
    pub(crate) package_file_bytes: u64,

    /// Bytes of a package after which a connection closes [default: never]
    #[arg(long, value_name = "BYTES")]
    pub(crate) package_cut_every: Option<usize>,

    /// Maximum number of calls in a time, such as 20/10s; more are refused [default: no limit]
    #[arg(long, value_name = "N/TIME", value_parser = rate)]
    pub(crate) throttle: Option<(u32, Duration)>,

    /// Lose the reply to each Nth task that is made, so that its outcome is unknown [default: none]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) lose_reply_every: u64,

    /// Hold back the reply to each creation for this long, such as 20s, so that a run can be killed with a request on its way
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) delay_creations: Option<Duration>,

    /// Fail each Nth file of a task, which then completes partially failed [default: none]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) fail_files_every: usize,

    /// Files that are left out of each package
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) package_held_back: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        described(Cli::command()).debug_assert();
    }

    /// Without a terminal, clap wraps lines at 100 columns and continues them at the left margin.
    #[test]
    fn columns_of_the_help_are_not_wrapped() {
        let long: Vec<&str> = ENVIRONMENT.lines().filter(|line| line.chars().count() > 100).collect();
        assert_eq!(long, [""; 0]);
    }

    /// The words of each of the tool's commands in a page, up to the first shell operator or the end of the code.
    fn commands(page: &str) -> Vec<Vec<String>> {
        let page = page.replace("\\\n", " ");
        let commands = page.match_indices("koodrive-share ").filter_map(|(start, _)| {
            let is_begun = page[..start].ends_with(['`', ' ', '\n', '/']);
            let rest = &page[start..];
            let end = rest.find(['`', '\n', '|', '&', '>', ';', '#', '…', '(']).unwrap_or(rest.len());
            let words =
                rest[..end].split_whitespace().map(|word| word.trim_matches(['"', '\'']).replace("RANGE", "0..9"));
            let words: Vec<_> = words.collect();
            let is_command = |name: &String| Cli::command().find_subcommand(name).is_some();
            (is_begun && words.get(1).is_some_and(is_command)).then_some(words)
        });
        commands.collect()
    }

    #[test]
    fn commands_in_the_docs_are_understood() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let docs = std::fs::read_dir(format!("{root}/docs")).unwrap().map(|entry| entry.unwrap().path());
        let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
        let mut count = 0;
        for path in pages.chain([format!("{root}/README.md").into()]) {
            for words in commands(&std::fs::read_to_string(&path).unwrap()) {
                count += 1;
                if let Err(error) = Cli::try_parse_from(&words) {
                    assert_eq!(error.kind(), clap::error::ErrorKind::DisplayHelp, "{}: {error}", path.display());
                }
            }
        }
        assert!(count > 20, "{count} commands");
    }
}
