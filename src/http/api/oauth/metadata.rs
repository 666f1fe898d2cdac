//! `GET /.well-known/oauth-authorization-server` (RFC 8414): where everything is, for who knows the external URL alone.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{INTROSPECT, REVOKE};
use crate::http::document::{Document, Shelf};
use crate::http::inquiry::Inquiry;
use crate::http::openapi::{NotModified, tags};
use crate::http::route::Answer;
use crate::service::verification::trust::Trust;

/// How long caches may keep it, in seconds.
const AGE: u32 = 300;

/// Discover the endpoints
///
/// RFC 8414, for who knows the external URL alone.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    operation_id = "show_authorization_server",
    tag = tags::PUBLISHED,
    responses((status = 200, description = "Where everything is.", body = Metadata), NotModified),
)]
pub(super) fn serve(inquiry: &Inquiry<'_>, made: &Shelf<(), Trust>) -> Answer {
    let make = |trust: &Trust| {
        let text = json!(Metadata::of(trust.issuers().current())).to_string();
        Document::new("application/json", AGE, text).compressed()
    };
    made.document(&(), &inquiry.authority.trust(), make).serve(inquiry.headers)
}

/// No token is got by a grant of OAuth's: `response_types_supported`, which section 2 requires, and
/// `grant_types_supported` are empty, and how tokens are minted is said in members of our own.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthorizationServer)]
pub(super) struct Metadata {
    #[schema(format = "uri", example = "https://gate.example.org")]
    issuer: String,
    #[schema(format = "uri", example = "https://gate.example.org/.well-known/jwks.json")]
    jwks_uri: String,
    #[schema(value_type = Vec<String>, max_items = 0, example = json!([]))]
    response_types_supported: [&'static str; 0],
    #[schema(value_type = Vec<String>, max_items = 0, example = json!([]))]
    grant_types_supported: [&'static str; 0],
    #[schema(format = "uri", example = "https://gate.example.org/oauth2/introspect")]
    introspection_endpoint: String,
    #[schema(value_type = Vec<String>, example = json!(["client_secret_basic", "tls_client_auth"]))]
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    #[schema(format = "uri", example = "https://gate.example.org/oauth2/revoke")]
    revocation_endpoint: String,
    #[schema(value_type = Vec<String>, example = json!(["client_secret_basic"]))]
    revocation_endpoint_auth_methods_supported: [&'static str; 1],
    #[schema(format = "uri", example = "https://gate.example.org/status")]
    status_list_aggregation_endpoint: String,
    #[schema(format = "uri", example = "https://gate.example.org/api/v1/enrollment-tokens")]
    gatepass_enrollment_token_endpoint: String,
    #[schema(format = "uri", example = "https://gate.example.org/api/v1/service-tokens")]
    gatepass_service_token_endpoint: String,
    #[schema(format = "uri", example = "https://gate.example.org/api/v1/bootstrap")]
    gatepass_bootstrap_endpoint: String,
}

impl Metadata {
    fn of(issuer: &str) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        Self {
            issuer: issuer.to_owned(),
            jwks_uri: at("/.well-known/jwks.json"),
            response_types_supported: [],
            grant_types_supported: [],
            introspection_endpoint: at(INTROSPECT),
            introspection_endpoint_auth_methods_supported: ["client_secret_basic", "tls_client_auth"],
            revocation_endpoint: at(REVOKE),
            revocation_endpoint_auth_methods_supported: ["client_secret_basic"],
            status_list_aggregation_endpoint: at("/status"),
            gatepass_enrollment_token_endpoint: at("/api/v1/enrollment-tokens"),
            gatepass_service_token_endpoint: at("/api/v1/service-tokens"),
            gatepass_bootstrap_endpoint: at("/api/v1/bootstrap"),
        }
    }
}
