//! Flags of another command, as a service repeats them.

use std::any::TypeId;
use std::ffi::OsStr;
use std::path::{self, Path, PathBuf};

use clap::builder::ValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

/// The flags of a command that were given, and their words in the service's command line. Paths in them are absolute,
/// because a service has another working directory.
pub(super) struct Repeated<T> {
    /// The words.
    pub(super) words: Vec<String>,
    /// The flags that the command reads from these words.
    pub(super) flags: T,
}

impl<T: Args> Repeated<T> {
    /// Reads the words.
    pub(super) fn read(words: Vec<String>) -> Result<Self, Error> {
        let read = command::<T>().try_get_matches_from(&words)?;
        Ok(Self { flags: T::from_arg_matches(&read)?, words })
    }
}

impl<T: Args> FromArgMatches for Repeated<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut words = Vec::new();
        for flag in command::<T>().get_arguments().filter(|flag| is_given(flag, matches)) {
            words.extend(words_of(flag, matches)?);
        }
        Self::read(words)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<T: Args> Args for Repeated<T> {
    fn augment_args(command: Command) -> Command {
        T::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}

fn command<T: Args>() -> Command {
    T::augment_args(Command::new("gatepass").no_binary_name(true))
}

fn is_given(flag: &Arg, matches: &ArgMatches) -> bool {
    matches.value_source(flag.get_id().as_str()) == Some(ValueSource::CommandLine)
}

fn words_of(flag: &Arg, matches: &ArgMatches) -> Result<Vec<String>, Error> {
    let name = format!("--{}", flag.get_long().unwrap_or_default());
    if !flag.get_action().takes_values() {
        return Ok(vec![name]);
    }
    let values = matches.get_raw(flag.get_id().as_str()).into_iter().flatten();
    let words = values.map(|value| Ok([name.clone(), text(&name, value, is_path(flag.get_value_parser()))?]));
    Ok(words.collect::<Result<Vec<_>, Error>>()?.concat())
}

fn is_path(parser: &ValueParser) -> bool {
    parser.type_id() == TypeId::of::<PathBuf>()
}

fn text(name: &str, value: &OsStr, is_path: bool) -> Result<String, Error> {
    let whole = match is_path {
        true => path::absolute(Path::new(value)).map_err(|error| wrong(format!("{name}: {error}")))?,
        false => PathBuf::from(value),
    };
    whole.into_os_string().into_string().map_err(|_| wrong(format!("{name}: a service takes only UTF-8")))
}

fn wrong(why: String) -> Error {
    Error::raw(ErrorKind::ValueValidation, format!("{why}\n"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Args)]
    struct Inner {
        #[arg(long)]
        dir: Option<PathBuf>,
        #[arg(long, default_value = "/usual")]
        usual: PathBuf,
        #[arg(long)]
        set: Vec<String>,
        #[arg(long)]
        on: bool,
    }

    #[derive(Parser)]
    struct Outer {
        #[arg(long)]
        mine: bool,
        #[command(flatten)]
        inner: Repeated<Inner>,
    }

    fn words(line: &[&str]) -> Vec<String> {
        let outer = Outer::try_parse_from([&["x"], line].concat()).unwrap();
        assert_eq!(outer.inner.flags.usual, Path::new("/usual"));
        outer.inner.words
    }

    #[test]
    fn only_given_flags_of_the_command_are_repeated() {
        assert_eq!(words(&[]), Vec::<String>::new());
        assert_eq!(words(&["--mine", "--on"]), ["--on"]);
        assert_eq!(
            words(&["--set", "a=1", "--on", "--set", "b = 2"]),
            ["--set", "a=1", "--set", "b = 2", "--on"]
        );
    }

    #[test]
    fn repeated_paths_are_absolute() {
        let here = std::env::current_dir().unwrap().join("data");
        assert_eq!(words(&["--dir", "data"]), ["--dir", here.to_str().unwrap()]);
        let outer = Outer::try_parse_from(["x", "--dir", "./data"]).unwrap();
        assert_eq!(outer.inner.flags.dir, Some(here));
        assert!(!outer.mine);
    }
}
