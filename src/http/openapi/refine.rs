//! Properties of all shapes that no derive adds.

mod objects;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// Completes `document`: request bodies have no unknown members if these are refused, and parameters are never `null`.
pub(super) fn all(document: &mut Value, refuses_unknown_fields: bool) {
    let mut bodies = Vec::new();
    for operation in operations(document) {
        let body = operation.pointer("/requestBody/content/application~1json/schema/$ref");
        bodies.extend(body.and_then(Value::as_str).map(str::to_owned));
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        parameters.into_iter().flatten().for_each(never_null);
    }
    for body in bodies.iter().filter(|_| refuses_unknown_fields) {
        let schema = document.pointer_mut(body.trim_start_matches('#'));
        schema.and_then(Value::as_object_mut).into_iter().for_each(closed);
    }
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    if let Some(schemas) = schemas {
        objects::join(schemas);
        schemas.values_mut().for_each(defaults);
    }
    pages(document);
    objects::prune(document);
    groups(document);
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let items = document.get_mut("paths").and_then(Value::as_object_mut);
    let items = items.into_iter().flat_map(Map::values_mut);
    items.flat_map(|item| item.as_object_mut().into_iter().flat_map(Map::values_mut))
}

/// Keeps the tags and the credentials that an operation names.
fn groups(document: &mut Value) {
    let (mut tags, mut schemes) = (BTreeSet::new(), BTreeSet::new());
    for operation in operations(document) {
        let named = operation["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
        tags.extend(named.map(str::to_owned));
        let security = operation["security"].as_array().into_iter().flatten();
        schemes.extend(security.filter_map(Value::as_object).flat_map(Map::keys).cloned());
    }
    if let Some(all) = document["tags"].as_array_mut() {
        all.retain(|tag| tag["name"].as_str().is_some_and(|name| tags.contains(name)));
    }
    if let Some(all) = document["components"]["securitySchemes"].as_object_mut() {
        all.retain(|name, _| schemes.contains(name));
    }
}

/// utoipa inlines the argument of a generic type, and appends its name: a reference replaces it, and `Page_Host` becomes
/// `HostPage`.
fn pages(document: &mut Value) {
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    let Some(schemas) = schemas else { return };
    let names = schemas.keys().filter_map(|name| name.strip_prefix("Page_")).map(str::to_owned);
    let renamed = names.collect::<Vec<_>>().into_iter().filter_map(|item| {
        let (old, new) = (format!("Page_{item}"), format!("{item}Page"));
        let mut page = schemas.remove(&old)?;
        if let Some(items) = page.pointer_mut("/properties/items/items") {
            *items = json!({ "$ref": format!("#/components/schemas/{item}") });
        }
        schemas.insert(new.clone(), page);
        Some((format!("#/components/schemas/{old}"), format!("#/components/schemas/{new}")))
    });
    let renamed = renamed.collect();
    refer(document, &renamed);
}

/// Replaces references by their new names.
fn refer(value: &mut Value, renamed: &BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(old) if name == "$ref" => {
                        if let Some(new) = renamed.get(old) {
                            new.clone_into(old);
                        }
                    }
                    member => refer(member, renamed),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, renamed)),
        _ => {}
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

/// Keeps the defaults that are flags or numbers, except those of required members. An empty text, list or object says nothing,
/// and `null` can differ from absence. Some generators write wrong code for objects.
fn defaults(schema: &mut Value) {
    let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let required = names.map(str::to_owned).collect::<Vec<_>>();
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, member) in members.into_iter().flatten() {
        let Some(member) = member.as_object_mut() else { continue };
        let plain = member.get("default").is_some_and(|value| value.is_boolean() || value.is_number());
        if !plain || required.contains(name) {
            member.remove("default");
        }
    }
}
