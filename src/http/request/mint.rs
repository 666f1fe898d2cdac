//! The body of a mint, with the other names that Telovix gives three of its fields.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::life::{Life, both};
use super::object::object;
use super::preset::Preset;
use super::{known_policy, valid};
use crate::approval::Approval;
use crate::clock::Timestamp;
use crate::id::{PolicyId, Thumbprint};
use crate::name::{Cluster, DnsPattern, Label, Role};
use crate::service::policies::live::LivePolicies;
use crate::service::tokens::bulk::MOST_TOKENS;
use crate::service::tokens::order::{Catalogue, MintOrder};
use crate::service::{FieldError, RequestError};
use crate::span::Spans;
use crate::store::Policy;
use crate::token::present;
use crate::token::{Bindings, MAX_PATTERNS, Terms};

/// The body of a mint, as it was sent.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = MintTokenRequest, example = json!({ "roles": ["proxy"], "label": "rack 7", "ttl": "15m", "max_uses": 1, "dns_names": ["*.eu.example.org"] }))]
pub struct MintRequest {
    /// The preset; fields beside it override its terms. The default is `one-time`: one host, within 15 minutes.
    #[schema(pattern = "^(one-time|cluster|rollout|roles)$", example = "one-time")]
    pub preset: Option<String>,
    /// The roles; the list may be empty. Absent: those of the policy, or none without a policy.
    #[schema(value_type = Vec<Role>, max_items = 32)]
    #[serde(deserialize_with = "present")]
    pub roles: Option<Vec<String>>,
    /// The policy of its hosts. It must have every role.
    #[schema(value_type = Option<PolicyId>)]
    pub policy: Option<String>,
    /// A persistent token has a row in the store and may live until it is revoked. The presets `cluster` and `rollout` are.
    pub persistent: Option<bool>,
    /// The label for people.
    #[schema(value_type = Label)]
    pub label: String,
    /// The life, such as `15m`; not together with `expires_at`. The default is 15 minutes unless configured otherwise.
    /// A persistent token without either lives until it is revoked.
    #[schema(pattern = "^[0-9]+[smhd]$", example = "15m")]
    pub ttl: Option<String>,
    /// The expiry, RFC 3339; not together with `ttl`.
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Option<String>,
    /// Maximum number of hosts: absent = 1, or unlimited for a persistent token and a preset for many hosts; null = unlimited.
    #[schema(value_type = Option<u32>, minimum = 1)]
    #[serde(deserialize_with = "present")]
    pub max_uses: Option<Option<i64>>,
    /// Number of hosts that a rollout is for. The list tells when it is complete.
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub expected_hosts: Option<i64>,
    /// The name patterns it allows.
    #[schema(value_type = Vec<DnsPattern>, max_items = 16)]
    pub dns_names: Vec<String>,
    /// The RFC 7638 thumbprint of the only key that may redeem it.
    #[schema(value_type = Option<Thumbprint>)]
    pub key_thumbprint: Option<String>,
    /// Further bindings.
    #[serde(deserialize_with = "object")]
    pub bind: RequestedBindings,
    /// Synonym of `bind.cluster`.
    #[schema(value_type = Option<Cluster>)]
    pub cluster_id: Option<String>,
    /// Synonym of `ttl`, in days.
    #[schema(minimum = 1)]
    pub expires_days: Option<i64>,
    /// Synonym of `max_uses`.
    #[schema(value_type = Option<u32>, minimum = 1)]
    #[serde(deserialize_with = "present")]
    pub max_nodes: Option<Option<i64>>,
    /// Treatment of hosts that no auto-approve rule admits: `off` (the default), `warn` or `require`. The strictest of this
    /// and the setting `approval` holds.
    #[schema(value_type = Option<String>, pattern = "^(off|warn|require)$", example = "off")]
    pub approval: Option<String>,
    /// Number of tokens, for a bulk mint. The answer then is JSON Lines. Not together with `key_thumbprint`.
    #[schema(minimum = 1, maximum = 10_000)]
    pub count: Option<i64>,
}

/// The bindings of a token, as they were sent.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub struct RequestedBindings {
    /// The only cluster it admits to.
    #[schema(value_type = Option<Cluster>)]
    pub cluster: Option<String>,
}

