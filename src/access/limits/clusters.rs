//! Which clusters tokens may be bound to, and whether they may be bound to none.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ANY, Allowed, NOTHING};
use crate::name::Cluster;

/// The clusters that a token may be bound to. An unbound token admits hosts of any cluster. So a caller that is limited to
/// some clusters binds each token to one of them. A caller that is limited to none leaves tokens unbound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clusters {
    /// Every one, and none: written `"any"`.
    Any,
    /// These: written as a list. Of the empty one tokens are bound to none, of another each token is bound to one.
    Only(BTreeSet<Cluster>),
    /// Neither a cluster nor none, so no token at all: what is left of two lists without a common name. It cannot be asked for,
    /// and is shown as `"nothing"`.
    Nothing,
}

impl Clusters {
    /// The empty list.
    pub const NONE: Self = Self::Only(BTreeSet::new());

    /// Returns true if a token may be bound to `cluster`, or to none.
    pub fn allows(&self, cluster: Option<&Cluster>) -> bool {
        match (self, cluster) {
            (Self::Any, _) => true,
            (Self::Only(names), Some(cluster)) => names.contains(cluster),
            (Self::Only(names), None) => names.is_empty(),
            (Self::Nothing, _) => false,
        }
    }

    /// Returns true if `other` allows everything that `self` allows.
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Any) | (Self::Nothing, _) => true,
            (Self::Any, _) | (_, Self::Nothing) => false,
            // The empty list allows what no other does: tokens that are bound to none.
            (Self::Only(names), Self::Only(others)) => {
                names.is_subset(others) && names.is_empty() == others.is_empty()
            }
        }
    }

    /// The clusters that both allow.
    pub(super) fn within(self, other: &Self) -> Self {
        match (self, other) {
            (clusters, Self::Any) => clusters,
            (Self::Any, clusters) => clusters.clone(),
            (Self::Only(names), Self::Only(others)) if names.is_empty() && others.is_empty() => Self::NONE,
            (Self::Only(names), Self::Only(others)) => {
                let common: BTreeSet<_> = names.intersection(others).cloned().collect();
                if common.is_empty() { Self::Nothing } else { Self::Only(common) }
            }
            (Self::Nothing, _) | (_, Self::Nothing) => Self::Nothing,
        }
    }
}

impl fmt::Display for Clusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str(ANY),
            Self::Only(names) if names.is_empty() => f.write_str("none"),
            Self::Only(names) => {
                f.write_str(&names.iter().map(Cluster::as_str).collect::<Vec<_>>().join(", "))
            }
            Self::Nothing => f.write_str(NOTHING),
        }
    }
}

impl Serialize for Clusters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str(ANY),
            Self::Only(names) => serializer.collect_seq(names),
            Self::Nothing => serializer.serialize_str(NOTHING),
        }
    }
}

impl<'de> Deserialize<'de> for Clusters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Allowed::deserialize(deserializer)? {
            Allowed::Any => Self::Any,
            Allowed::Only(names) => Self::Only(names),
        })
    }
}
