//! Objects as they are in JSON: serde flattens the members of parts, and a generated client needs no class for a part.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

const SCHEMAS: &str = "#/components/schemas/";

/// Replaces each object that is made of parts by one with the members of all of them.
pub(super) fn join(schemas: &mut Map<String, Value>) {
    let parts = schemas.clone();
    for schema in schemas.values_mut().filter_map(Value::as_object_mut) {
        let Some(Value::Array(all)) = schema.remove("allOf") else { continue };
        let mut whole = Members::default();
        all.iter().for_each(|part| whole.add(part, &parts));
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), Value::Object(whole.properties));
        schema.insert("required".to_owned(), json!(whole.required));
    }
}

/// The members of an object, with the names of the required ones.
#[derive(Default)]
struct Members {
    properties: Map<String, Value>,
    required: BTreeSet<String>,
}

impl Members {
    /// Adds the members of `part`, and those of its own parts.
    fn add(&mut self, part: &Value, schemas: &Map<String, Value>) {
        let part = name(part).and_then(|name| schemas.get(name)).unwrap_or(part);
        part["allOf"].as_array().into_iter().flatten().for_each(|part| self.add(part, schemas));
        self.properties.extend(part["properties"].as_object().cloned().into_iter().flatten());
        let required = part["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        self.required.extend(required.map(str::to_owned));
    }
}

/// Removes the schemas that nothing refers to, such as joined parts.
pub(super) fn prune(document: &mut Value) {
    let mut used = BTreeSet::new();
    let mut waiting = vec![&document["paths"], &document["components"]["responses"]];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(members) => {
                if let Some(name) = name(value).filter(|name| used.insert((*name).to_owned())) {
                    waiting.push(&document["components"]["schemas"][name]);
                }
                waiting.extend(members.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.retain(|name, _| used.contains(name));
    }
}

/// The name of the schema that `schema` refers to.
fn name(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(SCHEMAS)
}