impl MintRequest {
    /// Judges every field at `now`.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
    pub fn judge(
        &self,
        (catalogue, policies): (&Catalogue, &LivePolicies),
        spans: &Spans,
        now: Timestamp,
        mut faults: Vec<FieldError>,
    ) -> Result<MintOrder, RequestError> {
        let preset = Preset::parse(self.preset.as_deref(), &mut faults);
        let persistent = self.persistent.unwrap_or(preset.is_persistent());
        let policy = known_policy(self.policy.as_deref(), policies, &mut faults);
        let roles = self.roles(catalogue, policy.as_deref(), &mut faults);
        let label = valid("label", Label::parse(&self.label), &mut faults);
        let bounds = preset.bounds(persistent, self.asked_cluster().is_some(), spans);
        let cluster = self.cluster(&mut faults);
        let terms = Terms {
            roles,
            persistent,
            expires_at: self.life().judge(bounds, now, &mut faults),
            max_uses: self.uses(preset.uses(persistent), &mut faults),
            bindings: Bindings { host: None, cluster, dns_names: self.patterns(&mut faults) },
            host_key: self.host_key(&mut faults),
            policy: policy.map(|policy| policy.id),
            approval: self.approval(&mut faults),
        };
        let expected_hosts =
            self.expected_hosts.and_then(|hosts| at_least_one("expected_hosts", "", hosts, &mut faults));
        if faults.is_empty() {
            preset.check(&terms, !self.label.is_empty(), expected_hosts, &mut faults);
        }
        match label {
            Some(label) if faults.is_empty() => {
                let kind = preset.kind(&terms);
                Ok(MintOrder { terms, label, kind, expected_hosts })
            }
            _ => Err(RequestError::Fields(faults)),
        }
    }

    /// The number of tokens of a bulk mint; `None` for one token, or if it is invalid: then `faults` says why.
    pub fn bulk(&self, faults: &mut Vec<FieldError>) -> Option<u32> {
        let count = u32::try_from(self.count?).ok().filter(|count| (1..=MOST_TOKENS).contains(count));
        if count.is_none() {
            faults.push(FieldError::new("count", format!("from 1 to {MOST_TOKENS}")));
        }
        if self.key_thumbprint.as_deref().is_some_and(|key| !key.is_empty()) {
            let message = "several tokens for one key: mint one token for it, without count";
            faults.push(FieldError::new("key_thumbprint", message));
        }
        count
    }

    /// The roles that are asked for, all of which a policy must have, or else those of the policy.
    fn roles(
        &self,
        catalogue: &Catalogue,
        policy: Option<&Policy>,
        faults: &mut Vec<FieldError>,
    ) -> Vec<Role> {
        let terms = policy.map(|policy| &policy.terms);
        let Some(asked) = &self.roles else {
            let roles = terms.into_iter().flat_map(|terms| &terms.roles);
            return catalogue.pick(&roles.map(ToString::to_string).collect::<Vec<_>>(), faults);
        };
        let roles = catalogue.pick(asked, faults);
        for role in &roles {
            if let Some(refusal) = terms.and_then(|terms| terms.refuses(role)) {
                let place = asked.iter().position(|text| text == role.as_str()).unwrap_or_default();
                faults.push(FieldError::new(format!("roles[{place}]"), refusal));
            }
        }
        roles
    }

    fn approval(&self, faults: &mut Vec<FieldError>) -> Approval {
        let Some(text) = self.approval.as_deref() else { return Approval::Off };
        Approval::parse(text).unwrap_or_else(|| {
            faults.push(FieldError::new("approval", "off, warn or require"));
            Approval::Off
        })
    }

    fn life(&self) -> Life<'_> {
        let (ttl, expires_at) = (self.ttl.as_deref(), self.expires_at.as_deref());
        Life { ttl, expires_at, expires_days: self.expires_days }
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
        valid(field, Cluster::parse(self.asked_cluster()?), faults)
    }

    fn uses(&self, default: Option<u32>, faults: &mut Vec<FieldError>) -> Option<u32> {
        let (field, asked) = match (self.max_uses, self.max_nodes) {
            (uses, None) => ("max_uses", uses),
            (None, nodes) => ("max_nodes", nodes),
            (Some(_), Some(_)) => {
                faults.push(both("max_nodes", "max_uses"));
                return None;
            }
        };
        match asked {
            None => default,
            Some(None) => None,
            Some(Some(uses)) => at_least_one(field, ", or null for unlimited", uses, faults),
        }
    }

    fn patterns(&self, faults: &mut Vec<FieldError>) -> Vec<DnsPattern> {
        if self.dns_names.len() > MAX_PATTERNS {
            let message = format!("{} patterns; at most {MAX_PATTERNS} fit a token", self.dns_names.len());
            faults.push(FieldError::new("dns_names", message));
            return Vec::new();
        }
        let patterns = self.dns_names.iter().enumerate();
        patterns
            .filter_map(|(place, text)| {
                valid(&format!("dns_names[{place}]"), DnsPattern::parse(text), faults)
            })
            .collect()
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

/// Reads a number of hosts.
fn at_least_one(field: &str, way_out: &str, number: i64, faults: &mut Vec<FieldError>) -> Option<u32> {
    let hosts = u32::try_from(number).ok().filter(|hosts| *hosts > 0);
    if hosts.is_none() {
        faults.push(FieldError::new(field, format!("from 1 to {}{way_out}", u32::MAX)));
    }
    hosts
}
