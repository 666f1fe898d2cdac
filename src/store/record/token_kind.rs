//! The kinds of enrollment tokens: the ways in which they were made.

use serde::{Deserialize, Serialize};

use crate::token::Terms;

/// The way an enrollment token was made.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum TokenKind {
    /// For one host, within minutes.
    OneTime,
    /// For every host of a cluster.
    Cluster,
    /// For a rollout to many hosts, until revoked.
    Rollout,
    /// For any number of hosts with its roles.
    Roles,
    /// For one enrolled host, which gets a new identity.
    ReEnrollment,
    /// For every host of a policy.
    Policy,
    /// For an authority without reachable administrators.
    Emergency,
    /// Any other terms.
    Custom,
}

impl TokenKind {
    /// The kinds that a mint can ask for.
    pub const PRESETS: [Self; 4] = [Self::OneTime, Self::Cluster, Self::Rollout, Self::Roles];

    /// The name in the store, the API and on the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The kind of a token with these terms that was minted without a preset. A migration judges older rows the same way.
    pub const fn of(terms: &Terms) -> Self {
        match (terms.persistent, terms.max_uses) {
            (false, Some(1)) => Self::OneTime,
            (true, _) if terms.bindings.cluster.is_some() => Self::Cluster,
            (true, _) if terms.policy.is_some() => Self::Policy,
            _ => Self::Custom,
        }
    }
}
