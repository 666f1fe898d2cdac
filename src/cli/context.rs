//! Contexts: a profile for each of several authorities, and the one in use.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::error::CliError;
use super::output::{self, Column, Columns, Format, Screen, note};
use super::private;
use super::profile::{KeptCredential, Profile};
use crate::config::Environment;
use crate::secret::Secret;

/// The variable that names a context.
const VARIABLE: &str = "GATEPASS_CONTEXT";
/// The context of `gatepass login` without `--context`. Its profile has the path of earlier versions.
const DEFAULT: &str = "default";
/// Maximum length of a name.
const LONGEST: usize = 64;

/// The name of a context: also the name of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ContextName(String);

impl FromStr for ContextName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let is_name = (1..=LONGEST).contains(&text.len())
            && text.chars().all(is_plain)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric());
        match is_name {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "the name of a context has 1 to {LONGEST} letters, digits, dots, dashes and underscores, and begins with a letter \
                 or a digit"
            )),
        }
    }
}

impl fmt::Display for ContextName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ContextName {
    /// The context that the environment names.
    pub(crate) fn of_environment(environment: &Environment) -> Result<Option<Self>, CliError> {
        if environment.is_empty(VARIABLE) {
            // An empty value is an error of a script. It must not lead to another server.
            let why = format!("{VARIABLE} is set but empty: name a context, or unset it");
            return Err(CliError::Usage(why));
        }
        let named = environment.get(VARIABLE).map(str::parse).transpose();
        named.map_err(|why: String| CliError::Usage(format!("{VARIABLE}: {why}")))
    }

    /// The context in use where neither flag nor variable names one.
    pub(crate) fn in_use(environment: &Environment) -> Result<Self, CliError> {
        let default = || Self(DEFAULT.to_owned());
        let Ok(directory) = directory(environment) else { return Ok(default()) };
        let path = directory.join("context");
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|why: String| {
                CliError::Usage(format!(
                    "{}: {why}; name one with `gatepass context use NAME`",
                    path.display()
                ))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(default()),
            Err(source) => Err(CliError::File { path, source }),
        }
    }

    /// Makes it the context in use.
    pub(crate) fn choose(&self, environment: &Environment) -> Result<(), CliError> {
        let directory = directory(environment)?;
        private::make_dir(&directory)?;
        private::write(&directory.join("context"), &Secret::new(format!("{self}\n")))
    }

    /// The path of its profile.
    pub(crate) fn path(&self, environment: &Environment) -> Result<PathBuf, CliError> {
        let directory = directory(environment)?;
        Ok(match self.0.as_str() {
            DEFAULT => directory.join("profile.toml"),
            name => directory.join("contexts").join(format!("{name}.toml")),
        })
    }

    /// The error for a context without a profile.
    pub(crate) fn unknown(&self) -> CliError {
        CliError::Usage(format!(
            "there is no context {self}: `gatepass context list` shows them, and `gatepass login --context {self}` makes one"
        ))
    }

    /// Every context with a profile, by name.
    pub(crate) fn all(environment: &Environment) -> Result<Vec<Self>, CliError> {
        let directory = directory(environment)?;
        let files = fs::read_dir(directory.join("contexts")).into_iter().flatten().flatten();
        let names = files.filter_map(|file| file.file_name().to_str()?.strip_suffix(".toml")?.parse().ok());
        let default = directory.join("profile.toml").exists().then(|| Self(DEFAULT.to_owned()));
        let mut names = default.into_iter().chain(names).collect::<Vec<_>>();
        names.sort();
        Ok(names)
    }
}

/// The directory of the profiles.
fn directory(environment: &Environment) -> Result<PathBuf, CliError> {
    let home = environment.config_home().ok_or_else(|| {
        CliError::Usage(String::from("the profile has no directory: set HOME or XDG_CONFIG_HOME"))
    })?;
    Ok(home.join("gatepass"))
}

