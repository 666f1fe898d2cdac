//! Typed reading of one field: the value that was written or its default, with every mistake noted down.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::field::{Field, Kind, SECTIONS};
use super::layers::{Given, Layers};
use super::problem::{ConfigProblem, ValueOrigin};
use crate::access::throttle::Rate;
use crate::span::{parse_span, show_span};

/// The raw values, the mistakes found so far, and the effective values.
pub(super) struct Check {
    pub(super) layers: Layers,
    /// Each value as it is shown, by section and key.
    pub(super) effective: Value,
}

impl Check {
    /// Starts with the layers alone.
    pub(super) fn new(layers: Layers) -> Self {
        let mut effective = Value::Null;
        for section in SECTIONS {
            for field in section.fields {
                effective[section.name][field.key] = Value::Null;
            }
        }
        Self { layers, effective }
    }

    pub(super) fn given(&self, section: &'static str, key: &'static str) -> bool {
        self.layers.values.contains_key(&(section, key))
    }

    /// Notes the effective value of a field.
    pub(super) fn show(&mut self, section: &str, key: &str, value: impl Into<Value>) {
        self.effective[section][key] = value.into();
    }

    pub(super) fn origin(&self, section: &'static str, key: &'static str) -> ValueOrigin {
        let given = self.layers.values.get(&(section, key)).map(|given| given.origin.clone());
        given.unwrap_or_else(|| ValueOrigin::Default(format!("{section}.{key}")))
    }

    /// Returns the field's raw value, or its default.
    pub(super) fn value(&self, section: &'static str, key: &'static str) -> Option<toml::Value> {
        if let Some(Given { value, .. }) = self.layers.values.get(&(section, key)) {
            return Some(value.clone());
        }
        default_of(section, key)
    }

    pub(super) fn text(&mut self, section: &'static str, key: &'static str) -> Option<String> {
        let words = match Field::find(section, key).map(|field| field.kind) {
            Some(Kind::Choice(words)) => words,
            _ => &[],
        };
        match self.value(section, key)? {
            toml::Value::String(text) if text.is_empty() => {
                self.invalid(section, key, String::from("is empty"))
            }
            toml::Value::String(text) if !words.is_empty() && !words.contains(&text.as_str()) => {
                self.invalid(section, key, format!("{text:?} is not one of {}", words.join(", ")))
            }
            toml::Value::String(text) => {
                self.show(section, key, text.as_str());
                Some(text)
            }
            other => self.invalid(section, key, format!("is {}, not text in quotes", kind_of(&other))),
        }
    }

    pub(super) fn path(&mut self, section: &'static str, key: &'static str) -> Option<PathBuf> {
        let text = self.text(section, key)?;
        let given = self.layers.values.get(&(section, key)).and_then(|given| given.path.clone());
        let path = given.unwrap_or_else(|| PathBuf::from(text));
        self.show_path(section, key, &path);
        Some(path)
    }

    /// Notes the whole path, which means the same in a file anywhere.
    pub(super) fn show_path(&mut self, section: &str, key: &str, path: &Path) {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.show(section, key, whole.display().to_string());
    }

