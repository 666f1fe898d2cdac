//! Every operation is described completely.

use std::collections::BTreeSet;

use gatepass::http::problem::Code;
use serde_json::{Value, json};

use crate::support::described::DOCUMENT;
use crate::support::schema;

/// Every operation with its name.
pub(super) fn operations() -> Vec<(String, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let of_path = |(path, item): (&'static String, &'static Value)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    };
    paths.flat_map(of_path).collect()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
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
fn written(schema: &Value) -> Vec<&Value> {
    schema.get("example").into_iter().chain(schema["examples"].as_array().into_iter().flatten()).collect()
}

#[test]
fn every_example_of_a_schema_or_member_fits_it() {
    let mut examples = 0;
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        let parts = schema::parts(schema, &DOCUMENT).unwrap().into_iter();
        let members =
            parts.filter_map(|part| part["properties"].as_object()).flatten().map(|(_, member)| member);
        for schema in members.chain([schema]) {
            for example in written(schema) {
                let fits = schema::check(schema, example, &DOCUMENT);
                fits.unwrap_or_else(|why| panic!("{name}: {why}"));
                examples += 1;
            }
        }
    }
    assert!(examples > 60, "{examples}");
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
    let tags = DOCUMENT["tags"].as_array().unwrap().iter();
    assert!(tags.clone().all(|tag| text(tag, "description").ends_with('.')));
    let tags = tags.map(|tag| text(tag, "name")).collect::<BTreeSet<_>>();
    let (mut ids, mut used) = (BTreeSet::new(), BTreeSet::new());
    for (name, operation) in operations() {
        let (id, summary) = (text(operation, "operationId"), text(operation, "summary"));
        assert!(!id.is_empty() && ids.insert(id), "{name}: {id}");
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
    let pages = schemas.iter().filter(|(_, schema)| schema["properties"].get("next").is_some());
    let mut found = 0;
    for (name, page) in pages {
        let item = text(&page["properties"]["items"]["items"], "$ref").rsplit('/').next().unwrap();
        assert_eq!(*name, format!("{item}Page"));
        found += 1;
    }
    assert!(found >= 9, "{found}");
}

#[test]
fn every_object_is_whole() {
    each_schema(&DOCUMENT, &mut |schema| assert_eq!(schema.get("allOf"), None, "{schema}"));
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
    let known =
        ["GET /api/v1/authorize role", "GET /api/v1/enrollment-tokens state", "GET /api/v1/hosts state"];
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

#[test]
fn every_error_has_the_one_schema_of_its_dialect() {
    let mut responses = 0;
    for (name, response) in DOCUMENT["components"]["responses"].as_object().unwrap() {
        for (media_type, content) in response["content"].as_object().unwrap() {
            let (expected, schema) = match name.starts_with("oauth_") {
                true => ("application/json", "OAuthError"),
                false => ("application/problem+json", "Problem"),
            };
            assert_eq!(media_type, expected, "{name}");
            // Anything besides the reference is another class in generated clients.
            let reference = format!("#/components/schemas/{schema}");
            assert_eq!(content["schema"], json!({ "$ref": reference }), "{name}");
        }
        responses += 1;
    }
    assert!(responses > 20, "{responses}");
    for (name, operation) in operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let good = status.as_str() < "400" || name == "GET /readyz";
            assert_eq!(response.get("$ref").is_none(), good, "{name} {status}");
        }
    }
}

#[test]
fn the_examples_of_an_error_are_its_codes() {
    for (name, response) in DOCUMENT["components"]["responses"].as_object().unwrap() {
        for content in response["content"].as_object().unwrap().values() {
            let examples = content["examples"].as_object().unwrap();
            let codes = name.split('.').map(|code| code.trim_start_matches("oauth_"));
            assert_eq!(examples.keys().map(String::as_str).collect::<Vec<_>>(), codes.collect::<Vec<_>>());
            for example in examples.values() {
                let value = &schema::referred(example, &DOCUMENT).unwrap()["value"];
                schema::check(&content["schema"], value, &DOCUMENT).unwrap();
            }
        }
    }
}

#[test]
fn every_default_fits_its_schema() {
    let mut defaults = 0;
    each_schema(&DOCUMENT, &mut |schema| {
        if let Some(default) = schema.get("default") {
            let fits = schema::check(schema, default, &DOCUMENT);
            fits.unwrap_or_else(|why| panic!("{schema}: {why}"));
            defaults += 1;
        }
    });
    assert!(defaults > 10, "{defaults}");
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
fn a_required_member_has_no_default() {
    each_schema(&DOCUMENT, &mut |schema| {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert_eq!(schema["properties"][name].get("default"), None, "{name}: {schema}");
        }
    });
}

#[test]
fn every_error_stands_under_its_own_status() {
    for (name, operation) in operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let Some(codes) = response["$ref"].as_str().and_then(|name| name.rsplit('/').next()) else {
                continue;
            };
            for code in codes.split('.').map(|code| code.trim_start_matches("oauth_")) {
                let known = Code::find(code).unwrap();
                assert_eq!(known.status().as_u16().to_string(), *status, "{name}: {code}");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_shape_is_used() {
    let text = DOCUMENT.to_string();
    let references = text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
    let references = references.collect::<BTreeSet<_>>();
    for reference in &references {
        assert!(DOCUMENT.pointer(reference).is_some(), "{reference}");
    }
    for kind in ["schemas", "responses", "examples"] {
        for name in DOCUMENT["components"][kind].as_object().unwrap().keys() {
            assert!(
                references.contains(format!("/components/{kind}/{name}").as_str()),
                "nothing names {kind}/{name}"
            );
        }
    }
}
