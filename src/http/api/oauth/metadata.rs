//! `GET /.well-known/oauth-authorization-server` (RFC 8414): where everything is, for who knows the external URL alone.

use serde_json::json;

use super::{INTROSPECT, REVOKE};
use crate::http::document::{Document, Shelf};
use crate::http::inquiry::Inquiry;
use crate::http::route::Answer;
use crate::service::trust::Trust;

/// How long caches may keep it, in seconds.
const AGE: u32 = 300;

/// The document, made once for each generation of keys and external URLs.
pub(super) fn serve(inquiry: &Inquiry<'_>, made: &Shelf<(), Trust>) -> Answer {
    let make =
        |trust: &Trust| Document::new("application/json", AGE, text(trust.issuers().current())).compressed();
    made.document(&(), &inquiry.authority.trust(), make).serve(inquiry.headers)
}

/// No token is got by a grant of OAuth's: `response_types_supported`, which section 2 requires, and
/// `grant_types_supported` are empty, and how tokens are minted is said in members of our own.
fn text(issuer: &str) -> String {
    let at = |path: &str| format!("{issuer}{path}");
    json!({
        "issuer": issuer,
        "jwks_uri": at("/.well-known/jwks.json"),
        "response_types_supported": [],
        "grant_types_supported": [],
        "introspection_endpoint": at(INTROSPECT),
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "tls_client_auth"],
        "revocation_endpoint": at(REVOKE),
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic"],
        "status_list_aggregation_endpoint": at("/status"),
        "gatepass_enrollment_token_endpoint": at("/api/v1/enrollment-tokens"),
        "gatepass_service_token_endpoint": at("/api/v1/service-tokens"),
        "gatepass_bootstrap_endpoint": at("/api/v1/bootstrap"),
    })
    .to_string()
}
