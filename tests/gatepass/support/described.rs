//! The OpenAPI documents as a judge: every answer that a test's client gets must be one that its document describes.

use std::sync::LazyLock;

use gatepass::http::table::{Match, Table};
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::schema;

/// The document of every authority of this version.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| gatepass::server::openapi("/"));

/// The document of Elastic Cloud Enterprise's routes.
pub(crate) static ECE: LazyLock<Value> = LazyLock::new(|| gatepass::server::openapi_ece("/"));

/// The document of Elastic Fleet's routes.
pub(crate) static FLEET: LazyLock<Value> = LazyLock::new(|| gatepass::server::openapi_fleet("/"));

/// Every document.
pub(crate) fn documents() -> [&'static Value; 3] {
    [&DOCUMENT, &ECE, &FLEET]
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(true).unwrap());

/// The statuses that any route may have: for a refused body, or for a fault.
const ANYWHERE: [u16; 4] = [408, 413, 415, 500];

/// The operation that answers this request.
pub(crate) fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    described(method, path).map(|(_, operation)| operation)
}

/// The operation with its document.
fn described(method: &Method, path: &str) -> Option<(&'static Value, &'static Value)> {
    let path = path.split('?').next().unwrap_or(path);
    let Match::Route(route, _) = TABLE.find(method, path) else { return None };
    let document: &Value = match route.dialect.name {
        "ece" => &ECE,
        "fleet" => &FLEET,
        _ => &DOCUMENT,
    };
    let item = document["paths"].get(route.path.replace("{*", "{"))?;
    Some((document, item.get(route.method.as_str().to_lowercase())?))
}

/// The fault of an answer by the description of its operation.
pub(crate) fn judge(
    method: &Method,
    path: &str,
    status: u16,
    headers: &HeaderMap,
    body: &Value,
) -> Result<(), String> {
    let Some((document, operation)) = described(method, path) else { return Ok(()) };
    let Some(response) = operation["responses"].get(status.to_string()) else {
        return if ANYWHERE.contains(&status) {
            Ok(())
        } else {
            Err(format!("the status {status} is not described"))
        };
    };
    let response = schema::referred(response, document)?;
    let media_type = headers.get("content-type").and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|text| text.split(';').next()).unwrap_or("");
    // An answer to HEAD has no body to look at, and a compressed one is not looked into.
    if media_type.is_empty() || method == Method::HEAD || headers.contains_key("content-encoding") {
        return Ok(());
    }
    let content = &response["content"][media_type];
    if content.is_null() {
        return Err(format!("{status} with {media_type:?} is not described"));
    }
    if !media_type.ends_with("json") {
        return Ok(());
    }
    raised(content, body, document)?;
    schema::check(&content["schema"], body, document)
}

/// An error has one of the codes in the examples of its response.
fn raised(content: &Value, body: &Value, document: &Value) -> Result<(), String> {
    let Some(examples) = content["examples"].as_object() else { return Ok(()) };
    let mut known = examples.values().map(|example| {
        let example = schema::referred(example, document)?;
        Ok::<_, String>(code(&example["value"]))
    });
    match known.any(|known| known == Ok(code(body))) {
        true => Ok(()),
        false => Err(format!("the code {} is not described", code(body))),
    }
}

/// The code of an error in any dialect.
fn code(body: &Value) -> &Value {
    let places = ["/code", "/error", "/errors/0/code"];
    places.iter().find_map(|place| body.pointer(place)).unwrap_or(&Value::Null)
}

#[test]
fn an_answer_that_is_not_described_is_found() {
    let said = |status, body: Value| {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        judge(&Method::GET, "/api/v1/signing-keys?x=y", status, &headers, &body)
    };
    assert_eq!(said(200, json!({ "items": [], "next": null })), Ok(()));
    assert!(said(200, json!({ "items": [] })).unwrap_err().contains("next"));
    assert!(said(200, json!({ "items": [], "next": null, "more": 1 })).unwrap_err().contains("more"));
    assert!(said(200, json!({ "items": [{}], "next": null })).unwrap_err().contains("/items/0"));
    assert!(said(201, json!({})).unwrap_err().contains("201"));
    assert!(said(401, json!({})).unwrap_err().contains("application/json"));
}

#[test]
fn a_code_outside_the_examples_is_found() {
    let said = |code: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/problem+json".parse().unwrap());
        let kind = format!("urn:gatepass:problem:{code}");
        let body = json!({ "type": kind, "title": "", "status": 404, "detail": "", "code": code });
        let path = "/api/v1/hosts/0198c0de-9b41-7d20-9c55-6e7f80912a3b";
        judge(&Method::GET, path, 404, &headers, &body)
    };
    assert_eq!(said("not_found"), Ok(()));
    assert!(said("name_taken").unwrap_err().contains("name_taken"));
}
