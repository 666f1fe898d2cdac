//! The errors of an operation: those that its handler names, and those that its row brings with it. Operations that can
//! give the same codes under a status share one response.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Map, Value, json};

use crate::access::Permission;
use crate::http::problem::code::{ALL, Code};
use crate::http::problem::{Dialect, in_oauth, title};
use crate::http::route::Route;

/// Puts the errors of `route` into its `operation`, whose handler named its own by their codes in the place of a status. What
/// operations share goes to `shared`.
pub(super) fn say(operation: &mut Value, route: &Route, shared: &mut Map<String, Value>) {
    let takes_body = operation.get("requestBody").is_some();
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    let named = responses.keys().filter_map(|name| Code::find(name)).collect::<Vec<_>>();
    responses.retain(|name, _| Code::find(name).is_none());
    let brought = of_row(route, takes_body).into_iter().filter_map(Code::find);
    let mut by_status = BTreeMap::<u16, BTreeSet<&str>>::new();
    for code in named.into_iter().chain(brought) {
        by_status.entry(code.status).or_default().insert(code.name);
    }
    for (status, codes) in by_status {
        let name = codes.iter().map(|code| key(code, route.dialect)).collect::<Vec<_>>().join(".");
        responses.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
        shared.entry(name).or_insert_with(|| response(status, &codes, route.dialect));
    }
}

/// What signing in meets.
const USER: [&str; 4] = ["unauthenticated", "forbidden", "too_many_requests", "rate_limited"];

/// What a host's certificate meets.
const HOST: [&str; 4] = ["unauthenticated", "host_revoked", "certificate_revoked", "lineage_conflict"];

/// What anyone meets on the way to a handler.
fn of_row(route: &Route, takes_body: bool) -> Vec<&'static str> {
    let mut codes = Vec::new();
    if takes_body {
        codes.extend(["invalid_request", "body_timeout", "body_too_large"]);
        if route.dialect == Dialect::Native {
            codes.push("unsupported_media_type");
        }
    }
    match route.permission {
        Permission::Anyone => return codes,
        Permission::Redeem => codes.extend(["unauthenticated", "invalid_token"]),
        Permission::SignIn => codes.extend(["unauthenticated", "csrf", "too_many_requests", "rate_limited"]),
        Permission::BeHost => codes.extend(HOST),
        Permission::Introspect => codes.extend(USER.into_iter().chain(HOST)),
        Permission::ReadTokens
        | Permission::WriteTokens
        | Permission::ReadHosts
        | Permission::WriteHosts
        | Permission::ReadPolicies
        | Permission::WritePolicies
        | Permission::ReadLedger
        | Permission::Read
        | Permission::Administer
        | Permission::BeUser
        | Permission::KeepKeys => codes.extend(USER),
    }
    if !matches!(route.permission, Permission::Redeem | Permission::BeHost) && route.method != Method::GET {
        codes.push("csrf");
    }
    if writes_for_a_user(route) {
        codes.push("rights_changed");
    }
    codes.extend(["internal_error", "store_unavailable"]);
    codes
}

/// Whether what it writes is written only if the rights of a user or an API key are still those that it was judged upon.
fn writes_for_a_user(route: &Route) -> bool {
    let by_others = [
        Permission::Anyone,
        Permission::SignIn,
        Permission::Redeem,
        Permission::BeHost,
        Permission::Introspect,
    ];
    route.method != Method::GET && !by_others.contains(&route.permission)
}

/// One status, with its codes as examples.
fn response(status: u16, codes: &BTreeSet<&str>, dialect: Dialect) -> Value {
    let advice = |code: &&str| Code::find(code).map(|found| format!("`{code}`: {}", found.advice));
    let description = codes.iter().filter_map(advice).collect::<Vec<_>>().join("; ");
    let (media_type, schema, member) = match dialect {
        Dialect::Native => ("application/problem+json", "Problem", "code"),
        Dialect::OAuth => ("application/json", "OAuthError", "error"),
        Dialect::Ece => ("application/json", "EceErrors", "code"),
    };
    let spelt = codes.iter().map(|code| spelling(status, code, dialect)).collect::<BTreeSet<_>>();
    let one_of = json!({ "properties": { member: { "enum": spelt } } });
    let reference = json!({ "$ref": format!("#/components/schemas/{schema}") });
    let example = |code: &&str| {
        ((*code).to_owned(), json!({ "$ref": format!("#/components/examples/{}", key(code, dialect)) }))
    };
    let examples = codes.iter().map(example).collect::<Map<_, _>>();
    let content = json!({ media_type: { "schema": { "allOf": [reference, one_of] }, "examples": examples } });
    let mut response = json!({ "description": description, "content": content });
    if matches!(status, 429 | 503) {
        response["headers"] = json!({ "Retry-After": { "$ref": "#/components/headers/RetryAfter" } });
    }
    response
}

fn spelling(status: u16, code: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::OAuth => in_oauth(status, code).to_owned(),
        Dialect::Native | Dialect::Ece => code.to_owned(),
    }
}

/// The name of an example: OAuth's words have examples of their own.
fn key(code: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::OAuth => format!("oauth_{code}"),
        Dialect::Native | Dialect::Ece => code.to_owned(),
    }
}

/// The examples that the responses of `shared` name.
pub(super) fn examples(shared: &Map<String, Value>) -> Value {
    let dialects = [Dialect::Native, Dialect::OAuth];
    let all =
        ALL.iter().flat_map(|code| dialects.map(|dialect| (key(code.name, dialect), example(code, dialect))));
    let named = |name: &str| shared.keys().any(|codes| codes.split('.').any(|code| code == name));
    Value::Object(all.filter(|(name, _)| named(name)).collect())
}

fn example(code: &Code, dialect: Dialect) -> Value {
    let Code { status, name, advice } = code;
    let value = match dialect {
        Dialect::Native | Dialect::Ece => json!({
            "type": format!("urn:gatepass:problem:{name}"), "title": title(name), "status": status,
            "detail": advice, "code": name,
        }),
        Dialect::OAuth => json!({ "error": in_oauth(*status, name), "error_description": advice }),
    };
    json!({ "summary": advice, "value": value })
}
