//! The errors of an operation: those of its handler, and those of its row. Operations with the same codes for a status
//! share one response. Every response has the one schema of its dialect, so that a generated client has one class for all
//! errors. The examples of a response name its codes.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value, json};

use crate::access::Permission;
use crate::http::problem::dialect::{Dialect, ErrorSchema};
use crate::http::problem::{Code, Problem};
use crate::http::route::Route;

/// The parts of responses that operations share, by name.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) responses: Map<String, Value>,
    /// A body for each code.
    pub(super) examples: Map<String, Value>,
}

/// Adds the errors of `route` to its `operation`. The handler names its own by code instead of a status.
pub(super) fn describe(operation: &mut Value, route: &Route, shared: &mut Shared) {
    let of_row = of_row(route, operation);
    let schema = &route.dialect.schema;
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    let named = responses.keys().filter_map(|name| Code::find(name)).collect::<Vec<_>>();
    responses.retain(|name, _| Code::find(name).is_none());
    let mut by_status = BTreeMap::<u16, BTreeMap<&str, Code>>::new();
    for code in named.into_iter().chain(of_row) {
        by_status.entry(code.status().as_u16()).or_default().insert(code.as_str(), code);
    }
    for (status, codes) in by_status {
        // A handler describes the errors that it answers itself.
        if responses.contains_key(&status.to_string()) {
            continue;
        }
        let name = codes.keys().map(|code| format!("{}{code}", schema.prefix)).collect::<Vec<_>>().join(".");
        responses.insert(status.to_string(), reference("responses", &name));
        for (name, code) in &codes {
            let example = || json!({ "summary": code.title(), "value": body(*code, route.dialect) });
            shared.examples.entry(format!("{}{name}", schema.prefix)).or_insert_with(example);
        }
        let response = || response(status, &codes, route.dialect, schema);
        shared.responses.entry(name).or_insert_with(response);
    }
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// Errors of signing in.
const USER: [Code; 5] =
    [Code::Unauthenticated, Code::Forbidden, Code::ApiKeySuspended, Code::TooManyRequests, Code::RateLimited];

/// Errors of a host's certificate.
const HOST: [Code; 5] = [
    Code::Unauthenticated,
    Code::HostRevoked,
    Code::HostUnknown,
    Code::HostQuarantined,
    Code::CertificateRevoked,
];

/// Errors before the handler.
fn of_row(route: &Route, operation: &Value) -> Vec<Code> {
    let mut codes = Vec::new();
    let parameters = operation["parameters"].as_array();
    // Any region is accepted.
    let parameters = parameters.into_iter().flatten().filter(|parameter| parameter["name"] != "region");
    let has = |place: &str| parameters.clone().any(|parameter| parameter["in"] == place);
    if has("query") {
        codes.push(Code::InvalidRequest);
    }
    // Forward authentication takes any path of the guarded service.
    if has("path") && !route.takes_any_method() {
        codes.extend([Code::InvalidRequest, Code::NotFound]);
    }
    if operation.get("requestBody").is_some() {
        codes.extend([Code::InvalidRequest, Code::BodyTimeout, Code::BodyTooLarge, Code::Overloaded]);
        codes.extend((route.dialect.accepts)("").err().map(|problem| problem.code));
    }
    let changes = route.method != Method::GET;
    match route.permission {
        Permission::Anyone => return codes,
        Permission::Redeem => codes.extend([Code::Unauthenticated, Code::InvalidToken]),
        Permission::SignIn => {
            codes.extend([Code::Unauthenticated, Code::Csrf, Code::TooManyRequests, Code::RateLimited])
        }
        Permission::BeHost => codes.extend(HOST.into_iter().chain([Code::CertificateSuperseded])),
        Permission::HostOrKey => {
            codes.extend(HOST.into_iter().chain([Code::CertificateSuperseded, Code::CredentialNotAllowed]));
            // Only refused opaque keys count.
            codes.push(Code::RateLimited);
        }
        Permission::Renew => codes.extend(HOST.into_iter().chain([Code::LineageConflict])),
        Permission::Introspect => {
            codes.extend(USER.into_iter().chain(HOST).chain([Code::CertificateSuperseded]));
        }
        // Every other permission is one of accounts.
        _ => {
            codes.extend(USER);
            // The transaction of a change checks the caller's rights again.
            codes.push(if changes { Code::RightsChanged } else { Code::Overloaded });
        }
    }
    let takes_no_cookie = matches!(
        route.permission,
        Permission::Redeem | Permission::BeHost | Permission::HostOrKey | Permission::Renew
    );
    if changes && !takes_no_cookie {
        codes.push(Code::Csrf);
    }
    codes.extend(changes.then_some(Code::Contended));
    codes.extend([Code::InternalError, Code::StoreUnavailable]);
    codes
}

/// One status, with its codes.
fn response(status: u16, codes: &BTreeMap<&str, Code>, dialect: &Dialect, schema: &ErrorSchema) -> Value {
    let advice = codes.values().map(|code| {
        let body = body(*code, dialect);
        format!("`{}`: {}", body.pointer(schema.code).and_then(Value::as_str).unwrap_or(""), code.advice())
    });
    let description = advice.collect::<Vec<_>>().join("; ");
    let example =
        |name: &&str| ((*name).to_owned(), reference("examples", &format!("{}{name}", schema.prefix)));
    let examples = codes.keys().map(example).collect::<Map<_, _>>();
    let content = json!({ "schema": reference("schemas", schema.name), "examples": examples });
    let mut response = json!({ "description": description, "content": { dialect.media_type: content } });
    if matches!(status, 429 | 503) {
        response["headers"] = json!({ "Retry-After": reference("headers", "RetryAfter") });
    }
    response
}

fn body(code: Code, dialect: &Dialect) -> Value {
    Problem::of(code, code.advice()).body(dialect)
}
