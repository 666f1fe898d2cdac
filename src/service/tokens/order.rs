//! What a mint may ask for: a request's fields judged all at once, so that its sender hears of every mistake together.

pub(in crate::service) mod life;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use self::life::{Bounds, Life, both};
use crate::access::Act;
use crate::access::limits::{Allowed, Limits};
use crate::clock::Timestamp;
use crate::id::Thumbprint;
use crate::name::{Cluster, DnsPattern, Label, NameError, Role};
use crate::service::object::object;
use crate::service::{FieldError, RequestError};
use crate::span::{Setting, Spans};
use crate::token::{Bindings, MAX_PATTERNS, MAX_ROLES, Terms};

/// The longest life that may be asked for a persistent token; without asking it lives until revoked.
pub const MAX_PERSISTENT_TTL: Duration = Duration::from_secs(3650 * 86_400);

/// The roles there are, with what each means.
#[derive(Clone, Debug, Default)]
pub struct Catalogue(BTreeMap<Role, String>);

impl Catalogue {
    /// A catalogue of these roles and descriptions.
    pub fn new(roles: impl IntoIterator<Item = (Role, String)>) -> Self {
        Self(roles.into_iter().collect())
    }

    /// Every role with its description, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Role, &str)> {
        self.0.iter().map(|(role, description)| (role, description.as_str()))
    }

    /// The names of `texts`, each of them in the catalogue, each once; what is wrong goes to `faults`.
    pub fn pick(&self, texts: &[String], faults: &mut Vec<FieldError>) -> Vec<Role> {
        if texts.len() > MAX_ROLES {
            faults.push(FieldError::new(
                "roles",
                format!("{} roles; at most {MAX_ROLES} fit a token", texts.len()),
            ));
            return Vec::new();
        }
        let mut unknown = Unknown { catalogue: self, told: false };
        let mut roles = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            match Role::parse(text).ok().filter(|role| self.0.contains_key(role)) {
                Some(role) if roles.contains(&role) => {}
                Some(role) => roles.push(role),
                None => faults.push(FieldError::new(format!("roles[{place}]"), unknown.tell(text))),
            }
        }
        roles
    }

    /// Whether every role that `limits` name is there; what is not goes to `faults`.
    pub(in crate::service) fn check_limits(&self, limits: &Limits, faults: &mut Vec<FieldError>) {
        let Allowed::Only(roles) = &limits.roles else { return };
        let mut unknown = Unknown { catalogue: self, told: false };
        for role in roles.iter().filter(|role| !self.0.contains_key(*role)) {
            faults.push(FieldError::new("limits.roles", unknown.tell(role.as_str())));
        }
    }
}

/// Says which roles are unknown, and once which there are.
struct Unknown<'a> {
    catalogue: &'a Catalogue,
    told: bool,
}

impl Unknown<'_> {
    fn tell(&mut self, text: &str) -> String {
        let shown = text.chars().take(64).collect::<String>();
        if std::mem::replace(&mut self.told, true) {
            return format!("unknown role {shown:?}");
        }
        let known = self.catalogue.0.keys().map(Role::as_str).collect::<Vec<_>>().join(", ");
        format!("unknown role {shown:?}; the roles are: {known}")
    }
}

/// A mint as it was asked for, nothing of it judged yet.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(example = json!({ "roles": ["proxy"], "label": "rack 7", "ttl": "15m", "max_uses": 1, "dns_names": ["*.eu.example.org"] }))]
pub struct MintRequest {
    /// The roles; may be empty.
    #[schema(value_type = Vec<Role>, max_items = 32)]
    pub roles: Vec<String>,
    /// Whether it lives in a row of its own, so that it may live until revoked.
    pub persistent: bool,
    /// What people know it by.
    #[schema(value_type = Label)]
    pub label: String,
    /// How long it lives, such as `15m`; not together with `expires_at`. Without either: 15 minutes unless configured
    /// otherwise, a persistent one until revoked.
    #[schema(pattern = "^[0-9]+[smhd]$", example = "15m")]
    pub ttl: Option<String>,
    /// Until when it lives, RFC 3339; not together with `ttl`.
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Option<String>,
    /// How many hosts it admits: absent = 1, of a persistent one unlimited; null = unlimited.
    #[schema(value_type = Option<u32>, minimum = 1)]
    #[serde(deserialize_with = "present")]
    pub max_uses: Option<Option<i64>>,
    /// The patterns of names it allows.
    #[schema(value_type = Vec<DnsPattern>, max_items = 16)]
    pub dns_names: Vec<String>,
    /// The RFC 7638 thumbprint of the only key that may redeem it.
    #[schema(value_type = Option<Thumbprint>)]
    pub key_thumbprint: Option<String>,
    /// What else it is bound to.
    #[serde(deserialize_with = "object")]
    pub bind: Bind,
    /// Another word for `bind.cluster`.
    #[schema(value_type = Option<Cluster>)]
    pub cluster_id: Option<String>,
    /// Another word for `ttl`, in days.
    #[schema(minimum = 1)]
    pub expires_days: Option<i64>,
    /// Another word for `max_uses`.
    #[schema(value_type = Option<u32>, minimum = 1)]
    #[serde(deserialize_with = "present")]
    pub max_nodes: Option<Option<i64>>,
}

/// What a token is bound to, as it was asked for.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub struct Bind {
    /// The only cluster it admits to.
    #[schema(value_type = Option<Cluster>)]
    pub cluster: Option<String>,
}

