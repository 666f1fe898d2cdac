//! Limits of an actor's acts (I5): roles, DNS names, lifetimes, uses, clusters, policies.

mod clusters;
mod dns_names;
mod json;
mod schema;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::clusters::Clusters;
pub use self::dns_names::DnsNames;
pub use self::schema::RequestedLimits;
use crate::id::PolicyId;
use crate::name::Role;
use crate::span::show_span;

/// The word for no bound; absence never means it.
const ANY: &str = "any";

/// Maximum number of names in one list.
pub const MOST_NAMES: usize = 64;

/// The word for less than an empty list allows: see [`Clusters::Nothing`].
const NOTHING: &str = "nothing";

/// Which names may be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed<T> {
    /// Every one: written `"any"`.
    Any,
    /// These; an empty set allows none.
    Only(BTreeSet<T>),
}

/// The maximum of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Most<T> {
    /// Any amount, without an end too: written `"any"`.
    Any,
    /// This much.
    UpTo(T),
}

/// The limits of a user or an API key. In JSON either `"any"`, or an object whose missing members are those of
/// [`Limits::LEAST`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, remote = "Self")]
pub struct Limits {
    /// The roles that a token or a host may be given.
    pub roles: Allowed<Role>,
    /// The DNS names that a token may let hosts ask for.
    pub dns_names: DnsNames,
    /// Maximum life of a token.
    pub max_ttl: Most<Duration>,
    /// Maximum number of hosts that a token admits. A service token counts as unlimited.
    pub max_uses: Most<u32>,
    /// Permission to mint persistent tokens.
    pub persistent: bool,
    /// The clusters that a token may be bound to.
    pub clusters: Clusters,
    /// The policies that a token or a host may be given, and that may be changed.
    pub policies: Allowed<PolicyId>,
}

impl Limits {
    /// No limits.
    pub const ANY: Self = Self {
        roles: Allowed::Any,
        dns_names: DnsNames::ANY,
        max_ttl: Most::Any,
        max_uses: Most::Any,
        persistent: true,
        clusters: Clusters::Any,
        policies: Allowed::Any,
    };

    /// The limits of a key that was created without any: ephemeral tokens of an hour at most, one use, no roles, no names, no
    /// policies.
    pub const LEAST: Self = Self {
        roles: Allowed::Only(BTreeSet::new()),
        dns_names: DnsNames::NONE,
        max_ttl: Most::UpTo(Duration::from_secs(3600)),
        max_uses: Most::UpTo(1),
        persistent: false,
        clusters: Clusters::NONE,
        policies: Allowed::Only(BTreeSet::new()),
    };

    /// The limits that satisfy both.
    #[must_use]
    pub fn within(self, other: &Self) -> Self {
        Self {
            roles: self.roles.within(&other.roles),
            dns_names: self.dns_names.within(&other.dns_names),
            max_ttl: self.max_ttl.within(other.max_ttl),
            max_uses: self.max_uses.within(other.max_uses),
            persistent: self.persistent && other.persistent,
            clusters: self.clusters.within(&other.clusters),
            policies: self.policies.within(&other.policies),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::LEAST
    }
}

impl<T: Ord + Clone> Allowed<T> {
    /// Returns true if `name` is allowed.
    pub fn allows(&self, name: &T) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(name),
        }
    }

    /// Returns true if `other` allows everything that `self` allows.
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Any) => true,
            (Self::Any, Self::Only(_)) => false,
            (Self::Only(names), Self::Only(others)) => names.is_subset(others),
        }
    }

    fn within(self, other: &Self) -> Self {
        match (self, other) {
            (names, Self::Any) => names,
            (Self::Any, names) => names.clone(),
            (Self::Only(names), Self::Only(others)) => {
                Self::Only(names.intersection(others).cloned().collect())
            }
        }
    }
}

impl<T: Ord + Copy> Most<T> {
    /// Returns true if `amount` is allowed; `None` = unlimited.
    pub fn allows(self, amount: Option<T>) -> bool {
        match (self, amount) {
            (Self::Any, _) => true,
            (Self::UpTo(_), None) => false,
            (Self::UpTo(most), Some(amount)) => amount <= most,
        }
    }

    /// Returns true if `other` allows everything that `self` allows.
    pub fn is_within(self, other: Self) -> bool {
        match self {
            Self::Any => other == Self::Any,
            Self::UpTo(most) => other.allows(Some(most)),
        }
    }

    fn within(self, other: Self) -> Self {
        match (self, other) {
            (most, Self::Any) => most,
            (Self::Any, most) => most,
            (Self::UpTo(one), Self::UpTo(other)) => Self::UpTo(one.min(other)),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Allowed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str(ANY),
            Self::Only(names) if names.is_empty() => f.write_str("none"),
            Self::Only(names) => {
                f.write_str(&names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl fmt::Display for Most<Duration> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str(ANY),
            Self::UpTo(most) => f.write_str(&show_span(*most)),
        }
    }
}

impl fmt::Display for Most<u32> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str(ANY),
            Self::UpTo(most) => most.fmt(f),
        }
    }
}
