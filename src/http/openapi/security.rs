//! Credentials in the document, and those that each permission accepts.

use http::Method;
use serde_json::{Value, json};

use crate::access::Permission;
use crate::http::route::Route;

/// Every kind of credential, by name.
pub(super) fn schemes() -> Value {
    let bearer = |format: &str, description: &str| json!({ "type": "http", "scheme": "bearer", "bearerFormat": format, "description": description });
    let key = |place: &str, name: &str, description: &str| json!({ "type": "apiKey", "in": place, "name": name, "description": description });
    json!({
        "password": { "type": "http", "scheme": "basic", "description": "A user's name and password (RFC 7617)." },
        "session": bearer("gps_…", "A session, from `POST /api/v1/session`."),
        "api_key": key("header", "Authorization", "An API key, as `ApiKey gpk_…`."),
        "api_key_as_bearer": bearer("gpk_…", "An API key."),
        "cookie": key("cookie", "__Host-gatepass", "A session of a browser."),
        "csrf": key("header", "X-CSRF-Token", "The CSRF token of a browser's session, required for changes."),
        "local": bearer("gpl_…", "The local credential, for users who may read the keys directory of a running server."),
        "host_certificate": { "type": "mutualTLS", "description": "A host's certificate, from redeeming or renewing." },
        "opaque_key": key("header", "Authorization", "The opaque key of a host, as `ApiKey gph_…`. It is accepted at four routes only."),
        "opaque_key_as_bearer": bearer("gph_…", "The opaque key of a host."),
        "enrollment_token": bearer("JWT", "An enrollment token. It is accepted at `POST /api/v1/bootstrap` only."),
        "token_api_key": key("header", "Authorization", "The `api_key` of an enrollment token, as `ApiKey MDE…`. It is accepted at `POST /api/v1/bootstrap` only."),
        "service_token": bearer("JWT", "A service token. It is accepted by its audience, and at no other route here."),
    })
}

/// Credentials of users, for reading or for `changing`.
fn users(changing: bool) -> Vec<Value> {
    let cookie = if changing { json!({ "cookie": [], "csrf": [] }) } else { only("cookie") };
    vec![only("password"), only("session"), cookie]
}

/// Credentials of programs.
fn programs() -> [Value; 3] {
    ["api_key", "api_key_as_bearer", "local"].map(only)
}

fn only(scheme: &str) -> Value {
    json!({ scheme: [] })
}

/// The caller that `route` requires: a scope, which roles have too, or a kind of caller. `None`: anyone.
fn required(route: &Route) -> Option<String> {
    let caller = match route.permission {
        Permission::Anyone => return None,
        Permission::Read => "any signed-in caller",
        Permission::Redeem => "an enrollment token",
        Permission::BeHost | Permission::Renew => "a host",
        Permission::HostOrKey => "a host, or its opaque key",
        Permission::BeUser => "a user",
        Permission::KeepKeys => "a user, or `admin`",
        Permission::SignIn => "name and password",
        Permission::Introspect => "`tokens:read`, or a host",
        scoped => return scoped.scope().map(|scope| format!("`{scope}`")),
    };
    Some(caller.to_owned())
}

/// Adds the required caller to `operation`, for people and, as `x-gatepass-permission`, for programs.
pub(super) fn describe(operation: &mut Value, route: &Route) {
    let Some(who) = required(route) else { return };
    let before = operation["description"].as_str().map(|text| format!("{text}\n\n")).unwrap_or_default();
    operation["description"] = json!(format!("{before}Requires: {who}."));
    operation["x-gatepass-permission"] = json!(who.replace('`', ""));
}

/// The alternative credentials of `route`; an empty one means that none is needed.
pub(super) fn of(route: &Route) -> Value {
    let changing = route.method != Method::GET;
    let taken = match route.permission {
        // The handler verifies the credentials of the guarded request.
        Permission::Anyone if route.takes_any_method() => {
            ["service_token", "host_certificate"].map(only).to_vec()
        }
        Permission::Anyone => vec![json!({})],
        // The token, or name and password, may be in the body too.
        Permission::Redeem => vec![only("enrollment_token"), only("token_api_key"), json!({})],
        Permission::SignIn => vec![only("password"), json!({})],
        Permission::BeHost | Permission::Renew => vec![only("host_certificate")],
        Permission::HostOrKey => {
            ["host_certificate", "opaque_key", "opaque_key_as_bearer"].map(only).to_vec()
        }
        Permission::BeUser => users(changing),
        Permission::Introspect => {
            users(changing).into_iter().chain(programs()).chain([only("host_certificate")]).collect()
        }
        // Every other permission is one of accounts.
        _ => users(changing).into_iter().chain(programs()).collect(),
    };
    let no_cookies = |scheme: &Value| route.dialect.cookies || scheme.get("cookie").is_none();
    Value::Array(taken.into_iter().filter(no_cookies).collect())
}
