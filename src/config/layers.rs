//! The layers a value may come from: file, then environment, then flags; the last one that speaks wins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::field::{FIELDS, Field, Kind, SECTIONS};
use super::problem::{ConfigProblem, Place};
use super::{FILE_NAME, Overrides};

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) place: Place,
    pub(super) value: toml::Value,
}

/// All raw values, unchecked, and the sources that could not be read.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) values: BTreeMap<(&'static str, &'static str), Given>,
    pub(super) roles: Option<Given>,
    pub(super) problems: Vec<ConfigProblem>,
}

impl Layers {
    /// Reads all layers.
    pub(super) fn read(file: Option<&Path>, environment: &Environment, overrides: &Overrides) -> Self {
        let mut layers = Self::default();
        if let Some(path) = find_file(file, environment, overrides) {
            layers.read_file(&path);
        }
        layers.read_environment(environment);
        layers.read_flags(overrides);
        layers
    }

    fn read_file(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let problem = ConfigProblem::Unreadable { path: path.to_owned(), why: error.to_string() };
                return self.problems.push(problem);
            }
        };
        match text.parse::<toml::Table>() {
            Ok(table) => self.read_table(path, table),
            Err(error) => {
                let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
                let why = error.message().to_owned();
                self.problems.push(ConfigProblem::Syntax { path: path.to_owned(), line, why });
            }
        }
    }

    fn read_table(&mut self, path: &Path, table: toml::Table) {
        for (name, value) in table {
            let place = |key: String| Place::File { path: path.to_owned(), key };
            match value {
                value if name == "roles" => self.roles = Some(Given { place: place(name), value }),
                toml::Value::Table(section) if is_section(&name) => {
                    for (key, value) in section {
                        self.set(&name, &key, Given { place: place(format!("{name}.{key}")), value });
                    }
                }
                _ => self.unknown(place(name.clone()), &name),
            }
        }
    }

    fn read_environment(&mut self, environment: &Environment) {
        for (name, text) in environment.fields() {
            let place = Place::Variable(name.to_owned());
            match FIELDS.iter().find(|field| field.variable() == name) {
                Some(field) => self.set(field.section, field.key, Given { place, value: typed(field, text) }),
                None => {
                    let rest = name.trim_start_matches("GATEPASS_");
                    let section = rest.split("__").next().unwrap_or_default().to_ascii_lowercase();
                    self.unknown(place, &section);
                }
            }
        }
    }

    fn read_flags(&mut self, overrides: &Overrides) {
        for (flag, name, text) in overrides.fields() {
            let (section, key) = name.split_once('.').unwrap_or((&name, ""));
            let value = Field::find(section, key).map(|field| typed(field, &text));
            let value = value.unwrap_or(toml::Value::String(text));
            self.set(section, key, Given { place: Place::Flag(flag), value });
        }
    }

    fn set(&mut self, section: &str, key: &str, given: Given) {
        match Field::find(section, key) {
            Some(field) => drop(self.values.insert((field.section, field.key), given)),
            None => self.unknown(given.place, section),
        }
    }

    fn unknown(&mut self, place: Place, section: &str) {
        let keys: Vec<_> =
            FIELDS.iter().filter(|field| field.section == section).map(|field| field.key).collect();
        let sections =
            || SECTIONS.iter().map(|(name, _)| *name).chain(["roles"]).collect::<Vec<_>>().join(", ");
        let hint = match keys.as_slice() {
            [] => format!("the sections are {}", sections()),
            keys => format!("[{section}] has {}", keys.join(", ")),
        };
        self.problems.push(ConfigProblem::Unknown { place, hint });
    }
}

fn is_section(name: &str) -> bool {
    SECTIONS.iter().any(|(section, _)| *section == name)
}

/// Converts a text from a variable or a flag to the type in the file. A text that does not fit stays text and is refused
/// later, with the same message as in the file.
fn typed(field: &Field, text: &str) -> toml::Value {
    let value = match field.kind {
        Kind::Count(..) => text.parse().ok().map(toml::Value::Integer),
        Kind::Flag => text.parse().ok().map(toml::Value::Boolean),
        Kind::List => Some(toml::Value::Array(listed(text))),
        Kind::Text | Kind::Path | Kind::Span(..) | Kind::Choice(_) => None,
    };
    value.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// Splits a text at its commas; an empty text is an empty list.
fn listed(text: &str) -> Vec<toml::Value> {
    let pieces = text.split(',').map(str::trim).filter(|_| !text.trim().is_empty());
    pieces.map(|piece| toml::Value::String(piece.to_owned())).collect()
}

/// The file that was asked for, else `gatepass.toml` in the working directory, else in the data directory.
fn find_file(file: Option<&Path>, environment: &Environment, overrides: &Overrides) -> Option<PathBuf> {
    let asked = file.map(PathBuf::from).or_else(|| environment.get("GATEPASS_CONFIG").map(PathBuf::from));
    asked.or_else(|| {
        let data_dir = overrides.data_dir.clone();
        let data_dir = data_dir.or_else(|| environment.get("GATEPASS_SERVER__DATA_DIR").map(PathBuf::from));
        let data_dir = data_dir.unwrap_or_else(|| PathBuf::from(super::DEFAULT_DATA_DIR));
        [PathBuf::from(FILE_NAME), data_dir.join(FILE_NAME)].into_iter().find(|path| path.exists())
    })
}
