//! `files`, and shares that are opened by their links.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal},
    path::Path,
};

use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use glob::{MatchOptions, Pattern};
use koodrive_share::{Client, Error, Share, ShareFile, ShareLink};

use crate::{
    args::{FilesArgs, ServiceArgs},
    exit::{self, CommandError, Exit, both, with_causes},
    interrupts::{self, Interrupts},
    output::{Output, printable},
    secret, service, terminal,
};

const EXTRACT_CODE: &str = "KOODRIVE_EXTRACT_CODE";

/// A link and the extract code that opens it.
pub(crate) struct Key {
    link: ShareLink,
    /// Whether the link is a bare word, which may be meant as a file id.
    may_be_file_id: bool,
    extract_code: Option<String>,
}

impl Key {
    /// Reads the link, and the extract code from a file, a variable, or the terminal.
    pub(crate) async fn read(link: &str, extract_code_file: Option<&Path>) -> Result<Self, CommandError> {
        let link = parse_link(link)?;
        let extract_code = match extract_code_file {
            Some(path) => Some(secret::read(path)?),
            None => match secret::variable(EXTRACT_CODE)? {
                Some(code) => Some(code),
                None => prompt().await?,
            },
        };
        Ok(Self { link, may_be_file_id: false, extract_code })
    }

    /// Notes whether the argument is a bare word, in a command that takes file ids as well.
    pub(crate) fn or_file_id(self, argument: &str) -> Self {
        Self { may_be_file_id: self.link.short_url() == argument, ..self }
    }

    /// Opens the share.
    pub(crate) async fn open(&self, client: &Client) -> Result<Share, CommandError> {
        client.open_share(&self.link, self.extract_code.as_deref()).await.map_err(|error| {
            let mut failed = of_query(&error);
            if error.is_refused() && !error.is_share_ended() && !error.is_unauthorized() && !error.is_throttled() {
                failed.message.push_str(&self.advice());
            }
            failed
        })
    }

    /// The advice on what may have caused a refusal.
    fn advice(&self) -> String {
        let mut advice = String::new();
        if self.extract_code.is_none() {
            advice.push_str("\n       if the share has an extract code: give --extract-code-file or set ");
            advice.push_str(EXTRACT_CODE);
        }
        if self.may_be_file_id {
            let word = self.link.short_url();
            let _ = write!(
                advice,
                "\n       {word} was taken for the short code of a link; file ids need --share-id and --container-id"
            );
        }
        advice
    }
}

/// Parses a link to a share. A word without a digit is refused: the known short codes are numbers and UUIDs.
pub(crate) fn parse_link(text: &str) -> Result<ShareLink, CommandError> {
    let link = text.parse::<ShareLink>()?;
    if link.short_url() == text && !text.contains(|char: char| char.is_ascii_digit()) {
        return Err(CommandError::usage(format!("{text}: this is no link; copy the whole link to the share")));
    }
    Ok(link)
}

/// Asks for the extract code, if there is a terminal.
async fn prompt() -> Result<Option<String>, CommandError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    let code = terminal::ask_unseen("Extract code of the share (empty if it has none): ").await?;
    let code = code.ok_or_else(interrupts::interrupted)?;
    // Keys that have no function at the prompt leave control characters.
    let code = code.replace(char::is_control, "").trim().to_owned();
    Ok(Some(code).filter(|code| !code.is_empty()))
}

/// The error of a call that only reads.
fn of_query(error: &Error) -> CommandError {
    match error.validation_error() {
        Some(broken) => broken.into(),
        None => CommandError { exit: exit::of_query(error), message: with_causes(error) },
    }
}

pub(crate) async fn files(service: ServiceArgs, args: FilesArgs, output: &Output) -> Result<Exit, CommandError> {
    let (client, _) = both(service::client(service), parse_link(&args.link))?;
    let key = Key::read(&args.link, args.extract_code_file.as_deref()).await?;
    let mut interrupts = Interrupts::new()?;
    let list = async {
        let share = key.open(&client).await?;
        let mut files = share.files().recursive(args.recursive).any_space(true).into_stream();
        while let Some(file) = files.try_next().await.map_err(|error| of_query(&error))? {
            output.file(share.id(), &file)?;
        }
        Ok(Exit::Done)
    };
    interrupts.unless_interrupted(list).await.unwrap_or_else(|| Err(interrupts::interrupted()))
}

/// The choice of files from a share.
pub(crate) struct Selection {
    recursive: bool,
    /// If there are none, all files are taken.
    patterns: Vec<NamePattern>,
}

/// A name, or a pattern for names.
struct NamePattern {
    given: String,
    /// `given` without a leading `./` or `/`, which stands for the top of the share.
    text: String,
    /// `None` if the text is no valid pattern, or once a file has exactly this name.
    pattern: Option<Pattern>,
    is_used: bool,
}

impl NamePattern {
    fn new(given: String) -> Self {
        let text = given.strip_prefix("./").or(given.strip_prefix('/')).unwrap_or(&given).to_owned();
        Self { pattern: Pattern::new(&text).ok(), given, text, is_used: false }
    }

    /// Whether it matches the file: by the file's path if the pattern holds a slash, else by the name.
    fn matches(&mut self, file: &ShareFile) -> bool {
        let path = match &*file.directory {
            directory if self.given.contains('/') && !directory.is_empty() => format!("{directory}/{}", file.name),
            _ => file.name.clone(),
        };
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        let is_name = path == self.text;
        self.pattern.take_if(|_| is_name);
        let is_match = is_name || self.pattern.as_ref().is_some_and(|pattern| pattern.matches_with(&path, options));
        self.is_used |= is_match;
        is_match
    }
}

impl Selection {
    pub(crate) fn new(recursive: bool, names: impl IntoIterator<Item = String>) -> Self {
        Self { recursive, patterns: names.into_iter().map(NamePattern::new).collect() }
    }

    /// Whether all files are taken, so that tasks can be made before the listing is complete.
    pub(crate) fn is_all(&self) -> bool {
        self.patterns.is_empty()
    }

    /// All files, as they are listed.
    pub(crate) fn stream(&self, share: &Share) -> BoxStream<'static, Result<ShareFile, Error>> {
        share.files().recursive(self.recursive).into_stream().boxed()
    }

    fn matches(&mut self, file: &ShareFile) -> bool {
        let is_all = self.is_all();
        // Every pattern is tried, so that each one that matches is marked as used.
        self.patterns.iter_mut().fold(is_all, |is_match, pattern| pattern.matches(file) || is_match)
    }

    /// Lists all files and returns those that match. A name or pattern that matches no file is refused.
    pub(crate) async fn collect(mut self, share: &Share) -> Result<Vec<ShareFile>, CommandError> {
        let mut listed = self.stream(share);
        let mut files = Vec::new();
        while let Some(file) = listed.try_next().await.map_err(|error| of_query(&error))? {
            if self.matches(&file) {
                files.push(file);
            }
        }
        // Match again: a file that was listed later may have exactly the name that was taken for a pattern.
        files.retain(|file| self.matches(file));
        let unused = self.patterns.iter().filter(|pattern| !pattern.is_used);
        let unused: Vec<_> = unused.map(|pattern| printable(&pattern.given)).collect();
        if !unused.is_empty() {
            let place = if self.recursive { "" } else { " at its top; --recursive looks into directories" };
            return Err(CommandError::usage(format!("the share has no file {}{place}", unused.join(", "))));
        }
        Ok(files)
    }
}
