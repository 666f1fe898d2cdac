//! Every operation is described completely.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::described::{DOCUMENT, documents};
use crate::support::schema;

/// Every native operation with its name.
pub(super) fn operations() -> Vec<(String, &'static Value)> {
    operations_of(&DOCUMENT)
}

/// Every operation of `document` with its name.
pub(super) fn operations_of(document: &'static Value) -> Vec<(String, &'static Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let of_path = |(path, item): (&'static String, &'static Value)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    };
    paths.flat_map(of_path).collect()
}

pub(super) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or("")
}

/// A parameter or body has a schema; a written example fits it.
fn check(name: &str, subject: &Value) {
    let schema = &subject["schema"];
    assert!(schema.is_object(), "{name} has no schema");
    for example in subject.get("example").iter().chain(&written(schema)) {
        schema::check(schema, example, &DOCUMENT).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
}

/// The examples in a schema itself.
pub(super) fn written(schema: &Value) -> Vec<&Value> {
    schema.get("example").into_iter().chain(schema["examples"].as_array().into_iter().flatten()).collect()
}

#[test]
fn every_operation_names_the_required_caller() {
    let anyone = |operation: &Value| {
        let taken = operation["security"].as_array().unwrap();
        taken == &[json!({})] || text(operation, "operationId").starts_with("authorize")
    };
    let mut found = BTreeSet::new();
    for (name, operation) in operations() {
        let who = text(operation, "x-gatepass-permission");
        assert_eq!(who.is_empty(), anyone(operation), "{name}: {who}");
        let said = text(operation, "description").replace('`', "");
        assert_eq!(said.ends_with(&format!("Requires: {who}.")), !who.is_empty(), "{name}: {said}");
        found.insert(who);
    }
    for who in ["tokens:write", "hosts:read", "ledger:read", "admin", "a user, or admin", "a host"] {
        assert!(found.contains(who), "{who}: {found:?}");
    }
}

#[test]
fn every_listed_item_has_an_id() {
    let mut lists = 0;
    for (name, operation) in operations() {
        let mut parameters = operation["parameters"].as_array().into_iter().flatten();
        if !parameters.any(|parameter| parameter["name"] == "cursor") {
            continue;
        }
        let page = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let page = schema::referred(page, &DOCUMENT).unwrap();
        let item = schema::parts(&page["properties"]["items"]["items"], &DOCUMENT).unwrap();
        let has_id = |part: &&Value| {
            let required = part["required"].as_array();
            part["properties"].get("id").is_some()
                && required.is_some_and(|required| required.contains(&Value::from("id")))
        };
        assert!(item.iter().any(has_id), "{name}");
        lists += 1;
    }
    assert!(lists >= 6, "{lists} lists");
}

#[test]
fn every_operation_has_name_tag_and_summary() {
    documents().into_iter().for_each(check_names);
}

fn check_names(document: &'static Value) {
    let tags = document["tags"].as_array().unwrap().iter();
    assert!(tags.clone().all(|tag| text(tag, "description").ends_with('.')));
    let tags = tags.map(|tag| text(tag, "name")).collect::<BTreeSet<_>>();
    let (mut ids, mut used) = (BTreeSet::new(), BTreeSet::new());
    for (name, operation) in operations_of(document) {
        let (id, summary) = (text(operation, "operationId"), text(operation, "summary"));
        assert!(!id.is_empty() && ids.insert(id), "{name}: {id}");
        assert!(!text(operation, "description").is_empty(), "{name}");
        assert!(!summary.is_empty() && !summary.ends_with('.') && summary.len() <= 60, "{name}: {summary}");
        let tag = operation["tags"][0].as_str().unwrap();
        assert!(tags.contains(tag), "{name}: {tag}");
        used.insert(tag);
    }
    assert_eq!(used, tags);
}

#[test]
fn every_parameter_and_body_has_a_schema() {
    let mut checked = 0;
    for (name, operation) in operations() {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(!text(parameter, "description").is_empty(), "{name}: {parameter}");
            check(&format!("{name}: {}", parameter["name"]), parameter);
            checked += 1;
        }
        let bodies = operation["requestBody"]["content"].as_object().into_iter().flatten();
        for (media_type, content) in bodies {
            check(&format!("{name}: {media_type}"), content);
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
}

#[test]
fn requests_have_no_unknown_member_and_no_null() {
    let mut bodies = 0;
    for (name, operation) in operations() {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if let Some(reference) = body["$ref"].as_str() {
            let schema = DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap();
            assert_eq!(schema["additionalProperties"], false, "{name}");
            let members = schema["properties"].as_object().into_iter().flatten();
            for (member, schema) in members {
                assert!(!schema.get("default").is_some_and(Value::is_null), "{name}: {member}");
            }
            bodies += 1;
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(!parameter["schema"]["type"].is_array(), "{name}: {parameter}");
        }
    }
    assert!(bodies > 12, "{bodies}");
}

#[test]
fn every_list_in_a_query_is_separated_by_commas() {
    let mut lists = BTreeSet::new();
    for (name, operation) in operations() {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        for parameter in parameters.filter(|parameter| parameter["schema"]["type"] == "array") {
            assert_eq!(
                (&parameter["style"], &parameter["explode"]),
                (&json!("form"), &json!(false)),
                "{name}"
            );
            let items = schema::referred(&parameter["schema"]["items"], &DOCUMENT).unwrap();
            assert!(items.get("enum").or(items.get("pattern")).is_some(), "{name}: {parameter}");
            lists.insert(format!("{name} {}", text(parameter, "name")));
        }
    }
    let known = [
        "GET /api/v1/authorize role",
        "GET /api/v1/enrollment-tokens kind",
        "GET /api/v1/enrollment-tokens state",
        "GET /api/v1/enrollments state",
        "GET /api/v1/hosts state",
    ];
    assert_eq!(lists, known.map(String::from).into());
}

#[test]
fn every_path_parameter_is_described() {
    for (name, operation) in operations() {
        let named =
            name.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect::<BTreeSet<_>>();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let described = parameters.filter(|parameter| text(parameter, "in") == "path");
        assert_eq!(
            described.map(|parameter| text(parameter, "name")).collect::<BTreeSet<_>>(),
            named,
            "{name}"
        );
    }
}

#[test]
fn every_operation_has_a_good_answer() {
    for (name, operation) in operations() {
        let good =
            operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
        let good = good.collect::<Vec<_>>();
        assert!(!good.is_empty(), "{name}");
        for (status, response) in good {
            assert!(text(response, "description").ends_with('.'), "{name} {status}");
            for (media_type, content) in response["content"].as_object().into_iter().flatten() {
                check(&format!("{name} {status} {media_type}"), content);
            }
        }
    }
}
