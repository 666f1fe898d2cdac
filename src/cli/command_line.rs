//! The command line as a whole: short names, one line for the connection flags, and values that a shell completes.

use clap::{Command, CommandFactory as _};

use super::Cli;
use super::candidates;

/// The command that explains the connection flags.
const EXPLAINED_BY: &str = "login";
/// The connection flags in the help of every other command.
const CONNECTION: &str =
    "Connection: --context --server --ca --ca-fingerprint --outside-tls --user --data-dir (login --help)";
/// Nouns with members that can be removed.
const REMOVABLE: [&str; 6] = ["token", "host", "user", "api-key", "rule", "policy"];

/// The command line of the program.
pub(super) fn command() -> Command {
    each(Cli::command(), "")
}

/// Completes a command and those below it. `noun` is the name of the command above.
fn each(command: Command, noun: &str) -> Command {
    let name = command.get_name().to_owned();
    let command = match name.as_str() {
        "list" => command.visible_alias("ls"),
        "revoke" | "delete" if REMOVABLE.contains(&noun) => command.visible_alias("rm"),
        _ => command,
    };
    let command = candidates::add(noun, command);
    let command = if is_remote(&command) && name != EXPLAINED_BY { fold(command) } else { command };
    let below = command.get_subcommands().map(|below| below.get_name().to_owned()).collect::<Vec<_>>();
    below.into_iter().fold(command, |command, one| command.mut_subcommand(one, |below| each(below, &name)))
}

/// Returns true for a command that asks a server.
fn is_remote(command: &Command) -> bool {
    command.get_arguments().any(|flag| flag.get_help_heading() == Some("Connection"))
}

/// Shows the connection flags as one line.
fn fold(command: Command) -> Command {
    let command = command.mut_args(|flag| match flag.get_help_heading() {
        Some("Connection") => flag.hide_short_help(true).hide_long_help(true),
        _ => flag,
    });
    let long = command.get_after_long_help().map(|text| format!("{text}\n\n{CONNECTION}"));
    command.after_help(CONNECTION).after_long_help(long.unwrap_or_else(|| CONNECTION.to_owned()))
}
