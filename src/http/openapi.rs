//! The OpenAPI document (3.1): made from the table of routes, from what each handler says of itself (`#[utoipa::path]`), and
//! from the shapes that requests and answers are read and written with.

mod examples;
mod problems;
mod refine;
pub(super) mod schemas;
mod security;
pub(super) mod tags;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::IntoResponses;
use utoipa::openapi::{OpenApi, RefOr, Response};

use super::route::Route;

/// What every API client of the authority at `url` can know: `said` by the handlers, ordered and completed by `routes`.
/// Routes of other systems' contracts are not in it, and what is said of no route is left out.
pub fn document(routes: &[Route], said: &OpenApi, url: &str) -> Value {
    let mut said = json!(said);
    let (mut paths, mut errors) = (Map::new(), Map::new());
    for route in routes.iter().filter(|route| route.dialect.schema.is_some()) {
        let (path, method) = (template(route.path), route.method.as_str().to_ascii_lowercase());
        let operation = said.pointer_mut(&format!("/paths/{}/{method}", pointer(&path)));
        if let Some(mut operation) = operation.map(Value::take) {
            problems::say(&mut operation, route, &mut errors);
            operation["security"] = security::of(route);
            security::say(&mut operation, route);
            paths.entry(path).or_insert_with(|| json!({}))[method] = operation;
        }
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": info(),
        "servers": [{ "url": url }],
        "tags": tags::all(),
        "paths": paths,
        "components": {
            "schemas": said.pointer("/components/schemas"),
            "securitySchemes": security::schemes(),
            "examples": problems::examples(routes, &errors),
            "responses": errors,
            "headers": headers(),
        },
    });
    refine::all(&mut document);
    examples::fill(&mut document);
    document
}

/// 304, as documents that are made ahead are answered.
pub(super) struct NotModified;

impl IntoResponses for NotModified {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let response = Response::new("It is the one that `If-None-Match` names.");
        BTreeMap::from([("304".to_owned(), response.into())])
    }
}

/// The path of a row as OpenAPI writes it, which has no word for a rest of several segments.
fn template(path: &str) -> String {
    path.replace("{*", "{")
}

/// A key as RFC 6901 writes it.
fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn info() -> Value {
    json!({
        "title": "gatepass",
        "summary": env!("CARGO_PKG_DESCRIPTION"),
        "description": "HTTPS only. Bodies are JSON; times are RFC 3339 in UTC, spans are `90s`, `15m`, `36h`, `30d`, ids are \
            UUIDs ordered by time. HEAD works wherever GET does. Every answer has `x-request-id`, which the ledger and the \
            log name too. Errors are problems (RFC 9457): match `code`. Unknown fields and parameters are refused.",
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": "Apache License 2.0", "identifier": env!("CARGO_PKG_LICENSE") },
    })
}

fn headers() -> Value {
    json!({
        "RetryAfter": {
            "description": "In how many seconds to try again.",
            "schema": { "type": "integer", "minimum": 1 },
            "example": 10,
        },
    })
}
