//! `completions` and `man`, from the description of the command line.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::{
    args::{Cli, described},
    exit::{CommandError, Exit},
};

pub(crate) fn completions(shell: Shell) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut described(Cli::command()), "koodrive-share", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Exit::Done)
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
