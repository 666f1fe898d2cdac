//! The body of a mint of a re-enrollment token.

use serde::Deserialize;
use utoipa::ToSchema;

use super::life::{Bounds, Life};
use super::valid;
use crate::clock::Timestamp;
use crate::id::PolicyId;
use crate::name::Label;
use crate::service::tokens::reenrollment::ReenrollmentOrder;
use crate::service::{FieldError, RequestError};
use crate::span::Spans;

/// The body of a mint of a re-enrollment token, as it was sent.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = MintReenrollmentTokenRequest, example = json!({ "label": "new disk", "ttl": "1h" }))]
pub struct ReenrollmentRequest {
    /// The life, such as `15m`; not together with `expires_at`. The default is 15 minutes unless configured otherwise.
    #[schema(pattern = "^[0-9]+[smhd]$", example = "15m")]
    pub ttl: Option<String>,
    /// The expiry, RFC 3339; not together with `ttl`.
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Option<String>,
    /// The label for people.
    #[schema(value_type = Label)]
    pub label: String,
    /// The policy that the host gets; absent or `null`: it keeps its own.
    #[schema(value_type = Option<PolicyId>)]
    pub policy: Option<String>,
}

impl ReenrollmentRequest {
    /// Judges every field at `now`.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
    pub fn judge(
        &self,
        spans: &Spans,
        now: Timestamp,
        mut faults: Vec<FieldError>,
    ) -> Result<ReenrollmentOrder, RequestError> {
        let label = valid("label", Label::parse(&self.label), &mut faults);
        let (ttl, expires_at) = (self.ttl.as_deref(), self.expires_at.as_deref());
        let life = Life { ttl, expires_at, expires_days: None };
        let expires_at = life.judge(Bounds::ephemeral(spans), now, &mut faults);
        let policy = self.policy.as_deref().map(PolicyId::parse);
        if policy == Some(None) {
            faults.push(FieldError::new("policy", "not the id of a policy"));
        }
        match (label, expires_at) {
            (Some(label), Some(expires_at)) if faults.is_empty() => {
                Ok(ReenrollmentOrder { expires_at, label, policy: policy.flatten() })
            }
            _ => Err(RequestError::Fields(faults)),
        }
    }
}
