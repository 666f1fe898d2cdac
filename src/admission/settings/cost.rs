//! The steps of checking a value by a schema, counted before the check.
//!
//! References can repeat a subschema exponentially often, or for ever. The same pair of subschema and value is counted once
//! here, however often the check meets it, so that counting is fast.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Maximum number of steps of a check. A step is a keyword, or a character that a pattern looks at.
const MOST_STEPS: u64 = 1_000_000;

/// Keywords with one schema for the value itself, and whether a check can need it twice.
const IN_PLACE: [(&str, bool); 4] = [("not", true), ("if", true), ("then", false), ("else", false)];

/// Keywords with a list of schemas for the value itself, and whether a check can need them twice.
const IN_PLACE_LISTS: [(&str, bool); 3] = [("allOf", false), ("anyOf", true), ("oneOf", true)];

/// Keywords with a schema for each item or member.
const OF_CHILDREN: [&str; 6] = [
    "items",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedProperties",
    "unevaluatedItems",
];

/// Keywords whose check looks at every other keyword again.
const AGAIN: [&str; 2] = ["unevaluatedProperties", "unevaluatedItems"];

/// Keywords that refer by other means than a path within the schema.
const OTHER_REFERENCES: [&str; 5] =
    ["$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef"];

/// The steps of a check.
pub(super) struct Cost<'s> {
    root: &'s Value,
    /// The steps of each pair of subschema and value, by their addresses; `None` while it is counted.
    known: HashMap<(*const Value, *const Value), Option<u64>>,
}

impl<'s> Cost<'s> {
    /// Counts the steps of checking `value` by `schema`.
    ///
    /// # Errors
    /// The check takes too many steps, or never ends; or the schema refers to something outside.
    pub(super) fn of(schema: &'s Value, value: &'s Value) -> Result<u64, String> {
        local(schema, true)?;
        let steps = Self { root: schema, known: HashMap::new() }.steps(schema, value)?;
        match steps {
            0..=MOST_STEPS => Ok(steps),
            _ => Err(format!(
                "checking these settings takes more than {MOST_STEPS} steps: repeat fewer subschemas"
            )),
        }
    }

    fn steps(&mut self, schema: &'s Value, value: &'s Value) -> Result<u64, String> {
        let Value::Object(keywords) = schema else { return Ok(1) };
        let pair = (std::ptr::from_ref(schema), std::ptr::from_ref(value));
        match self.known.get(&pair) {
            Some(Some(steps)) => return Ok(*steps),
            Some(None) => return Err(String::from("a $ref leads back to itself without an end")),
            None => drop(self.known.insert(pair, None)),
        }
        let mut steps = 1 + keywords.len() as u64 + matched(keywords, value);
        if let Some(target) = keywords.get("$ref") {
            steps = steps.saturating_add(self.steps(self.referred(target)?, value)?);
        }
        for (subschema, twice) in in_place(schema) {
            let once = self.steps(subschema, value)?;
            steps = steps.saturating_add(once.saturating_mul(if twice { 2 } else { 1 }));
        }
        steps = steps.saturating_add(self.of_children(schema, value)?);
        if AGAIN.iter().any(|keyword| keywords.contains_key(*keyword)) {
            steps = steps.saturating_mul(2);
        }
        self.known.insert(pair, Some(steps));
        Ok(steps)
    }

    /// The steps of the subschemas for members and items. Each may apply to each.
    fn of_children(&mut self, schema: &'s Value, value: &'s Value) -> Result<u64, String> {
        let mut steps = 0_u64;
        let children: Vec<(Option<&str>, &Value)> = match value {
            Value::Object(members) => {
                members.iter().map(|(name, value)| (Some(name.as_str()), value)).collect()
            }
            Value::Array(items) => items.iter().map(|value| (None, value)).collect(),
            _ => return Ok(0),
        };
        for (name, child) in children {
            let named = name.and_then(|name| schema.get("properties")?.get(name));
            let patterns = schema.get("patternProperties").and_then(Value::as_object);
            let prefix = schema.get("prefixItems").and_then(Value::as_array);
            let every = OF_CHILDREN.iter().filter_map(|keyword| schema.get(*keyword));
            let patterns = patterns.into_iter().flat_map(Map::values);
            for subschema in
                named.into_iter().chain(patterns).chain(prefix.into_iter().flatten()).chain(every)
            {
                steps = steps.saturating_add(self.steps(subschema, child)?);
            }
        }
        Ok(steps)
    }

    /// The subschema that a reference names.
    fn referred(&self, target: &Value) -> Result<&'s Value, String> {
        let target = target.as_str().unwrap_or_default();
        let pointer = target.strip_prefix('#').map(decoded);
        let found = pointer.and_then(|pointer| self.root.pointer(&pointer));
        found.ok_or_else(|| format!("$ref {target:?} does not lead to a part of this schema: write #/…"))
    }
}

/// The characters that patterns look at: those of a string, or of each member's name for each pattern.
fn matched(keywords: &Map<String, Value>, value: &Value) -> u64 {
    let (own, named) = (keywords.contains_key("pattern"), keywords.get("patternProperties"));
    let named = named.and_then(Value::as_object).map_or(0, Map::len);
    let characters = match value {
        Value::String(text) if own => text.len(),
        Value::Object(members) => members.keys().map(String::len).sum::<usize>().saturating_mul(named),
        _ => 0,
    };
    characters as u64
}

/// The subschemas for the value itself, and whether a check can need them twice.
fn in_place(schema: &Value) -> impl Iterator<Item = (&Value, bool)> {
    let single = IN_PLACE.into_iter().filter_map(|(keyword, twice)| Some((schema.get(keyword)?, twice)));
    let lists = IN_PLACE_LISTS.into_iter().flat_map(|(keyword, twice)| {
        let list = schema.get(keyword).and_then(Value::as_array);
        list.into_iter().flatten().map(move |subschema| (subschema, twice))
    });
    let dependent = schema.get("dependentSchemas").and_then(Value::as_object);
    let dependent = dependent.into_iter().flat_map(Map::values).map(|subschema| (subschema, false));
    single.chain(lists).chain(dependent)
}

/// Checks that references are paths within the schema, which has no parts with an id of their own.
fn local(schema: &Value, is_root: bool) -> Result<(), String> {
    match schema {
        Value::Object(members) => {
            let other = OTHER_REFERENCES.iter().find(|keyword| members.contains_key(**keyword));
            let inner_id = (!is_root && members.get("$id").is_some_and(Value::is_string)).then_some(&"$id");
            if let Some(keyword) = other.or(inner_id) {
                return Err(format!(
                    "{keyword} is not supported: refer with $ref and a path such as #/$defs/NAME"
                ));
            }
            members.values().try_for_each(|member| local(member, false))
        }
        Value::Array(items) => items.iter().try_for_each(|item| local(item, false)),
        _ => Ok(()),
    }
}

/// The pointer of a URI fragment (RFC 6901 section 6), percent-decoded.
fn decoded(fragment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = fragment.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
