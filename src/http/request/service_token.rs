//! The body of a mint of a service token.

use serde::Deserialize;
use utoipa::ToSchema;

use super::life::{Bounds, Life};
use super::valid;
use crate::clock::Timestamp;
use crate::name::{Label, Role};
use crate::service::tokens::order::Catalogue;
use crate::service::tokens::service_tokens::ServiceTokenOrder;
use crate::service::verification::audience::known_audience;
use crate::service::{FieldError, RequestError};
use crate::span::Spans;

/// The body of a mint of a service token, as it was sent.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = MintServiceTokenRequest, example = json!({ "audience": "https://jobs.example.org", "roles": ["director"], "ttl": "15m", "label": "nightly" }))]
pub struct ServiceTokenRequest {
    /// The URI of the service. There is no default: a token for no service in particular would be valid at all of them.
    #[schema(required, format = "uri")]
    pub audience: String,
    /// The roles; the list may be empty.
    #[schema(value_type = Vec<Role>, max_items = 32)]
    pub roles: Vec<String>,
    /// The life, such as `15m`; not together with `expires_at`.
    #[schema(pattern = "^[0-9]+[smhd]$", example = "15m")]
    pub ttl: Option<String>,
    /// The expiry, RFC 3339; not together with `ttl`.
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Option<String>,
    /// The label for people.
    #[schema(value_type = Label)]
    pub label: String,
}

impl ServiceTokenRequest {
    /// Judges every field at `now`.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
    pub fn judge(
        &self,
        (catalogue, audiences): (&Catalogue, &[String]),
        spans: &Spans,
        now: Timestamp,
        mut faults: Vec<FieldError>,
    ) -> Result<ServiceTokenOrder, RequestError> {
        let audience = known_audience("audience", &self.audience, audiences, &mut faults);
        let roles = catalogue.pick(&self.roles, &mut faults);
        let life =
            Life { ttl: self.ttl.as_deref(), expires_at: self.expires_at.as_deref(), expires_days: None };
        let expires_at = life.judge(Bounds::ephemeral(spans), now, &mut faults);
        let label = valid("label", Label::parse(&self.label), &mut faults);
        match (audience, expires_at, label) {
            (Some(audience), Some(expires_at), Some(label)) if faults.is_empty() => {
                Ok(ServiceTokenOrder { audience, roles, expires_at, label })
            }
            _ => Err(RequestError::Fields(faults)),
        }
    }
}
