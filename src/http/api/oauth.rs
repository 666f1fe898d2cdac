//! Endpoints for OAuth clients and resource servers (RFC 7662, RFC 7009, RFC 8414).

pub(super) mod dialect;
pub(super) mod introspect;
pub(super) mod revoke;

use crate::http::document;
use crate::http::head::Head;
use crate::http::openapi::NotModified;
use crate::http::problem::Problem;
use crate::http::route::HttpResponse;
use crate::service::Authority;
use crate::service::verification::metadata::Metadata;

/// Discover the endpoints
///
/// OAuth metadata (RFC 8414) for clients that know only the external URL.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    responses((status = 200, description = "The metadata.", body = Metadata), NotModified),
)]
pub(super) fn show_authorization_server(authority: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    Ok(document::serve(&authority.trust.load().metadata, head.headers()).into())
}
