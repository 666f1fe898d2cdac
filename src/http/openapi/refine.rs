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
    schemas.into_iter().for_each(pages);
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

/// A missing member may differ from `null`, which is therefore no default.
fn closed(schema: &mut Map<String, Value>) {
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for member in members.into_iter().flat_map(Map::values_mut) {
        member
            .as_object_mut()
            .into_iter()
            .for_each(|member| member.retain(|key, value| key != "default" || !value.is_null()));
    }
}
