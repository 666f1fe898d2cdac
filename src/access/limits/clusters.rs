//! Which clusters tokens may be bound to, and whether they may be bound to none.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ANY, Allowed};
use crate::name::Cluster;

/// The clusters that a token may be bound to. A token that is bound to none admits hosts of any cluster, so whoever is
/// limited to some has to bind each token to one of them; whoever is limited to none leaves tokens unbound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clusters {
    /// Every one, and none: written `"any"`.
    Any,
    /// These: written as a list.
    Only {
        /// The clusters.
        names: BTreeSet<Cluster>,
        /// Whether a token may be bound to none: so it is for the empty list, and never for another.
        unbound: bool,
    },
}

impl Clusters {
    /// The empty list.
    pub const NONE: Self = Self::Only { names: BTreeSet::new(), unbound: true };

    /// Whether a token may be bound to `cluster`, or to none.
    pub fn allows(&self, cluster: Option<&Cluster>) -> bool {
        match (self, cluster) {
            (Self::Any, _) => true,
            (Self::Only { names, .. }, Some(cluster)) => names.contains(cluster),
            (Self::Only { unbound, .. }, None) => *unbound,
        }
    }

    /// Whether everything that `self` allows is allowed by `other` too.
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Any) => true,
            (Self::Any, Self::Only { .. }) => false,
            (Self::Only { names, unbound }, Self::Only { names: others, unbound: other }) => {
                names.is_subset(others) && (*other || !unbound)
            }
        }
    }

    /// What both allow: of two lists without a common name nothing, not even tokens that are bound to none.
    pub(super) fn within(self, other: &Self) -> Self {
        match (self, other) {
            (clusters, Self::Any) => clusters,
            (Self::Any, clusters) => clusters.clone(),
            (Self::Only { names, unbound }, Self::Only { names: others, unbound: other }) => Self::Only {
                names: names.intersection(others).cloned().collect(),
                unbound: unbound && *other,
            },
        }
    }
}

impl fmt::Display for Clusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str(ANY),
            Self::Only { names, .. } if names.is_empty() => f.write_str("none"),
            Self::Only { names, .. } => {
                f.write_str(&names.iter().map(Cluster::as_str).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl Serialize for Clusters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str(ANY),
            Self::Only { names, .. } => serializer.collect_seq(names),
        }
    }
}

impl<'de> Deserialize<'de> for Clusters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Allowed::deserialize(deserializer)? {
            Allowed::Any => Self::Any,
            Allowed::Only(names) => Self::Only { unbound: names.is_empty(), names },
        })
    }
}
