//! Prompts: confirmations, and secrets that no flag, file or variable gives.

use std::fs::File;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use super::error::CliError;
use super::output::note;
use super::pasted::{Pasted, TOKEN};
use super::unechoed;
use crate::config::Environment;
use crate::secret::Secret;
use crate::secret::file::{self, SecretFileError, SecretTextError};

/// A secret that came as an argument. It has no `Debug`, so that no usage error can show it.
#[derive(Clone)]
pub(crate) struct SecretArg(Arc<Secret<String>>);

impl SecretArg {
    /// Accepts any text, for clap. The command checks it later, so that no error of clap repeats it.
    pub(crate) fn accept(text: &str) -> Result<Self, std::convert::Infallible> {
        Ok(Self(Arc::new(Secret::new(text.to_owned()))))
    }

    /// The text.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Asks before an act that cannot be undone, unless `yes` is set.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::Usage(format!("{question}\nnothing was done: give --yes to confirm")));
    }
    let mut err = io::stderr().lock();
    let _ = write!(err, "{question} [y/N] ");
    let _ = err.flush();
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(CliError::Input)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CliError::Unsound(String::from("nothing was done"))),
    }
}

/// Reads a token from, in this order: argument or flag, file, `-`, `GATEPASS_TOKEN`, a prompt.
pub(crate) fn token(
    argument: Option<&SecretArg>,
    path: Option<&Path>,
    environment: &Environment,
) -> Result<Secret<String>, CliError> {
    match (argument, path) {
        (Some(argument), _) if argument.expose() == "-" => pasted_stdin(&TOKEN),
        (Some(argument), _) => {
            let token = TOKEN.found_in("the argument", argument.expose().as_bytes())?;
            note(
                "warning: other users of this machine can read a token on the command line; prefer GATEPASS_TOKEN, \
                 --token-file or -",
            );
            Ok(token)
        }
        (None, Some(path)) => pasted_file(&TOKEN, path),
        (None, None) => match environment.get("GATEPASS_TOKEN") {
            Some(token) => TOKEN.found_in("GATEPASS_TOKEN", token.as_bytes()),
            None => {
                let typed = prompt("token: ", no_token(environment))?;
                TOKEN.found_in("the typed text", typed.expose().as_bytes())
            }
        },
    }
}

fn no_token(environment: &Environment) -> &'static str {
    match environment.is_empty("GATEPASS_TOKEN") {
        true => "GATEPASS_TOKEN is set but empty: give it the token, or unset it and give --token-file FILE",
        false => "give the token in GATEPASS_TOKEN, by --token-file FILE, or - for standard input",
    }
}

/// The token or API key in a file, or on standard input (`-`).
pub(crate) fn pasted_file(kind: &Pasted, path: &Path) -> Result<Secret<String>, CliError> {
    if path == Path::new("-") {
        return pasted_stdin(kind);
    }
    let unreadable = |cause| in_file(SecretFileError { path: path.to_owned(), cause });
    let bytes = File::open(path).map_err(SecretTextError::from).and_then(file::bytes).map_err(unreadable)?;
    kind.found_in(&path.display().to_string(), &bytes)
}

fn pasted_stdin(kind: &Pasted) -> Result<Secret<String>, CliError> {
    let bytes = file::bytes(io::stdin().lock()).map_err(in_stdin)?;
    kind.found_in("standard input", &bytes)
}

/// Asks for a secret without echo. Without a terminal the error is `instead`.
pub(crate) fn prompt(question: &str, instead: &str) -> Result<Secret<String>, CliError> {
    can_prompt(instead)?;
    unechoed::read_line(question).map_err(CliError::Input)?.ok_or(CliError::Cancelled)
}

/// Checks that a prompt has a terminal. The error without one is `instead`.
pub(crate) fn can_prompt(instead: &str) -> Result<(), CliError> {
    match io::stdin().is_terminal() {
        true => Ok(()),
        false => Err(CliError::Usage(instead.to_owned())),
    }
}

/// The secret in a file, or on standard input (`-`).
pub(crate) fn read_file(path: &Path) -> Result<Secret<String>, CliError> {
    match path == Path::new("-") {
        true => file::from_reader(io::stdin().lock()).map_err(in_stdin),
        false => file::read(path).map_err(in_file),
    }
}

fn in_file(SecretFileError { path, cause }: SecretFileError) -> CliError {
    match cause {
        SecretTextError::Unreadable(source) => CliError::File { path, source },
        cause => CliError::Usage(format!("{}: {cause}", path.display())),
    }
}

fn in_stdin(error: SecretTextError) -> CliError {
    CliError::Usage(format!("standard input: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_precedes_the_file_and_the_environment() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "from-file\n").unwrap();
        let environment = Environment::from_pairs([("GATEPASS_TOKEN", "from-environment")]);
        let argument = SecretArg::accept("from-argument").unwrap();
        let read = |argument, file| token(argument, file, &environment).unwrap().expose().clone();
        assert_eq!(read(Some(&argument), Some(file.as_path())), "from-argument");
        assert_eq!(read(None, Some(file.as_path())), "from-file");
        assert_eq!(read(None, None), "from-environment");
    }
}