/// List the contexts of several authorities, and choose the one in use
///
/// A context is a server with its trust anchor and your credential there, as `gatepass login --context NAME` stores it. Commands
/// take the one of --context, else of GATEPASS_CONTEXT, else the one in use.
#[derive(Subcommand)]
#[command(after_long_help = "Examples:
  gatepass login --context lab --server https://lab.example.org:8443 --ca-fingerprint 3f1c…
  gatepass context list
  gatepass context use lab
  GATEPASS_CONTEXT=production gatepass host list")]
pub(crate) enum ContextCommand {
    /// List the contexts: their servers, users and sessions
    #[command(after_long_help = "Examples:
  gatepass context list
  gatepass context list -o json")]
    List {
        /// Output format
        #[arg(short = 'o', long = "output", default_value = "table", value_name = "FORMAT", value_parser = Format::of_lists())]
        output: Format,
    },
    Use(ContextUse),
}

/// Choose the context that commands use from now on
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass context use lab
  gatepass context use default     the one of `gatepass login` without --context")]
pub(crate) struct ContextUse {
    /// Name of the context
    name: ContextName,
}

const COLUMNS: Columns = Columns {
    id: "name",
    name: "name",
    shown: &[
        Column::text("NAME", "name"),
        Column::text("IN USE", "in_use"),
        Column::text("SERVER", "server"),
        Column::text("USER", "user").rank(1),
        Column::time("SESSION EXPIRES", "session_expires_at").rank(2),
    ],
};

impl ContextCommand {
    /// Runs the command.
    pub(crate) fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List { output } => list(output, environment),
            Self::Use(ContextUse { name }) => choose(&name, environment),
        }
    }
}

fn list(format: Format, environment: &Environment) -> Result<(), CliError> {
    let in_use = match ContextName::of_environment(environment)? {
        Some(named) => named,
        None => ContextName::in_use(environment)?,
    };
    let mut items = Vec::new();
    for name in ContextName::all(environment)? {
        match Profile::load(&name, environment) {
            Ok(Some(profile)) => items.push(item(&name, name == in_use, &profile)),
            Ok(None) => {}
            // The others are of use.
            Err(error) => note(format!("context {name}: {error}")),
        }
    }
    output::list(
        format,
        &Screen::of(environment),
        &items,
        &COLUMNS,
        "no contexts yet: `gatepass login` makes one",
    )
}

fn item(name: &ContextName, in_use: bool, profile: &Profile) -> Value {
    let (user, expires_at) = match &profile.kept {
        KeptCredential::ApiKey { .. } => (None, None),
        KeptCredential::Session { expires_at, .. } => (Some(&profile.user), Some(*expires_at)),
        KeptCredential::Nothing => (Some(&profile.user), None),
    };
    json!({
        "name": name.to_string(), "in_use": in_use, "server": profile.server, "user": user,
        "session_expires_at": expires_at,
    })
}

fn choose(name: &ContextName, environment: &Environment) -> Result<(), CliError> {
    let profile = Profile::load(name, environment)?.ok_or_else(|| name.unknown())?;
    name.choose(environment)?;
    if ContextName::of_environment(environment)?.is_some_and(|named| named != *name) {
        note(format!("warning: {VARIABLE} is set and has precedence"));
    }
    output::line(format!("commands use {} now (context {name})", profile.server))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_inside_its_directory() {
        for name in ["lab", "eu-1.example", "A_b"] {
            assert!(name.parse::<ContextName>().is_ok(), "{name}");
        }
        for name in ["", "..", ".x", "a/b", "-x", "a b", "l\u{e4}b", &"x".repeat(65)] {
            assert!(name.parse::<ContextName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_default_context_keeps_its_path() {
        let environment = Environment::from_pairs([("XDG_CONFIG_HOME", "/home/a/.config")]);
        let path = |name: &str| name.parse::<ContextName>().unwrap().path(&environment).unwrap();
        assert_eq!(path("default"), PathBuf::from("/home/a/.config/gatepass/profile.toml"));
        assert_eq!(path("lab"), PathBuf::from("/home/a/.config/gatepass/contexts/lab.toml"));
    }
}
