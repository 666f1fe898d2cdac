//! What OAuth clients and resource servers know how to ask (RFC 7662, RFC 7009, RFC 8414).

pub(super) mod dialect;
pub(super) mod introspect;
pub(super) mod metadata;
pub(super) mod revoke;

use self::dialect::OAUTH;
use crate::access::Permission;
use crate::http::api::described::described;
use crate::http::route::Route;

/// Where a token's meaning is asked for.
const INTROSPECT: &str = "/oauth2/introspect";
/// Where a token is taken back by who holds it.
const REVOKE: &str = "/oauth2/revoke";

/// The rows.
pub(super) fn routes() -> Vec<Route> {
    vec![
        described!(introspect::handle).of_dialect(&OAUTH, Permission::Introspect, introspect::handle),
        described!(revoke::handle).of_dialect(&OAUTH, Permission::WriteTokens, revoke::handle),
        described!(metadata::serve).direct(|inquiry| Ok(metadata::serve(inquiry))),
    ]
}
