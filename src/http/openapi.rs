//! The OpenAPI document (3.1), from the table of routes, the handlers' `#[utoipa::path]` and the shapes of requests and
//! answers.

mod problems;
mod refine;
pub(super) mod schemas;
mod security;
pub(super) mod tags;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::IntoResponses;
use utoipa::openapi::{OpenApi, RefOr, Response};

use super::route::{Docs, Route};

/// A contract with clients: a group of routes in one document.
pub struct Contract {
    /// The title of the document.
    pub title: &'static str,
    /// The rules of all its routes.
    pub description: &'static str,
    /// The schemas of errors.
    pub bodies: fn() -> OpenApi,
    /// Returns true if requests with unknown fields are refused.
    pub refuses_unknown_fields: bool,
}

/// The document of `contract` for the authority at `url`: each of `routes` that has docs.
pub fn document(contract: &Contract, routes: &[Route], url: &str) -> Value {
    let (mut paths, mut schemas) = (Map::new(), schemas_of(&mut json!((contract.bodies)())));
    let mut errors = problems::Shared::default();
    for route in routes {
        let Some(Docs { tag, read }) = route.docs else { continue };
        let mut docs = json!(read());
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = docs.pointer_mut(&format!("/paths/{}/{method}", pointer(route.path)));
        let Some(mut operation) = operation.map(Value::take) else { continue };
        operation["tags"] = json!([tag]);
        problems::describe(&mut operation, route, &mut errors);
        operation["security"] = security::of(route);
        security::describe(&mut operation, route);
        paths.entry(template(route.path)).or_insert_with(|| json!({}))[method] = operation;
        schemas.append(&mut schemas_of(&mut docs));
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": info(contract),
        "servers": [{ "url": url }],
        "tags": tags::all(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": security::schemes(),
            "responses": errors.responses,
            "examples": errors.examples,
            "headers": headers(),
        },
    });
    refine::all(&mut document, contract.refuses_unknown_fields);
    document
}

fn schemas_of(docs: &mut Value) -> Map<String, Value> {
    let schemas = docs.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    schemas.map(std::mem::take).unwrap_or_default()
}

/// 304, for documents that are prepared in advance.
pub(super) struct NotModified;

impl IntoResponses for NotModified {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let response = Response::new("Unchanged: the entity tag equals `If-None-Match`.");
        BTreeMap::from([("304".to_owned(), response.into())])
    }
}

/// The path of a row in OpenAPI, which has no notation for a rest of several segments.
fn template(path: &str) -> String {
    path.replace("{*", "{")
}

/// A key in RFC 6901 notation.
fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn info(contract: &Contract) -> Value {
    json!({
        "title": contract.title,
        "summary": env!("CARGO_PKG_DESCRIPTION"),
        "description": contract.description,
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": "Apache License 2.0", "identifier": env!("CARGO_PKG_LICENSE") },
    })
}

fn headers() -> Value {
    json!({
        "RetryAfter": {
            "description": "Seconds until a retry.",
            "schema": { "type": "integer", "minimum": 1 },
            "example": 10,
        },
    })
}
