//! Settings of policies and their JSON Schema (2020-12).
//!
//! A schema comes from a caller, and its check must end. So its patterns run on a linear engine, its references stay within it, and
//! [`cost`] bounds the steps of a check before it begins.

mod cost;

use std::fmt::Display;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

use self::cost::Cost;

/// Maximum size of the settings, and of the schema, in bytes of JSON.
const MOST_BYTES: usize = 32 * 1024;

/// Maximum depth of objects and lists of a schema.
const MOST_DEPTH: usize = 32;

/// Maximum number of faults that are reported.
const MOST_FAULTS: usize = 32;

/// Maximum number of patterns in a schema.
const MOST_PATTERNS: usize = 64;

/// Maximum memory of one compiled pattern in bytes.
const MOST_PATTERN: usize = 64 << 10;

/// The only dialect.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A fault of settings or of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFault {
    /// The faulty member, such as `settings.log.level` or `schema`.
    pub field: String,
    /// The fault. It does not repeat a value of the settings.
    pub message: String,
}

impl SettingsFault {
    fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Checks the size of settings and schema, that the schema compiles, and that the settings fit it.
///
/// # Errors
/// Every fault, up to 32.
pub fn check_settings(
    settings: &Map<String, Value>,
    schema: Option<&Map<String, Value>>,
) -> Result<(), Vec<SettingsFault>> {
    let mut faults = Vec::new();
    faults.extend(too_long("settings", settings));
    faults.extend(schema.and_then(|schema| too_long("schema", schema)));
    let (Some(schema), true) = (schema, faults.is_empty()) else { return refused(faults) };
    let (schema, settings) = (Value::Object(schema.clone()), Value::Object(settings.clone()));
    if patterns(&schema) > MOST_PATTERNS {
        let message = format!("has more than {MOST_PATTERNS} patterns");
        return Err(vec![SettingsFault::new("schema", message)]);
    }
    let validator = compiled(&schema).map_err(|fault| vec![fault])?;
    Cost::of(&schema, &settings).map_err(|message| vec![SettingsFault::new("schema", message)])?;
    if validator.is_valid(&settings) {
        return Ok(());
    }
    let misfits = validator.iter_errors(&settings).take(MOST_FAULTS);
    let misfits = misfits.map(|error| {
        SettingsFault::new(field("settings", error.instance_path()), error.masked().to_string())
    });
    refused(misfits.collect())
}

fn refused(faults: Vec<SettingsFault>) -> Result<(), Vec<SettingsFault>> {
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn too_long(field: &str, object: &Map<String, Value>) -> Option<SettingsFault> {
    // A map of JSON values is always JSON.
    let length = serde_json::to_vec(object).unwrap_or_default().len();
    let message = format!("{length} bytes of JSON; at most {MOST_BYTES} are allowed");
    (length > MOST_BYTES).then(|| SettingsFault::new(field, message))
}

/// Compiles a schema. It reaches no other document.
fn compiled(schema: &Value) -> Result<Validator, SettingsFault> {
    let fault = |message: String| SettingsFault::new("schema", message);
    if depth(schema) > MOST_DEPTH {
        return Err(fault(format!("deeper than {MOST_DEPTH} objects and lists")));
    }
    if schema.get("$schema").is_some_and(|dialect| dialect.as_str() != Some(DIALECT)) {
        return Err(SettingsFault::new("schema.$schema", format!("only {DIALECT}")));
    }
    let patterns = PatternOptions::regex().size_limit(MOST_PATTERN).dfa_size_limit(MOST_PATTERN);
    let options = jsonschema::options().with_draft(Draft::Draft202012).with_pattern_options(patterns);
    options
        .build(schema)
        .map_err(|error| SettingsFault::new(field("schema", error.instance_path()), error.to_string()))
}

/// The number of patterns in a schema, wherever they stand.
fn patterns(schema: &Value) -> usize {
    match schema {
        Value::Object(members) => {
            let own = usize::from(members.get("pattern").is_some_and(Value::is_string));
            let names = members.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
            own + names + members.values().map(patterns).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(patterns).sum(),
        _ => 0,
    }
}

/// The depth of objects and lists.
fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Object(members) => members.values().map(depth).max(),
        Value::Array(items) => items.iter().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

/// The place of a JSON pointer below `root`, in the way of other fields: `settings.ports[1]`.
fn field(root: &str, pointer: impl Display) -> String {
    let pointer = pointer.to_string();
    let parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    parts.fold(root.to_owned(), |path, part| match part.parse::<usize>() {
        Ok(index) => format!("{path}[{index}]"),
        Err(_) => format!("{path}.{part}"),
    })
}

#[cfg(test)]
mod tests;