/// A member that is there, whatever it says: null is a word of its own, and does not pass for an absent one.
pub(in crate::service) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A mint that may go ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintOrder {
    /// The terms; every role is in the catalogue.
    pub terms: Terms,
    /// The token's label.
    pub label: Label,
    /// Whether it is the emergency token.
    pub emergency: bool,
}

impl MintOrder {
    /// What it leads to, if it is minted at `now`.
    pub fn act(&self, now: Timestamp) -> Act<'_> {
        let terms = &self.terms;
        Act::Mint {
            roles: &terms.roles,
            dns_names: &terms.bindings.dns_names,
            persistent: terms.persistent,
            lasts: terms.expires_at.map(|at| at.since(now.whole_second())),
            uses: terms.max_uses,
            cluster: terms.bindings.cluster.as_ref(),
        }
    }
}

impl MintRequest {
    /// Judges every field at `now`.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with everything that is wrong, `faults` of the decoding among it.
    pub fn judge(
        &self,
        catalogue: &Catalogue,
        spans: &Spans,
        now: Timestamp,
        mut faults: Vec<FieldError>,
    ) -> Result<MintOrder, RequestError> {
        let roles = catalogue.pick(&self.roles, &mut faults);
        let label = Label::parse(&self.label).map_err(|error| faults.push(fault("label", &error))).ok();
        let cluster = self.cluster(&mut faults);
        let terms = Terms {
            roles,
            persistent: self.persistent,
            expires_at: self.expiry(spans, now, &mut faults),
            max_uses: self.uses(&mut faults),
            bindings: Bindings { host: None, cluster, dns_names: self.patterns(&mut faults) },
            host_key: self.host_key(&mut faults),
            policy: None,
        };
        match label {
            Some(label) if faults.is_empty() => Ok(MintOrder { terms, label, emergency: false }),
            _ => Err(RequestError::Fields(faults)),
        }
    }

    fn expiry(&self, spans: &Spans, now: Timestamp, faults: &mut Vec<FieldError>) -> Option<Timestamp> {
        let bounds = match (self.persistent, self.asked_cluster().is_some()) {
            (true, true) => Bounds {
                default: Some(spans.cluster_ttl),
                most: Setting::MOST_CLUSTER_TTL,
                way_out: ", which is the most for a token bound to a cluster",
            },
            (true, false) => Bounds { default: None, most: MAX_PERSISTENT_TTL, way_out: "" },
            (false, _) => {
                Bounds { way_out: ": ask for less, or set persistent to true", ..Bounds::ephemeral(spans) }
            }
        };
        let (ttl, expires_at) = (self.ttl.as_deref(), self.expires_at.as_deref());
        Life { ttl, expires_at, expires_days: self.expires_days }.judge(bounds, now, faults)
    }

    fn asked_cluster(&self) -> Option<&str> {
        // An empty one is refused as one: a variable that was not set must not lead to a token for every cluster.
        self.bind.cluster.as_deref().or(self.cluster_id.as_deref())
    }

    fn cluster(&self, faults: &mut Vec<FieldError>) -> Option<Cluster> {
        let field = if self.bind.cluster.is_some() { "bind.cluster" } else { "cluster_id" };
        if self.bind.cluster.is_some() && self.cluster_id.is_some() {
            faults.push(both("cluster_id", "bind.cluster"));
        }
        let cluster = Cluster::parse(self.asked_cluster()?);
        cluster.map_err(|error| faults.push(fault(field, &error))).ok()
    }

    fn uses(&self, faults: &mut Vec<FieldError>) -> Option<u32> {
        let (field, asked) = match (self.max_uses, self.max_nodes) {
            (uses, None) => ("max_uses", uses),
            (None, nodes) => ("max_nodes", nodes),
            (Some(_), Some(_)) => {
                faults.push(both("max_nodes", "max_uses"));
                return None;
            }
        };
        match asked {
            None if self.persistent => None,
            None => Some(1),
            Some(None) => None,
            Some(Some(uses)) => match u32::try_from(uses) {
                Ok(uses) if uses > 0 => Some(uses),
                _ => {
                    let most = u32::MAX;
                    let message = format!("from 1 to {most}, or null for unlimited");
                    faults.push(FieldError::new(field, message));
                    None
                }
            },
        }
    }

    fn patterns(&self, faults: &mut Vec<FieldError>) -> Vec<DnsPattern> {
        if self.dns_names.len() > MAX_PATTERNS {
            let message = format!("{} patterns; at most {MAX_PATTERNS} fit a token", self.dns_names.len());
            faults.push(FieldError::new("dns_names", message));
            return Vec::new();
        }
        let mut patterns = Vec::new();
        for (place, text) in self.dns_names.iter().enumerate() {
            match DnsPattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => faults.push(fault(&format!("dns_names[{place}]"), &error)),
            }
        }
        patterns
    }

    fn host_key(&self, faults: &mut Vec<FieldError>) -> Option<Thumbprint> {
        let text = self.key_thumbprint.as_deref().filter(|text| !text.is_empty())?;
        let key = Thumbprint::parse(text);
        if key.is_none() {
            let message = "not an RFC 7638 thumbprint: 43 characters of base64url without padding";
            faults.push(FieldError::new("key_thumbprint", message));
        }
        key
    }
}

pub(in crate::service) fn fault(field: &str, error: &NameError) -> FieldError {
    FieldError::new(field, error.to_string())
}