    pub(super) fn parsed<T: Display>(
        &mut self,
        section: &'static str,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(&self.text(section, key)?) {
            Ok(value) => {
                self.show(section, key, value.to_string());
                Some(value)
            }
            Err(why) => self.invalid(section, key, why),
        }
    }

    pub(super) fn span(&mut self, section: &'static str, key: &'static str) -> Duration {
        let bounds = match Field::find(section, key).map(|field| field.kind) {
            Some(Kind::Span(least, most)) => (Duration::from_secs(least), Duration::from_secs(most)),
            _ => (Duration::ZERO, Duration::MAX),
        };
        let within = |text: &str| match parse_span(text) {
            Ok(span) if span < bounds.0 => Err(format!("{text} is shorter than {}", show_span(bounds.0))),
            Ok(span) if span > bounds.1 => Err(format!("{text} is longer than {}", show_span(bounds.1))),
            Ok(span) => Ok(ShownSpan(span)),
            Err(error) => Err(error.to_string()),
        };
        let default = || default_span(section, key);
        self.parsed(section, key, within).map_or_else(default, |ShownSpan(span)| span)
    }

    pub(super) fn count(&mut self, section: &'static str, key: &'static str) -> usize {
        self.limit(section, key).unwrap_or(1)
    }

    /// A whole number; `None` if it is not given or wrong.
    pub(super) fn limit<T: TryFrom<i64>>(&mut self, section: &'static str, key: &'static str) -> Option<T> {
        let (least, most) = match Field::find(section, key).map(|field| field.kind) {
            Some(Kind::Count(least, most)) => (least, most),
            _ => (0, i64::MAX),
        };
        match self.value(section, key) {
            Some(toml::Value::Integer(count)) if (least..=most).contains(&count) => {
                self.show(section, key, count);
                T::try_from(count).ok()
            }
            Some(toml::Value::Integer(count)) => {
                self.invalid(section, key, format!("{count} is not between {least} and {most}"))
            }
            Some(other) => self.invalid(section, key, format!("is {}, not a whole number", kind_of(&other))),
            None => None,
        }
    }

    /// So many in a second, a minute or an hour; `None` = not limited, also where what was written is wrong.
    pub(super) fn rate(&mut self, section: &'static str, key: &'static str) -> Option<Rate> {
        let parsed = match self.value(section, key)? {
            toml::Value::String(text) => Rate::parse(&text).map_err(|error| error.to_string()),
            other => Err(format!("is {}, not text in quotes", kind_of(&other))),
        };
        let rate = parsed.unwrap_or_else(|why| self.invalid(section, key, why));
        self.show(section, key, rate.map_or_else(|| String::from("off"), |rate| rate.to_string()));
        rate
    }

    pub(super) fn flag(&mut self, section: &'static str, key: &'static str) -> bool {
        let flag = match self.value(section, key) {
            Some(toml::Value::Boolean(flag)) => Some(flag),
            Some(other) => self.invalid(section, key, format!("is {}, not true or false", kind_of(&other))),
            None => None,
        };
        self.show(section, key, flag);
        flag.unwrap_or(false)
    }

    /// A list of texts, each of which `parse` takes, each once. Every one that is wrong is noted down.
    pub(super) fn list(
        &mut self,
        section: &'static str,
        key: &'static str,
        parse: impl Fn(&str) -> Result<String, String>,
    ) -> Vec<String> {
        let items = match self.value(section, key) {
            Some(toml::Value::Array(items)) => items,
            Some(other) => {
                let why = format!("is {}, not a list of texts", kind_of(&other));
                return self.invalid(section, key, why).unwrap_or_default();
            }
            None => Vec::new(),
        };
        let mut texts = Vec::new();
        for item in items {
            let parsed = match &item {
                toml::Value::String(text) => parse(text),
                other => Err(format!("has {} in it, not text in quotes", kind_of(other))),
            };
            match parsed {
                Ok(text) if texts.contains(&text) => {
                    let _: Option<()> = self.invalid(section, key, format!("names {text:?} twice"));
                }
                Ok(text) => texts.push(text),
                Err(why) => {
                    let _: Option<()> = self.invalid(section, key, why);
                }
            }
        }
        self.show(section, key, texts.clone());
        texts
    }

    pub(super) fn invalid<T>(&mut self, section: &'static str, key: &'static str, why: String) -> Option<T> {
        let example = Field::find(section, key).map(|field| field.value(field.example));
        let example = example.map_or_else(String::new, |example| format!("{key} = {example}"));
        let origin = self.origin(section, key);
        self.layers.problems.push(ConfigProblem::Invalid { origin, why, example });
        None
    }

    pub(super) fn conflict(&mut self, section: &'static str, key: &'static str, why: String) {
        let origin = self.origin(section, key);
        self.layers.problems.push(ConfigProblem::Conflict { origin, why });
    }

    pub(super) fn alone<T>(
        &mut self,
        section: &'static str,
        given: &'static str,
        missing: &'static str,
    ) -> Option<T> {
        // A value that was refused already is not missing.
        if !self.given(section, missing) {
            let missing = beside(&self.origin(section, given), section, missing);
            self.conflict(section, given, format!("it needs {missing} beside it"));
        }
        None
    }
}

/// The name of a field where the value with this origin is.
fn beside(origin: &ValueOrigin, section: &str, key: &str) -> String {
    match (origin, key) {
        (ValueOrigin::Flag(flag), "tls_key") if flag == "--tls-cert" => "--tls-key".to_owned(),
        (ValueOrigin::Flag(flag), "tls_certificate") if flag == "--tls-key" => "--tls-cert".to_owned(),
        (ValueOrigin::Variable(_), _) => format!("GATEPASS_{section}__{key}").to_ascii_uppercase(),
        _ => format!("{section}.{key}"),
    }
}

/// A span that is shown as it is written.
struct ShownSpan(Duration);

impl Display for ShownSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_span(self.0))
    }
}

fn default_of(section: &str, key: &str) -> Option<toml::Value> {
    let field = Field::find(section, key)?;
    field.default.map(|text| field.value(text))
}

fn default_span(section: &str, key: &str) -> Duration {
    let value = default_of(section, key);
    value.as_ref().and_then(toml::Value::as_str).and_then(|text| parse_span(text).ok()).unwrap_or_default()
}

pub(super) fn kind_of(value: &toml::Value) -> &'static str {
    match value {
        toml::Value::String(_) => "text",
        toml::Value::Integer(_) => "a whole number",
        toml::Value::Float(_) => "a fraction",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Datetime(_) => "a date",
        toml::Value::Array(_) => "a list",
        toml::Value::Table(_) => "a table",
    }
}
