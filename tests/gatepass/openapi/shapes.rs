//! The schemas of both documents: names, defaults, examples, references.

use std::collections::BTreeSet;

use serde_json::Value;

use super::complete::{operations, text, written};
use crate::support::described::{DOCUMENT, documents};
use crate::support::schema;

#[test]
fn every_example_of_a_schema_or_member_fits_it() {
    let mut examples = 0;
    for document in documents() {
        each_schema(&document["components"]["schemas"], &mut |schema| {
            for example in written(schema) {
                let fits = schema::check(schema, example, document);
                fits.unwrap_or_else(|why| panic!("{schema}: {why}"));
                examples += 1;
            }
        });
    }
    assert!(examples > 60, "{examples}");
}

#[test]
fn every_request_is_named_after_its_operation() {
    let mut bodies = 0;
    for (name, operation) in operations() {
        let words = text(operation, "operationId").split('_');
        let words = words.map(|word| word[..1].to_uppercase() + &word[1..]).collect::<String>();
        for (_, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            let expected = format!("#/components/schemas/{words}Request");
            assert_eq!(text(&content["schema"], "$ref"), expected, "{name}");
            bodies += 1;
        }
    }
    assert!(bodies >= 22, "{bodies}");
}

#[test]
fn schema_names_say_no_internal_word() {
    for name in DOCUMENT["components"]["schemas"].as_object().unwrap().keys() {
        assert!(name.chars().all(char::is_alphanumeric), "{name}");
        for internal in ["Item", "Record", "Shown", "Facts", "Asked", "Nothing", "Answer", "Body"] {
            assert!(!name.ends_with(internal), "{name}");
        }
    }
}

#[test]
fn every_page_is_named_after_its_items() {
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    let has = |schema: &Value, member: &str| schema["properties"].get(member).is_some();
    let pages = schemas.iter().filter(|(_, schema)| has(schema, "next") && has(schema, "items"));
    let mut found = 0;
    for (name, page) in pages {
        let item = text(&page["properties"]["items"]["items"], "$ref").rsplit('/').next().unwrap();
        assert_eq!(*name, format!("{item}Page"));
        found += 1;
    }
    assert!(found >= 9, "{found}");
}

/// The name of a schema as clients write members.
fn snake(name: &str) -> String {
    let words = name.char_indices().map(|(place, letter)| match place > 0 && letter.is_uppercase() {
        true => format!("_{}", letter.to_lowercase()),
        false => letter.to_lowercase().to_string(),
    });
    words.collect()
}

#[test]
fn no_member_has_the_name_of_its_schema() {
    // A Python client holds the object and the member in one variable.
    for document in documents() {
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            assert_eq!(schema["properties"].get(snake(name)), None, "{name}");
        }
    }
    assert_eq!(snake("OAuthError"), "o_auth_error");
}

/// Schemas in `schema` itself that generated clients can name after their place only.
fn nameless(schema: &Value) -> bool {
    schema.get("enum").is_some() || schema.get("properties").is_some()
}

#[test]
fn every_choice_and_every_object_is_named() {
    for document in documents() {
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for (name, schema) in schemas {
            let inner = schema.as_object().unwrap().values().filter(|inner| !inner.is_string());
            for inner in inner {
                each_schema(inner, &mut |inner| {
                    let members = inner.get("type").is_none() && inner.get("enum").is_none();
                    assert!(members || !nameless(inner), "{name}: {inner}");
                });
            }
        }
        each_schema(&document["paths"], &mut |place| {
            if let Some(schema) = place.get("schema") {
                assert!(!nameless(schema), "{schema}");
            }
        });
    }
}

#[test]
fn every_object_is_whole() {
    for document in documents() {
        each_schema(document, &mut |schema| assert_eq!(schema.get("allOf"), None, "{schema}"));
    }
}

#[test]
fn every_default_is_a_fitting_flag_or_number() {
    let mut defaults = 0;
    for document in documents() {
        each_schema(document, &mut |schema| {
            if let Some(default) = schema.get("default") {
                let fits = schema::check(schema, default, document);
                fits.unwrap_or_else(|why| panic!("{schema}: {why}"));
                assert!(default.is_boolean() || default.is_number(), "{schema}");
                defaults += 1;
            }
        });
    }
    assert!(defaults > 10, "{defaults}");
}

#[test]
fn a_required_member_has_no_default() {
    let mut check = |schema: &Value| {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert_eq!(schema["properties"][name].get("default"), None, "{name}: {schema}");
        }
    };
    documents().iter().for_each(|document| each_schema(document, &mut check));
}

/// Calls `found` with every object of the document that can be a schema.
fn each_schema(value: &Value, found: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(members) => {
            found(value);
            let inner = members.iter().filter(|(name, _)| !name.starts_with("example") && *name != "default");
            inner.for_each(|(_, member)| each_schema(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| each_schema(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_shape_is_used() {
    for document in documents() {
        let text = document.to_string();
        let references = text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
        let references = references.collect::<BTreeSet<_>>();
        for reference in &references {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
        for kind in ["schemas", "responses", "examples"] {
            for name in document["components"][kind].as_object().unwrap().keys() {
                let place = format!("/components/{kind}/{name}");
                assert!(references.contains(place.as_str()), "nothing names {place}");
            }
        }
    }
}
