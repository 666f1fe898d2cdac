use serde_json::json;

use super::*;

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// The faulty fields.
fn faults(settings: Value, schema: Value) -> Vec<String> {
    let faults = check_settings(&object(settings), Some(&object(schema))).err().unwrap_or_default();
    faults.into_iter().map(|fault| fault.field).collect()
}

fn message(schema: Value) -> String {
    let faults = check_settings(&Map::new(), Some(&object(schema))).unwrap_err();
    faults[0].message.clone()
}

#[test]
fn settings_without_a_schema_are_any_object() {
    assert_eq!(check_settings(&object(json!({ "a": [1, null, { "b": true }] })), None), Ok(()));
}

#[test]
fn settings_fit_their_schema_or_are_refused_by_field() {
    let schema = json!({
        "$schema": DIALECT, "type": "object", "required": ["level"], "additionalProperties": false,
        "properties": {
            "level": { "enum": ["info", "debug"] },
            "ports": { "type": "array", "items": { "$ref": "#/$defs/port" } },
            "name": { "type": "string", "pattern": "^[a-z]+$" },
        },
        "$defs": { "port": { "type": "integer", "minimum": 1, "maximum": 65535 } },
    });
    assert_eq!(faults(json!({ "level": "info", "ports": [80, 443], "name": "x" }), schema.clone()), [""; 0]);
    for (settings, fields) in [
        (json!({}), vec!["settings"]),
        (json!({ "level": "loud" }), vec!["settings.level"]),
        (json!({ "level": "info", "ports": [80, 0, "x"] }), vec!["settings.ports[1]", "settings.ports[2]"]),
        (json!({ "level": "info", "name": "X1" }), vec!["settings.name"]),
        (json!({ "level": "info", "colour": "red" }), vec!["settings"]),
    ] {
        assert_eq!(faults(settings.clone(), schema.clone()), fields, "{settings}");
    }
}

#[test]
fn a_fault_does_not_repeat_the_value() {
    let schema = object(json!({ "properties": { "password": { "type": "integer" } } }));
    let settings = object(json!({ "password": "hunter2" }));
    let faults = check_settings(&settings, Some(&schema)).unwrap_err();
    assert!(!faults[0].message.contains("hunter2"), "{faults:?}");
}

#[test]
fn a_schema_that_does_not_compile_is_refused() {
    for (schema, field) in [
        (json!({ "type": "colour" }), "schema.type"),
        (json!({ "minLength": -1 }), "schema.minLength"),
        (json!({ "$schema": "http://json-schema.org/draft-07/schema#" }), "schema.$schema"),
    ] {
        assert_eq!(faults(json!({}), schema.clone()), [field], "{schema}");
    }
    for schema in [
        json!({ "$ref": "https://example.org/other.json" }),
        json!({ "$ref": "file:///etc/passwd" }),
        json!({ "$ref": "#/$defs/none" }),
        json!({ "$ref": "other.json" }),
        json!({ "properties": { "a": { "$dynamicRef": "#a" } } }),
        json!({ "$defs": { "a": { "$id": "https://example.org/a", "type": "object" } } }),
        json!({ "properties": { "a": { "pattern": "(" } } }),
        json!({ "pattern": "(?=look)ahead" }),
        json!({ "pattern": "(a)\\1" }),
        json!({ "pattern": "(?:a{1000}){1000}" }),
    ] {
        assert_eq!(faults(json!({}), schema.clone()).len(), 1, "{schema}");
    }
}

#[test]
fn sizes_and_depth_are_bounded() {
    let long = |length: usize| json!({ "a": "x".repeat(length - r#"{"a":""}"#.len()) });
    assert_eq!(check_settings(&object(long(MOST_BYTES)), None), Ok(()));
    assert!(check_settings(&object(long(MOST_BYTES + 1)), None).is_err());
    let described =
        |length: usize| json!({ "description": "x".repeat(length - r#"{"description":""}"#.len()) });
    assert_eq!(faults(json!({}), described(MOST_BYTES)), [""; 0]);
    assert_eq!(faults(json!({}), described(MOST_BYTES + 1)), ["schema"]);
    let deep = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "not": inner }));
    assert!(!message_or_ok(deep(MOST_DEPTH)).contains("deeper"));
    assert!(message(deep(MOST_DEPTH + 1)).contains("deeper than 32"));
}

fn message_or_ok(schema: Value) -> String {
    let checked = check_settings(&Map::new(), Some(&object(schema)));
    checked.err().map(|faults| faults[0].message.clone()).unwrap_or_default()
}

#[test]
fn a_schema_without_an_end_is_refused() {
    for schema in [
        json!({ "$ref": "#" }),
        json!({ "allOf": [{ "$ref": "#" }] }),
        json!({ "$ref": "#/$defs/a", "$defs": { "a": { "anyOf": [{ "$ref": "#/$defs/b" }] }, "b": { "not": { "$ref": "#/$defs/a" } } } }),
    ] {
        assert!(message(schema.clone()).contains("without an end"), "{schema}");
    }
    // Each step into the settings brings such a schema closer to its end.
    let tree = json!({ "type": "object", "additionalProperties": { "$ref": "#" } });
    assert_eq!(faults(json!({ "a": { "b": { "c": {} } } }), tree.clone()), [""; 0]);
    assert_eq!(faults(json!({ "a": { "b": 1 } }), tree), ["settings.a.b"]);
}

#[test]
fn a_schema_that_multiplies_is_refused() {
    let mut defs = Map::new();
    for number in 0..40 {
        let next = json!({ "$ref": format!("#/$defs/n{}", number + 1) });
        defs.insert(format!("n{number}"), json!({ "allOf": [next, next] }));
    }
    defs.insert("n40".to_owned(), json!({}));
    let schema = json!({ "$ref": "#/$defs/n0", "$defs": defs });
    assert!(message(schema).contains("steps"));
    // The same at each level of the settings.
    let twice = json!({ "allOf": [{ "additionalProperties": { "$ref": "#" } }, { "additionalProperties": { "$ref": "#" } }] });
    let deep = (0..60).fold(json!({}), |inner, _| json!({ "a": inner }));
    assert_eq!(faults(deep, twice), ["schema"]);
}

#[test]
fn patterns_are_bounded_in_number_size_and_text() {
    let many = |number: usize| json!({ "allOf": vec![json!({ "pattern": "^a" }); number] });
    assert_eq!(check_settings(&Map::new(), Some(&object(many(MOST_PATTERNS)))), Ok(()));
    assert_eq!(message(many(MOST_PATTERNS + 1)), "has more than 64 patterns");
    let named = (0..=MOST_PATTERNS).map(|number| (format!("^{number}"), json!({}))).collect::<Map<_, _>>();
    assert_eq!(message(json!({ "patternProperties": named })), "has more than 64 patterns");
    let repeated = |times: u32| json!({ "pattern": format!("^(a|b){{{times}}}$") });
    assert_eq!(faults(json!({}), repeated(100)), [""; 0]);
    assert_eq!(faults(json!({}), repeated(9000)), ["schema"], "its program is larger than 64 KiB");
    let settings = json!({ "a": "b".repeat(30_000) });
    let schema = json!({ "properties": { "a": many(MOST_PATTERNS) } });
    assert_eq!(faults(settings, schema), ["schema"], "64 patterns look at 30 000 characters each");
}
