//! Examples of bodies and parameters: put together from those of the schemas' own parts, so that nobody writes one twice.

use serde_json::{Map, Value};

/// Gives every content and parameter of `document` that has no example one made from its schema.
pub(super) fn fill(document: &mut Value) {
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    let operations = document.get_mut("paths").and_then(Value::as_object_mut);
    for item in operations.into_iter().flat_map(Map::values_mut) {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            give(operation, &schemas);
        }
    }
}

fn give(operation: &mut Value, schemas: &Value) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    parameters.into_iter().flatten().for_each(|parameter| complete(parameter, schemas));
    let body = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
    body.into_iter().flat_map(Map::values_mut).for_each(|content| complete(content, schemas));
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    for response in responses.into_iter().flat_map(Map::values_mut) {
        let contents = response.get_mut("content").and_then(Value::as_object_mut);
        contents.into_iter().flat_map(Map::values_mut).for_each(|content| complete(content, schemas));
    }
}

/// A content, or a parameter: what has a schema and may have an example.
fn complete(subject: &mut Value, schemas: &Value) {
    let Some(subject) = subject.as_object_mut() else { return };
    if subject.contains_key("example") || subject.contains_key("examples") {
        return;
    }
    if let Some(example) = subject.get("schema").and_then(|schema| of(schema, schemas)) {
        subject.insert("example".to_owned(), example);
    }
}

/// An example of `schema`: its own, or one of its parts' examples.
pub(super) fn of(schema: &Value, schemas: &Value) -> Option<Value> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_example_is_put_together_from_those_of_the_parts() {
        let schemas = json!({ "Id": { "type": "string", "examples": ["7"] } });
        let id = json!({ "$ref": "#/components/schemas/Id" });
        for (schema, expected) in [
            (id.clone(), json!("7")),
            (json!({ "enum": ["a", "b"] }), json!("a")),
            (json!({ "type": "array", "items": id }), json!(["7"])),
            (json!({ "oneOf": [{ "type": "null" }, id] }), json!("7")),
            (
                json!({ "properties": { "id": id, "n": { "example": 1, "enum": [2] } } }),
                json!({ "id": "7", "n": 1 }),
            ),
            (
                json!({ "allOf": [{ "properties": { "id": id } }, { "example": { "x": 1 } }] }),
                json!({ "id": "7", "x": 1 }),
            ),
        ] {
            assert_eq!(of(&schema, &schemas), Some(expected), "{schema}");
        }
        assert_eq!(of(&json!({ "type": "string" }), &schemas), None);
    }

    #[test]
    fn what_has_an_example_keeps_it() {
        let content = json!({ "schema": { "example": 1 }, "example": 2 });
        let mut kept = content.clone();
        complete(&mut kept, &json!({}));
        assert_eq!(kept, content);
    }
}
