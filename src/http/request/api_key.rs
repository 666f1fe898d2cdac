//! The body that creates an API key.

use serde::Deserialize;
use utoipa::ToSchema;

use super::life::{Bounds, Life};
use super::valid;
use crate::access::{Limits, Scope};
use crate::clock::Timestamp;
use crate::name::Label;
use crate::secret::Secret;
use crate::service::tokens::order::{Catalogue, MAX_PERSISTENT_TTL};
use crate::service::verification::audience::known_audience;
use crate::service::{FieldError, RequestError};
use crate::store::ApiKeyTerms;
use crate::token::present;

/// The body that creates an API key, as it was sent.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = CreateApiKeyRequest, example = json!({ "label": "ci", "scopes": ["tokens:write"], "ttl": "30d", "limits": { "roles": ["proxy"], "max_ttl": "1h", "max_uses": 10 } }))]
pub struct ApiKeyRequest {
    /// The label for people.
    #[schema(value_type = Label)]
    pub label: String,
    /// The scopes: at least one.
    #[schema(value_type = Vec<Scope>, required, min_items = 1)]
    pub scopes: Vec<String>,
    /// The life, such as `30d`; not together with `expires_at`.
    #[schema(pattern = "^[0-9]+[smhd]$")]
    pub ttl: Option<String>,
    /// The expiry, RFC 3339; not together with `ttl`. A key without either lives until it is deleted.
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Option<String>,
    /// The only audience whose tokens the key introspects and verifies; absent = any.
    #[schema(format = "uri", example = "https://jobs.example.org")]
    pub audience: Option<String>,
    /// The limits; absent = ephemeral tokens of an hour, one use, no roles.
    #[schema(value_type = crate::access::limits::RequestedLimits)]
    #[serde(deserialize_with = "present")]
    pub limits: Option<Limits>,
    /// The caller's own password. A session needs it to give admin rights.
    #[schema(value_type = String, format = "password", nullable = false, default = json!(null))]
    #[serde(deserialize_with = "present")]
    pub current_password: Option<Secret<String>>,
}

impl ApiKeyRequest {
    /// Judges every field at `now`.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
    pub fn judge(
        self,
        (catalogue, audiences): (&Catalogue, &[String]),
        now: Timestamp,
        mut faults: Vec<FieldError>,
    ) -> Result<ApiKeyTerms, RequestError> {
        let label = valid("label", Label::parse(&self.label), &mut faults);
        let scopes = known_scopes(&self.scopes, &mut faults);
        let bounds =
            Bounds { default: None, most: MAX_PERSISTENT_TTL, way_out: ": ask for less, or for none" };
        let (ttl, expires_at) = (self.ttl.as_deref(), self.expires_at.as_deref());
        let life = Life { ttl, expires_at, expires_days: None };
        let expires_at = life.judge(bounds, now, &mut faults);
        let limits = self.limits.unwrap_or(Limits::LEAST);
        catalogue.check_limits(&limits, &mut faults);
        let audience =
            self.audience.and_then(|asked| known_audience("audience", &asked, audiences, &mut faults));
        match label {
            Some(label) if faults.is_empty() => {
                Ok(ApiKeyTerms { label, scopes, expires_at, limits, audience })
            }
            _ => Err(RequestError::Fields(faults)),
        }
    }
}

fn known_scopes(texts: &[String], faults: &mut Vec<FieldError>) -> Vec<Scope> {
    let names = || Scope::ALL.map(Scope::as_str).join(", ");
    if texts.is_empty() {
        faults.push(FieldError::new("scopes", format!("give at least one of: {}", names())));
    }
    let mut scopes = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        match Scope::parse(text) {
            Some(scope) if scopes.contains(&scope) => {}
            Some(scope) => scopes.push(scope),
            None => {
                faults.push(FieldError::new(format!("scopes[{place}]"), format!("one of {}", names())));
            }
        }
    }
    scopes.sort_unstable();
    scopes
}
