//! OAuth authorization server metadata (RFC 8414), for clients that know only the external URL.

use serde::Serialize;
use utoipa::ToSchema;

/// Authorization server metadata (RFC 8414 section 2).
///
/// No OAuth grant yields a token: `grant_types_supported` and the required `response_types_supported` are empty.
/// Members of our own name the endpoints that mint tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthorizationServerMetadata)]
pub struct Metadata {
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
    #[schema(value_type = Vec<String>, example = json!(["client_secret_basic", "client_secret_post", "tls_client_auth"]))]
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    #[schema(format = "uri", example = "https://gate.example.org/oauth2/revoke")]
    revocation_endpoint: String,
    #[schema(value_type = Vec<String>, example = json!(["client_secret_basic", "client_secret_post"]))]
    revocation_endpoint_auth_methods_supported: [&'static str; 2],
    #[schema(format = "uri", example = "https://gate.example.org/status")]
    status_list_aggregation_endpoint: String,
    #[schema(format = "uri", example = "https://gate.example.org/api/v1/enrollment-tokens")]
    gatepass_enrollment_token_endpoint: String,
    #[schema(format = "uri", example = "https://gate.example.org/api/v1/service-tokens")]
    gatepass_service_token_endpoint: String,
    #[schema(format = "uri", example = "https://gate.example.org/api/v1/access-token")]
    gatepass_access_token_endpoint: String,
    /// Access tokens are bound to the host's certificate (RFC 8705 section 3.3).
    #[schema(example = true)]
    tls_client_certificate_bound_access_tokens: bool,
    #[schema(format = "uri", example = "https://gate.example.org/api/v1/bootstrap")]
    gatepass_bootstrap_endpoint: String,
}

impl Metadata {
    /// The metadata of the authority at this external URL.
    pub(super) fn of(issuer: &str) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        let (basic, post) = ("client_secret_basic", "client_secret_post");
        Self {
            issuer: issuer.to_owned(),
            jwks_uri: at("/.well-known/jwks.json"),
            response_types_supported: [],
            grant_types_supported: [],
            introspection_endpoint: at("/oauth2/introspect"),
            introspection_endpoint_auth_methods_supported: [basic, post, "tls_client_auth"],
            revocation_endpoint: at("/oauth2/revoke"),
            revocation_endpoint_auth_methods_supported: [basic, post],
            status_list_aggregation_endpoint: at("/status"),
            gatepass_enrollment_token_endpoint: at("/api/v1/enrollment-tokens"),
            gatepass_service_token_endpoint: at("/api/v1/service-tokens"),
            gatepass_access_token_endpoint: at("/api/v1/access-token"),
            tls_client_certificate_bound_access_tokens: true,
            gatepass_bootstrap_endpoint: at("/api/v1/bootstrap"),
        }
    }
}
