//! What OAuth clients and resource servers know how to ask (RFC 7662, RFC 7009, RFC 8414).

pub(super) mod dialect;
pub(super) mod introspect;
pub(super) mod metadata;
pub(super) mod revoke;

use http::Method;

use self::dialect::OAUTH;
use crate::access::Permission;
use crate::http::route::Route;

/// Where a token's meaning is asked for.
const INTROSPECT: &str = "/oauth2/introspect";
/// Where a token is taken back by who holds it.
const REVOKE: &str = "/oauth2/revoke";

/// The rows.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::of(&OAUTH, Method::POST, INTROSPECT, Permission::Introspect, introspect::handle),
        Route::of(&OAUTH, Method::POST, REVOKE, Permission::WriteTokens, revoke::handle),
        Route::direct("/.well-known/oauth-authorization-server", |inquiry| Ok(metadata::serve(inquiry))),
    ]
}
