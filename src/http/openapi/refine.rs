//! Properties of all shapes that no derive adds.

use serde_json::{Map, Value, json};

/// Completes `document`: request bodies have no unknown members, parameters are never `null`, pages name their items.
pub(super) fn all(document: &mut Value) {
    let mut bodies = Vec::new();
    let items = document.get_mut("paths").and_then(Value::as_object_mut);
    for item in items.into_iter().flat_map(Map::values_mut) {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let body = operation.pointer("/requestBody/content/application~1json/schema/$ref");
            bodies.extend(body.and_then(Value::as_str).map(str::to_owned));
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            parameters.into_iter().flatten().for_each(never_null);
        }
    }
    for body in bodies {
        let schema = document.pointer_mut(body.trim_start_matches('#'));
        schema.and_then(Value::as_object_mut).into_iter().for_each(closed);
    }
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    if let Some(schemas) = schemas {
        schemas.values_mut().for_each(defaults);
        pages(schemas);
    }
}

/// utoipa inlines the argument of a generic type; a reference replaces it.
fn pages(schemas: &mut Map<String, Value>) {
    let names =
        schemas.keys().filter_map(|name| Some((name.clone(), name.strip_prefix("Page_")?.to_owned())));
    for (page, item) in names.collect::<Vec<_>>() {
        let named = schemas.contains_key(&item);
        let items = schemas.get_mut(&page).and_then(|page| page.pointer_mut("/properties/items/items"));
        if let Some(items) = items.filter(|_| named) {
            *items = json!({ "$ref": format!("#/components/schemas/{item}") });
        }
    }
}

fn never_null(parameter: &mut Value) {
    let Some(kind) = parameter.pointer_mut("/schema/type") else { return };
    if let Some(only) = kind.as_array().and_then(|kinds| kinds.iter().find(|kind| *kind != "null")) {
        *kind = only.clone();
    }
}

/// A request body: unknown members are refused.
fn closed(schema: &mut Map<String, Value>) {
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
}

/// The defaults that serde fills in are no values of the wire where a member is required or absence has a meaning of its own:
/// an empty text, and `null`.
fn defaults(schema: &mut Value) {
    let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let required = names.map(str::to_owned).collect::<Vec<_>>();
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, member) in members.into_iter().flatten() {
        let Some(member) = member.as_object_mut() else { continue };
        let is_null = member.get("default").is_some_and(Value::is_null);
        if is_null || required.contains(name) {
            member.remove("default");
        }
    }
}
