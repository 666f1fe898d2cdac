//! JSON Schema (2020-12), as far as the document uses it. Stricter than a client should be: members that a schema does not
//! name are refused, so that none is forgotten in the document.

use serde_json::Value;

/// Checks `value` against `schema`; `root` holds the referenced schemas.
///
/// # Errors
/// The path, and the fault there.
pub(crate) fn check(schema: &Value, value: &Value, root: &Value) -> Result<(), String> {
    at("", schema, value, root)
}

fn at(place: &str, schema: &Value, value: &Value, root: &Value) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("{place}: {why}: {value}"));
    if schema.get("$ref").is_some() {
        return at(place, referred(schema, root)?, value, root);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices.iter().filter(|choice| at(place, choice, value, root).is_ok()).count();
        return if fitting == 1 {
            Ok(())
        } else {
            wrong(&format!("{fitting} of {} shapes fit", choices.len()))
        };
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = choices.iter().any(|choice| at(place, choice, value, root).is_ok());
        return if fits { Ok(()) } else { wrong("no shape fits") };
    }
    if schema.get("allOf").is_some() {
        return all_of(place, &parts(schema, root)?, value, root);
    }
    if let Some(known) = schema["enum"].as_array() {
        return if known.contains(value) { Ok(()) } else { wrong("not one of those that there are") };
    }
    if !kinds(schema).iter().any(|kind| is(kind, value)) {
        return wrong(&format!("not of type {}", schema["type"]));
    }
    match value {
        Value::String(text) => string(place, schema, text),
        Value::Number(number) => bounded(place, schema, number.as_f64().unwrap_or(f64::NAN)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| at(&format!("{place}/{index}"), &schema["items"], item, root)),
        Value::Object(_) => object(place, schema, value, root),
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

/// Parts of one object: a member is one of those that any part names, and is what each of them says.
fn all_of(place: &str, parts: &[&Value], value: &Value, root: &Value) -> Result<(), String> {
    parts.iter().try_for_each(|part| complete(place, part, value))?;
    value.as_object().into_iter().flatten().try_for_each(|(name, value)| {
        let mut named = parts.iter().filter_map(|part| part["properties"].get(name)).peekable();
        if named.peek().is_none() {
            return Err(format!("{place}: {name} is not described"));
        }
        named.try_for_each(|member| at(&format!("{place}/{name}"), member, value, root))
    })
}

/// The schemas that `schema` puts together by `allOf`, to any depth; without it, the schema itself.
pub(crate) fn parts<'a>(schema: &'a Value, root: &'a Value) -> Result<Vec<&'a Value>, String> {
    let schema = referred(schema, root)?;
    let Some(all) = schema["allOf"].as_array() else { return Ok(vec![schema]) };
    let parts = all.iter().map(|part| parts(part, root)).collect::<Result<Vec<_>, _>>()?;
    Ok(parts.concat())
}

/// The schema that `schema` refers to, or itself.
pub(crate) fn referred<'a>(schema: &'a Value, root: &'a Value) -> Result<&'a Value, String> {
    let Some(name) = schema["$ref"].as_str() else { return Ok(schema) };
    root.pointer(name.trim_start_matches('#')).ok_or_else(|| format!("{name} is nowhere"))
}

fn complete(place: &str, schema: &Value, value: &Value) -> Result<(), String> {
    let mut required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    match required.find(|name| value.get(name).is_none()) {
        Some(missing) => Err(format!("{place}: {missing} is missing")),
        None => Ok(()),
    }
}

fn kinds(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

fn string(place: &str, schema: &Value, text: &str) -> Result<(), String> {
    let longest = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
    let fits = match schema["format"].as_str() {
        Some("uuid") => gatepass::id::TokenId::parse(text).is_some(),
        Some("date-time") => gatepass::clock::Timestamp::parse_rfc3339(text).is_some(),
        Some("uri") => text.starts_with("https://") || text.starts_with("urn:"),
        _ => true,
    };
    let pattern = schema["pattern"].as_str().is_none_or(|pattern| super::pattern::fits(pattern, text));
    if fits && pattern && text.chars().count() as u64 <= longest {
        return Ok(());
    }
    Err(format!("{place}: not as format, pattern or length say: {text:?} by {schema}"))
}

fn bounded(place: &str, schema: &Value, number: f64) -> Result<(), String> {
    let least = schema["minimum"].as_f64().unwrap_or(f64::MIN);
    let most = schema["maximum"].as_f64().unwrap_or(f64::MAX);
    if (least..=most).contains(&number) { Ok(()) } else { Err(format!("{place}: {number} is out of bounds")) }
}

fn object(place: &str, schema: &Value, value: &Value, root: &Value) -> Result<(), String> {
    complete(place, schema, value)?;
    // An object without named members is one of anything.
    let (members, others) = (schema["properties"].as_object(), schema.get("additionalProperties"));
    if members.is_none() && others.is_none() {
        return Ok(());
    }
    value.as_object().into_iter().flatten().try_for_each(|(name, value)| {
        let named = members.and_then(|members| members.get(name));
        let member = named.or_else(|| others.filter(|others| others.is_object()));
        let member = member.ok_or_else(|| format!("{place}: {name} is not described"))?;
        at(&format!("{place}/{name}"), member, value, root)
    })
}
