//! What an API key may be asked for with, judged all at once.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::{Limits, Rights, Scope};
use crate::clock::Timestamp;
use crate::name::Label;
use crate::service::tokens::order::life::{Bounds, Life};
use crate::service::tokens::order::{Catalogue, MAX_PERSISTENT_TTL, fault, present};
use crate::service::{FieldError, RequestError};

/// An API key as it was asked for.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(example = json!({ "label": "ci", "scopes": ["tokens:write"], "ttl": "30d", "limits": { "roles": ["proxy"], "max_ttl": "1h", "max_uses": 10 } }))]
pub struct ApiKeyRequest {
    /// What it is known by.
    #[schema(value_type = Label)]
    pub label: String,
    /// What it is for: at least one.
    #[schema(value_type = Vec<Scope>, required, min_items = 1)]
    pub scopes: Vec<String>,
    /// How long it is good, such as `30d`; not together with `expires_at`.
    #[schema(pattern = "^[0-9]+[smhd]$")]
    pub ttl: Option<String>,
    /// Until when it is good, RFC 3339; not together with `ttl`. Without either: until it is deleted.
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Option<String>,
    /// How far its acts may go; absent = ephemeral tokens of an hour, one use, no roles.
    #[schema(value_type = crate::access::limits::LimitsAsked)]
    #[serde(deserialize_with = "present")]
    pub limits: Option<Limits>,
}

/// An API key that may be made, as far as the request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyOrder {
    /// What it is known by.
    pub label: Label,
    /// What it is for, each once.
    pub scopes: Vec<Scope>,
    /// Until when it is good; `None` = until it is deleted.
    pub expires_at: Option<Timestamp>,
    /// How far its acts may go.
    pub limits: Limits,
}

impl ApiKeyOrder {
    /// What the key may do, as far as its owner may.
    pub fn rights(&self) -> Rights {
        Rights::of_scopes(&self.scopes, self.limits.clone())
    }
}

impl ApiKeyRequest {
    /// Judges every field at `now`.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with everything that is wrong, `faults` of the decoding among it.
    pub fn judge(
        self,
        catalogue: &Catalogue,
        now: Timestamp,
        mut faults: Vec<FieldError>,
    ) -> Result<ApiKeyOrder, RequestError> {
        let label = Label::parse(&self.label).map_err(|error| faults.push(fault("label", &error))).ok();
        let scopes = known_scopes(&self.scopes, &mut faults);
        let bounds =
            Bounds { default: None, most: MAX_PERSISTENT_TTL, way_out: ": ask for less, or for none" };
        let (ttl, expires_at) = (self.ttl.as_deref(), self.expires_at.as_deref());
        let life = Life { ttl, expires_at, expires_days: None };
        let expires_at = life.judge(bounds, now, &mut faults);
        let limits = self.limits.unwrap_or(Limits::LEAST);
        catalogue.check_limits(&limits, &mut faults);
        match label {
            Some(label) if faults.is_empty() => Ok(ApiKeyOrder { label, scopes, expires_at, limits }),
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
