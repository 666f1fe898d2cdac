//! The native API: a file per action. Each handler decodes, calls one use case and renders.

mod api_keys;
mod authorize;
mod bootstrap;
mod ca;
mod clock;
mod described;
mod hosts;
mod issuers;
mod keys;
mod ledger;
mod oauth;
mod openapi;
mod operation;
mod paging;
mod published;
mod renewal;
mod roles;
mod service_tokens;
mod session;
mod settings;
mod shapes;
mod status;
mod together;
mod tokens;
mod users;
mod verify;

use http::Method;

pub use self::openapi::document;
use super::route::Route;
use crate::access::Permission as P;

macro_rules! rows {
    ($($row:expr => $handler:expr;)*) => {
        vec![$({
            let (method, path, permission) = $row;
            Route::native(method, path, permission, $handler)
        }),*]
    };
}

const fn get(path: &'static str, permission: P) -> (Method, &'static str, P) {
    (Method::GET, path, permission)
}

const fn post(path: &'static str, permission: P) -> (Method, &'static str, P) {
    (Method::POST, path, permission)
}

/// The native rows of the table.
pub fn routes(public_metrics: bool) -> Vec<Route> {
    let metrics = if public_metrics { P::Anyone } else { P::Read };
    let tokens = "/api/v1/enrollment-tokens";
    let token = "/api/v1/enrollment-tokens/{id}";
    let service_tokens = "/api/v1/service-tokens";
    let service_token = "/api/v1/service-tokens/{id}";
    let host = "/api/v1/hosts/{id}";
    let mut routes = rows! {
        post(tokens, P::WriteTokens) => tokens::create::handle;
        get(tokens, P::ReadTokens) => tokens::list::handle;
        post("/api/v1/enrollment-tokens/revoke", P::WriteTokens) => together::tokens;
        post("/api/v1/enrollment-tokens/{id}/rotate", P::WriteTokens) => tokens::rotate::handle;
        get(token, P::ReadTokens) => tokens::show::handle;
        (Method::DELETE, token, P::WriteTokens) => tokens::revoke::handle;
        post(service_tokens, P::WriteTokens) => service_tokens::create::handle;
        get(service_tokens, P::ReadTokens) => service_tokens::list::handle;
        get(service_token, P::ReadTokens) => service_tokens::show::handle;
        (Method::DELETE, service_token, P::WriteTokens) => service_tokens::revoke::handle;
        post("/api/v1/bootstrap", P::Redeem) => bootstrap::handle;
        post("/api/v1/renew", P::BeHost) => renewal::renew;
        get("/api/v1/whoami", P::BeHost) => renewal::whoami;
        post("/api/v1/leave", P::BeHost) => renewal::leave;
        get("/api/v1/hosts", P::ReadHosts) => hosts::list;
        post("/api/v1/hosts/revoke", P::WriteHosts) => together::hosts;
        get(host, P::ReadHosts) => hosts::show;
        (Method::PATCH, host, P::WriteHosts) => hosts::change;
        (Method::DELETE, host, P::WriteHosts) => hosts::revoke;
        get("/api/v1/roles", P::Read) => roles::list;
        get("/api/v1/signing-keys", P::Read) => keys::list;
        post("/api/v1/signing-keys/rotate", P::Administer) => keys::rotate;
        post("/api/v1/signing-keys/{kid}/retire", P::Administer) => keys::retire;
        get("/api/v1/ca", P::Read) => ca::show;
        post("/api/v1/ca/rotate", P::Administer) => ca::rotate;
        get("/api/v1/issuers", P::Read) => issuers::list;
        post("/api/v1/issuers/retire", P::Administer) => issuers::retire;
        get("/api/v1/clock", P::Read) => clock::show;
        post("/api/v1/clock/accept", P::Administer) => clock::accept;
        get("/api/v1/ledger", P::ReadLedger) => ledger::list;
        get("/api/v1/ledger/verification", P::ReadLedger) => ledger::verify;
        get("/readyz", P::Anyone) => operation::readyz;
        get("/metrics", metrics) => operation::metrics;
    };
    routes.push(Route::direct("/livez", operation::livez));
    routes.push(openapi::route(public_metrics));
    let verify = Route::native(Method::POST, "/api/v1/verify", P::Introspect, verify::handle);
    routes.push(verify.body_limit(verify::BODY_LIMIT));
    routes.extend(accounts());
    routes.extend(authorize::routes());
    routes.extend(oauth::routes());
    routes.extend(published::routes());
    routes.extend(status::routes());
    routes.extend(settings::routes());
    routes
}

/// Users, their sessions and API keys.
fn accounts() -> Vec<Route> {
    let (users, user) = ("/api/v1/users", "/api/v1/users/{name}");
    let (api_keys, api_key) = ("/api/v1/api-keys", "/api/v1/api-keys/{id}");
    rows! {
        post("/api/v1/session", P::SignIn) => session::create;
        get("/api/v1/session", P::Read) => session::show;
        (Method::DELETE, "/api/v1/session", P::BeUser) => session::delete;
        post(users, P::Administer) => users::create;
        get(users, P::Administer) => users::list;
        get(user, P::Administer) => users::show;
        (Method::PATCH, user, P::Administer) => users::change;
        (Method::DELETE, user, P::Administer) => users::delete;
        (Method::PUT, "/api/v1/users/{name}/password", P::Administer) => users::reset_password;
        post("/api/v1/users/{name}/sign-out", P::Administer) => users::sign_out;
        post("/api/v1/password", P::BeUser) => users::change_password;
        post(api_keys, P::KeepKeys) => api_keys::create;
        get(api_keys, P::KeepKeys) => api_keys::list;
        get(api_key, P::KeepKeys) => api_keys::show;
        (Method::DELETE, api_key, P::KeepKeys) => api_keys::delete;
    }
}
