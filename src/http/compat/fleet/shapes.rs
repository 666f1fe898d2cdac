//! The objects of Kibana. Their members stand in its order.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::http::compat::with_millis;
use crate::id::{PolicyId, TokenId};
use crate::name::{Description, Label};
use crate::service::fleet::FleetToken;
use crate::service::policies::CountedPolicy;
use crate::store::{MintRecord, TokenState};

/// A token.
#[derive(Serialize, ToSchema)]
pub(super) struct EnrollmentApiKey {
    id: TokenId,
    /// The same as `id`.
    api_key_id: TokenId,
    /// Base64 of `<id>:<secret>`, for `Authorization: ApiKey`. Empty unless the caller may mint the token.
    #[schema(example = "MDE5OGMwZGUtN2EzMC03YzNlLThiMWYtMmE1ZDRlNmY3MDgxOlRoR1lNVTlkUzdrWHQ3dXNZVERwdXk=")]
    api_key: String,
    /// False for a token that was deleted or has expired.
    active: bool,
    /// The policy of its hosts.
    #[schema(required)]
    policy_id: Option<PolicyId>,
    /// The given name and the id in parentheses, or the id alone.
    #[schema(example = "edge (0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081)")]
    name: String,
    created_at: Millis,
    /// Always false.
    hidden: bool,
    /// Expiry; absent for a token that stays valid until it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expire_at: Option<Millis>,
}

impl EnrollmentApiKey {
    pub(super) fn new(token: &FleetToken, now: Timestamp) -> Self {
        let MintRecord { token: minted, terms, label, created_at, .. } = &token.record.mint;
        Self {
            id: minted.id,
            api_key_id: minted.id,
            api_key: token.api_key.as_ref().map_or_else(String::new, |secret| secret.expose().clone()),
            active: TokenState::LIVE.contains(&token.record.state(now)),
            policy_id: terms.policy,
            name: shown_name(label, minted.id),
            created_at: Millis(*created_at),
            hidden: false,
            expire_at: terms.expires_at.map(Millis),
        }
    }
}

/// The shown name of a token.
fn shown_name(label: &Label, id: TokenId) -> String {
    match label.as_str() {
        "" => id.to_string(),
        label => format!("{label} ({id})"),
    }
}

/// The label and the id in a shown name; `None` for another text.
pub(super) fn of_shown_name(name: &str) -> Option<(&str, TokenId)> {
    match TokenId::parse(name) {
        Some(id) => Some(("", id)),
        None => {
            let (label, id) = name.strip_suffix(')')?.rsplit_once(" (")?;
            Some((label, TokenId::parse(id)?))
        }
    }
}

/// A policy as Kibana shows it.
#[derive(Serialize, ToSchema)]
pub(super) struct AgentPolicy {
    id: PolicyId,
    #[schema(value_type = String, example = "edge proxies")]
    name: Label,
    /// Always `default`.
    #[schema(example = "default")]
    namespace: &'static str,
    description: Description,
    /// Always `active`.
    #[schema(example = "active")]
    status: &'static str,
    /// Always false.
    is_managed: bool,
    /// Number of the revision.
    #[schema(example = 3)]
    revision: u64,
    updated_at: Millis,
    /// Author of the revision, as an actor in the ledger.
    #[schema(example = "user:admin")]
    updated_by: String,
    /// Number of hosts that have the policy and are not revoked.
    #[schema(example = 12)]
    agents: u64,
}

impl From<CountedPolicy> for AgentPolicy {
    fn from(CountedPolicy { policy, hosts }: CountedPolicy) -> Self {
        Self {
            id: policy.id,
            name: policy.terms.name.clone(),
            namespace: "default",
            description: policy.terms.description.clone(),
            status: "active",
            is_managed: false,
            revision: policy.revision,
            updated_at: Millis(policy.updated_at),
            updated_by: policy.updated_by.clone(),
            agents: hosts,
        }
    }
}

/// A time with milliseconds always: some readers parse only one form.
#[derive(ToSchema)]
#[schema(as = Time, value_type = String, format = "date-time", example = "2030-01-31T12:00:00.000Z")]
pub(super) struct Millis(Timestamp);

impl Serialize for Millis {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&with_millis(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_name_is_read_back() {
        let id = TokenId::generate(Timestamp::from_secs(1_900_000_000));
        for label in ["", "edge", "a (b)", "x (y) z"] {
            let shown = shown_name(&Label::parse(label).unwrap(), id);
            assert_eq!(of_shown_name(&shown), Some((label, id)), "{shown}");
        }
        for other in ["edge", "edge (x)", &format!("edge({id})"), &format!("edge ({id}"), &format!("({id})")]
        {
            assert_eq!(of_shown_name(other), None, "{other}");
        }
    }
}
