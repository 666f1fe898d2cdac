//! Endpoints for OAuth clients and resource servers (RFC 7662, RFC 7009, RFC 8414).

pub(super) mod dialect;
pub(super) mod introspect;
pub(super) mod metadata;
pub(super) mod revoke;

use self::dialect::OAUTH;
use crate::access::Permission;
use crate::http::api::described::described;
use crate::http::route::Route;

/// Path of the introspection endpoint.
const INTROSPECT: &str = "/oauth2/introspect";
/// Path of the revocation endpoint.
const REVOKE: &str = "/oauth2/revoke";

/// The rows.
pub(super) fn routes() -> Vec<Route> {
    vec![
        described!(introspect::handle).of_dialect(&OAUTH, Permission::Introspect, introspect::handle),
        described!(revoke::handle).of_dialect(&OAUTH, Permission::WriteTokens, revoke::handle),
        described!(metadata::serve).direct(|asked| Ok(metadata::serve(asked))),
    ]
}
