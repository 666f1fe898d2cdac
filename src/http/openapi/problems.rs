//! The errors of an operation: those of its handler, and those of its row. Operations with the same codes for a status
//! share one response.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Map, Value, json};

use crate::access::Permission;
use crate::http::problem::dialect::{Dialect, ErrorSchema};
use crate::http::problem::{Code, Problem};
use crate::http::route::Route;

/// Adds the errors of `route` to its `operation`. The handler names its own by code instead of a status. Shared responses go
/// to `shared`.
pub(super) fn describe(operation: &mut Value, route: &Route, shared: &mut Map<String, Value>) {
    let of_row = of_row(route, operation);
    let Some(schema) = &route.dialect.schema else { return };
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    let named = responses.keys().filter_map(|name| Code::find(name)).collect::<Vec<_>>();
    responses.retain(|name, _| Code::find(name).is_none());
    let mut by_status = BTreeMap::<u16, BTreeMap<&str, Code>>::new();
    for code in named.into_iter().chain(of_row) {
        by_status.entry(code.status().as_u16()).or_default().insert(code.as_str(), code);
    }
    for (status, codes) in by_status {
        let name = codes.keys().map(|code| format!("{}{code}", schema.prefix)).collect::<Vec<_>>().join(".");
        responses.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
        let codes = codes.into_values().collect::<Vec<_>>();
        shared.entry(name).or_insert_with(|| response(status, &codes, route.dialect, schema));
    }
}

/// Errors of signing in.
const USER: [Code; 4] = [Code::Unauthenticated, Code::Forbidden, Code::TooManyRequests, Code::RateLimited];

/// Errors of a host's certificate.
const HOST: [Code; 4] =
    [Code::Unauthenticated, Code::HostRevoked, Code::CertificateRevoked, Code::LineageConflict];

/// Errors before the handler.
fn of_row(route: &Route, operation: &Value) -> Vec<Code> {
    let mut codes = Vec::new();
    let parameters = operation["parameters"].as_array();
    let has = |place: &str| parameters.into_iter().flatten().any(|parameter| parameter["in"] == place);
    if has("query") {
        codes.push(Code::InvalidRequest);
    }
    // Forward authentication takes any path of the guarded service.
    if has("path") && !route.takes_any_method() {
        codes.push(Code::NotFound);
    }
    if operation.get("requestBody").is_some() {
        codes.extend([Code::InvalidRequest, Code::BodyTimeout, Code::BodyTooLarge]);
        codes.extend((route.dialect.accepts)("").err().map(|problem| problem.code));
    }
    let changes = route.method != Method::GET;
    match route.permission {
        Permission::Anyone => return codes,
        Permission::Redeem => codes.extend([Code::Unauthenticated, Code::InvalidToken]),
        Permission::SignIn => {
            codes.extend([Code::Unauthenticated, Code::Csrf, Code::TooManyRequests, Code::RateLimited])
        }
        Permission::BeHost => codes.extend(HOST),
        Permission::Introspect => codes.extend(USER.into_iter().chain(HOST)),
        // Every other permission is one of accounts.
        _ => {
            codes.extend(USER);
            // The transaction of a change checks the caller's rights again.
            codes.extend(changes.then_some(Code::RightsChanged));
        }
    }
    if changes && !matches!(route.permission, Permission::Redeem | Permission::BeHost) {
        codes.push(Code::Csrf);
    }
    codes.extend(changes.then_some(Code::Contended));
    codes.extend([Code::InternalError, Code::StoreUnavailable]);
    codes
}

/// One status, with its codes.
fn response(status: u16, codes: &[Code], dialect: &Dialect, schema: &ErrorSchema) -> Value {
    let advice = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.advice()));
    let description = advice.collect::<Vec<_>>().join("; ");
    let spelt =
        codes.iter().map(|code| body(*code, dialect)[schema.code].to_string()).collect::<BTreeSet<_>>();
    let spelt = spelt.iter().map(|code| code.trim_matches('"')).collect::<Vec<_>>();
    let one_of = json!({ "properties": { schema.code: { "enum": spelt } } });
    let reference = json!({ "$ref": format!("#/components/schemas/{}", schema.name) });
    let content = json!({ "schema": { "allOf": [reference, one_of] } });
    let mut response = json!({ "description": description, "content": { dialect.media_type: content } });
    if matches!(status, 429 | 503) {
        response["headers"] = json!({ "Retry-After": { "$ref": "#/components/headers/RetryAfter" } });
    }
    response
}

fn body(code: Code, dialect: &Dialect) -> Value {
    (dialect.body)(&Problem::of(code, code.advice()))
}
