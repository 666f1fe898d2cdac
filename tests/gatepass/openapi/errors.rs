//! Errors in the document: one schema, and the codes of each response.

use gatepass::http::problem::Code;
use serde_json::{Value, json};

use super::complete::{operations, text};
use crate::support::described::{DOCUMENT, documents};
use crate::support::schema;

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

/// The code of a body in any dialect.
fn code(body: &Value) -> &str {
    let places = ["/code", "/error", "/errors/0/code"];
    places.iter().find_map(|place| body.pointer(place)?.as_str()).unwrap()
}

#[test]
fn the_text_of_an_error_names_codes_as_answered() {
    for document in documents() {
        for (name, response) in document["components"]["responses"].as_object().unwrap() {
            for content in response["content"].as_object().unwrap().values() {
                for example in content["examples"].as_object().unwrap().values() {
                    let code = code(&schema::referred(example, document).unwrap()["value"]);
                    let text = text(response, "description");
                    assert!(text.contains(&format!("`{code}`: ")), "{name}: {text}");
                }
            }
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
