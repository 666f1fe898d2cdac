//! `GET /.well-known/oauth-authorization-server` (RFC 8414).

use crate::http::direct_request::DirectRequest;
use crate::http::document;
use crate::http::openapi::{NotModified, tags};
use crate::http::route::Answer;
use crate::service::verification::metadata::Metadata;

/// Discover the endpoints
///
/// OAuth metadata (RFC 8414) for clients that know only the external URL.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    operation_id = "show_authorization_server",
    tag = tags::PUBLISHED,
    responses((status = 200, description = "The metadata.", body = Metadata), NotModified),
)]
pub(super) fn serve(asked: &DirectRequest<'_>) -> Answer {
    document::serve(&asked.authority.trust.load().metadata, asked.headers)
}
