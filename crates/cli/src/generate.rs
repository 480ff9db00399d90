//! `completions` and `man`, from the description of the command line.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::{
    args::{self, Cli, described},
    exit::{CommandError, Exit},
};

pub(crate) fn completions(shell: Shell) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    let command = described(Cli::command());
    let mut command = args::WITHOUT_SERVICE.into_iter().fold(command, without_hidden);
    clap_complete::generate(shell, &mut command, "koodrive-share", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Bash {
        // clap_complete 4.6 writes a name with a dash in two forms: <https://github.com/clap-rs/clap/issues/6421>.
        script = script.replace("koodrive__subcmd__share__", "koodrive__share__");
    }
    io::stdout().write_all(script.as_bytes())?;
    Ok(Exit::Done)
}

/// Removes the hidden flags from a subcommand, since completions would list them.
fn without_hidden(command: clap::Command, name: &'static str) -> clap::Command {
    command.mut_subcommand(name, |subcommand| {
        let about = subcommand.get_about().cloned().unwrap_or_default();
        let shown = subcommand.get_arguments().filter(|arg| !arg.is_hide_set()).cloned();
        let bin_name = format!("koodrive-share {name}");
        // The copied flags include the help flag.
        clap::Command::new(name).bin_name(bin_name).about(about).disable_help_flag(true).args(shown)
    })
}

pub(crate) fn man(subcommand: Option<&str>) -> Result<Exit, CommandError> {
    let command = described(Cli::command().disable_help_subcommand(true));
    let page = match subcommand {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            found.ok_or_else(|| CommandError::usage(format!("no subcommand {name}")))?
        }
    };
    let mut text = Vec::new();
    Man::new(page).render(&mut text)?;
    io::stdout().write_all(&text)?;
    Ok(Exit::Done)
}
