//! The OpenAPI document as a judge: every answer that a test's client gets must be one that the document describes.

use std::sync::LazyLock;

use gatepass::http::table::{Match, Table};
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::schema;

/// The document of every authority of this version.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| gatepass::server::openapi("/"));

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(true).unwrap());

/// The statuses that any route may have: for a refused body, or for a fault.
const ANYWHERE: [u16; 4] = [408, 413, 415, 500];

/// The operation that answers this request, if it is one of the native API's.
pub(crate) fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or(path);
    match TABLE.find(method, path) {
        Match::Route(route, _) if route.dialect.schema.is_some() => {
            let template = route.path.replace("{*", "{");
            DOCUMENT["paths"].get(&template)?.get(route.method.as_str().to_lowercase())
        }
        _ => None,
    }
}

/// The fault of an answer by the description of its operation.
pub(crate) fn judge(
    method: &Method,
    path: &str,
    status: u16,
    headers: &HeaderMap,
    body: &Value,
) -> Result<(), String> {
    let Some(operation) = operation(method, path) else { return Ok(()) };
    let response = resolved(&operation["responses"][status.to_string()]);
    if response.is_null() {
        return if ANYWHERE.contains(&status) {
            Ok(())
        } else {
            Err(format!("the status {status} is not described"))
        };
    }
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
    raised(content, body)?;
    schema::check(&content["schema"], body, &DOCUMENT)
}

/// An error has one of the codes in the examples of its response.
fn raised(content: &Value, body: &Value) -> Result<(), String> {
    let mut known = content["examples"].as_object().into_iter().flatten().map(|(_, example)| {
        let example = schema::referred(example, &DOCUMENT).unwrap();
        ["code", "error"].map(|member| &example["value"][member])
    });
    let code = ["code", "error"].map(|member| &body[member]);
    match content.get("examples").is_none() || known.any(|known| known == code) {
        true => Ok(()),
        false => Err(format!("the code {code:?} is not described")),
    }
}

/// A response, or the response it refers to.
fn resolved(response: &'static Value) -> &'static Value {
    response["$ref"]
        .as_str()
        .and_then(|name| DOCUMENT.pointer(name.trim_start_matches('#')))
        .unwrap_or(response)
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
