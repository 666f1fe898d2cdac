//! The layers a value may come from: file, then environment, then flags; the last one that speaks wins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::field::{Field, SECTIONS, Section};
use super::problem::{ConfigProblem, ValueOrigin};
use super::{FILE_NAME, FlagValue, Overrides};

/// A value and its origin.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) origin: ValueOrigin,
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
            let origin = |key: String| ValueOrigin::File { path: path.to_owned(), key };
            match value {
                value if name == "roles" => self.roles = Some(Given { origin: origin(name), value }),
                toml::Value::Table(section) if Section::find(&name).is_some() => {
                    for (key, value) in section {
                        self.set(&name, &key, Given { origin: origin(format!("{name}.{key}")), value });
                    }
                }
                _ => self.unknown(origin(name.clone()), &name),
            }
        }
    }

    fn read_environment(&mut self, environment: &Environment) {
        for (name, text) in environment.fields() {
            let field = name.trim_start_matches("GATEPASS_").to_ascii_lowercase();
            let (section, key) = field.split_once("__").unwrap_or((&field, ""));
            self.set_text(section, key, text, ValueOrigin::Variable(name.to_owned()));
        }
    }

    fn read_flags(&mut self, overrides: &Overrides) {
        for FlagValue { flag, field, value } in &overrides.fields {
            let (section, key) = field.split_once('.').unwrap_or((field, ""));
            self.set_text(section, key, value, ValueOrigin::Flag(flag.clone()));
        }
    }

    fn set_text(&mut self, section: &str, key: &str, text: &str, origin: ValueOrigin) {
        let value = match Field::find(section, key) {
            Some(field) => field.value(text),
            None => toml::Value::String(text.to_owned()),
        };
        self.set(section, key, Given { origin, value });
    }

    fn set(&mut self, section: &str, key: &str, given: Given) {
        match (Section::find(section), Field::find(section, key)) {
            (Some(section), Some(field)) => drop(self.values.insert((section.name, field.key), given)),
            _ => self.unknown(given.origin, section),
        }
    }

    fn unknown(&mut self, origin: ValueOrigin, section: &str) {
        let hint = match Section::find(section) {
            None => {
                let sections = SECTIONS.iter().map(|section| section.name).chain(["roles"]);
                format!("the sections are {}", sections.collect::<Vec<_>>().join(", "))
            }
            Some(known) => {
                let keys = known.fields.iter().map(|field| field.key).collect::<Vec<_>>();
                format!("[{section}] has {}", keys.join(", "))
            }
        };
        self.problems.push(ConfigProblem::Unknown { origin, hint });
    }
}

/// The file that was asked for, else `gatepass.toml` in the working directory, else in the data directory.
fn find_file(file: Option<&Path>, environment: &Environment, overrides: &Overrides) -> Option<PathBuf> {
    let asked = file.map(PathBuf::from).or_else(|| environment.get("GATEPASS_CONFIG").map(PathBuf::from));
    asked.or_else(|| {
        let flag = overrides.fields.iter().rfind(|flag| flag.field == "server.data_dir");
        let data_dir = flag.map(|flag| flag.value.as_str());
        let data_dir = data_dir.or_else(|| environment.get("GATEPASS_SERVER__DATA_DIR"));
        let data_dir = Path::new(data_dir.unwrap_or(super::DEFAULT_DATA_DIR));
        [PathBuf::from(FILE_NAME), data_dir.join(FILE_NAME)].into_iter().find(|path| path.exists())
    })
}
