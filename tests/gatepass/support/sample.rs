//! Examples of request bodies, built from the examples of the schema's members.

use serde_json::{Map, Value};

/// An example of `schema`: its own, or one built from its members. `schemas` are those of the document.
pub(crate) fn of(schema: &Value, schemas: &Value) -> Option<Value> {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return of(schemas.get(name.rsplit('/').next()?)?, schemas);
    }
    let first = |member: &str| schema.get(member)?.as_array()?.first().cloned();
    let own = schema.get("example").cloned();
    if let Some(own) = own.or_else(|| first("examples")).or_else(|| first("enum")) {
        return Some(own);
    }
    let parts = |member: &str| schema.get(member).and_then(Value::as_array);
    if let Some(choices) = parts("oneOf").or_else(|| parts("anyOf")) {
        return choices.iter().filter(|choice| !is_null(choice)).find_map(|choice| of(choice, schemas));
    }
    if let Some(all) = parts("allOf") {
        let objects = all.iter().filter_map(|part| of(part, schemas));
        return Some(Value::Object(objects.filter_map(|part| part.as_object().cloned()).flatten().collect()));
    }
    if let Some(item) = schema.get("items") {
        return Some(Value::Array(of(item, schemas).into_iter().collect()));
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => return Some(Value::Bool(false)),
        Some("integer") => return Some(schema.get("minimum").cloned().unwrap_or_else(|| 1.into())),
        _ => {}
    }
    let none = Map::new();
    let properties = match schema.get("properties") {
        Some(properties) => properties.as_object()?,
        None if schema.get("type").is_some_and(|kind| kind == "object") => &none,
        None => return None,
    };
    let member = |(name, part): (&String, &Value)| Some((name.clone(), of(part, schemas)?));
    Some(Value::Object(properties.iter().filter_map(member).collect()))
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null")
}
