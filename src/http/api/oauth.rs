//! Endpoints for OAuth clients and resource servers (RFC 7662, RFC 7009, RFC 8414).

pub(super) mod dialect;
pub(super) mod introspect;
pub(super) mod revoke;

use utoipa::ToSchema;

use crate::http::document;
use crate::http::head::Head;
use crate::http::openapi::NotModified;
use crate::http::problem::Problem;
use crate::http::route::HttpResponse;
use crate::service::Authority;
use crate::service::verification::metadata::Metadata;

/// Largest form: one token of maximum length, form-encoded, and the client's API key. It is read before authentication.
pub(super) const BODY_LIMIT: usize = 8 * 1024;

/// The fields of every form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it says in the document what is read from the form")]
struct TokenForm {
    token: String,
    /// Ignored.
    token_type_hint: Option<String>,
    /// Id of the API key, with `client_secret` (RFC 6749 section 2.3.1).
    #[schema(format = "uuid")]
    client_id: Option<String>,
    /// The API key, instead of an `Authorization` header.
    #[schema(example = "gpk_0198c0de…")]
    client_secret: Option<String>,
}

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
