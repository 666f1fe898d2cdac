//! The layers a value may come from: file, then environment, then flags; the last one that speaks wins.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::field::{Field, Kind, SECTIONS, Section};
use super::problem::{ConfigProblem, ValueOrigin};
use super::{DATABASE, FILE_NAME, FlagValue, Overrides};
use crate::ownership::check_found;

/// A value and its origin.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) origin: ValueOrigin,
    pub(super) value: toml::Value,
    /// The path itself, where the field has one. TOML holds UTF-8 only.
    pub(super) path: Option<PathBuf>,
}

impl Given {
    const fn plain(origin: ValueOrigin, value: toml::Value) -> Self {
        Self { origin, value, path: None }
    }

    fn path(origin: ValueOrigin, path: PathBuf) -> Self {
        let value = toml::Value::String(path.display().to_string());
        Self { origin, value, path: Some(path) }
    }
}

/// All raw values, unchecked, and the sources that could not be read.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) values: BTreeMap<(&'static str, &'static str), Given>,
    pub(super) roles: Option<Given>,
    pub(super) certificates: Option<Given>,
    pub(super) problems: Vec<ConfigProblem>,
    /// The file, with its whole path.
    pub(super) file: Option<PathBuf>,
    /// Problems of paths in the file that had another meaning before. They count unless another layer has the last word.
    moved: Vec<ConfigProblem>,
}

impl Layers {
    /// Reads all layers.
    pub(super) fn read(file: Option<&Path>, environment: &Environment, overrides: &Overrides) -> Self {
        let mut layers = Self::default();
        match find_file(file, environment, overrides) {
            Ok(Some(found)) => {
                layers.read_file(&found);
                layers.file = std::path::absolute(&found).ok();
            }
            Ok(None) => {}
            Err(problem) => layers.problems.push(problem),
        }
        layers.read_environment(environment);
        layers.read_flags(overrides);
        let values = layers.values.values().map(|given| &given.origin).collect::<Vec<_>>();
        let counts = |problem: &ConfigProblem| matches!(problem, ConfigProblem::Conflict { origin, .. } if values.contains(&origin));
        let moved = std::mem::take(&mut layers.moved).into_iter().filter(counts).collect::<Vec<_>>();
        layers.problems.extend(moved);
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
                value if name == "roles" => self.roles = Some(Given::plain(origin(name), value)),
                toml::Value::Table(section) if Section::find(&name).is_some() => {
                    for (key, value) in section {
                        let origin = origin(format!("{name}.{key}"));
                        if (name.as_str(), key.as_str()) == ("server", "certificates") {
                            self.certificates = Some(Given::plain(origin, value));
                            continue;
                        }
                        let given = match Field::find(&name, &key).map(|field| field.kind) {
                            Some(Kind::Path) => self.beside_file(path, origin, &key, value),
                            _ => Given::plain(origin, value),
                        };
                        self.set(&name, &key, given);
                    }
                }
                _ => self.unknown(origin(name.clone()), &name),
            }
        }
    }

    /// A path of the configuration file, which is relative to the file. Earlier versions took it as relative to the working
    /// directory: what they made there must not be replaced by something new.
    fn beside_file(&mut self, file: &Path, origin: ValueOrigin, key: &str, value: toml::Value) -> Given {
        let (Some(former), Some(directory)) = (value.as_str().map(Path::new), file.parent()) else {
            return Given::plain(origin, value);
        };
        if former.as_os_str().is_empty() {
            return Given::plain(origin, value);
        }
        let path = directory.join(former);
        let content = if key == "data_dir" { DATABASE } else { "" };
        if former.join(content).exists() && !path.join(content).exists() {
            let working = std::env::current_dir().unwrap_or_default();
            let why = format!(
                "it means {}, because paths in this file are relative to it; there is nothing yet, but an earlier version used {}: \
                 write the whole path of the one to use",
                path.display(),
                working.join(former).display()
            );
            self.moved.push(ConfigProblem::Conflict { origin: origin.clone(), why });
        }
        Given::path(origin, path)
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

    fn set_text(&mut self, section: &str, key: &str, text: &OsStr, origin: ValueOrigin) {
        let given = match (Field::find(section, key), text.to_str()) {
            (Some(Field { kind: Kind::Path, .. }), _) => Given::path(origin, text.into()),
            (_, None) => {
                let why = String::from("its value is not UTF-8");
                return self.problems.push(ConfigProblem::Conflict { origin, why });
            }
            (Some(field), Some(text)) => Given::plain(origin, field.value(text)),
            (None, Some(text)) => Given::plain(origin, toml::Value::String(text.to_owned())),
        };
        self.set(section, key, given);
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

/// The file that was asked for, else `gatepass.toml` in the working directory, else in the data directory. A file that was only
/// found there counts if nobody else can have written it.
fn find_file(
    file: Option<&Path>,
    environment: &Environment,
    overrides: &Overrides,
) -> Result<Option<PathBuf>, ConfigProblem> {
    let asked = file.map(PathBuf::from).or_else(|| environment.path("GATEPASS_CONFIG"));
    if asked.is_some() {
        return Ok(asked);
    }
    let flag = overrides.fields.iter().rfind(|flag| flag.field == "server.data_dir");
    let data_dir = flag.map(|flag| PathBuf::from(&flag.value));
    let data_dir = data_dir.or_else(|| environment.path("GATEPASS_SERVER__DATA_DIR"));
    let of_data = data_dir.as_deref().unwrap_or(Path::new(super::DEFAULT_DATA_DIR)).join(FILE_NAME);
    let Some(found) = [PathBuf::from(FILE_NAME), of_data.clone()].into_iter().find(|path| path.exists())
    else {
        return Ok(None);
    };
    // The data directory that a flag or a variable names is consent.
    if data_dir.is_some() && found == of_data {
        return Ok(Some(found));
    }
    match check_found(&found) {
        Ok(()) => Ok(Some(found)),
        Err(error) => {
            let why = format!("{error}; or give --config {} to use it all the same", found.display());
            Err(ConfigProblem::Unreadable { path: found, why })
        }
    }
}
