//! Which DNS names tokens may let hosts ask for.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Allowed;
use crate::name::DnsPattern;

/// The patterns that a token may have. One is allowed if an allowed one covers it: `*.eu.example.org` allows itself and every name
/// right under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DnsNames(Allowed<DnsPattern>);

impl DnsNames {
    /// Every one: written `"any"`.
    pub const ANY: Self = Self(Allowed::Any);
    /// None: a token gives a host no name.
    pub const NONE: Self = Self(Allowed::Only(BTreeSet::new()));

    /// These patterns, and the names that they cover.
    pub const fn only(patterns: BTreeSet<DnsPattern>) -> Self {
        Self(Allowed::Only(patterns))
    }

    /// Returns true if a token may have `pattern`.
    pub fn allows(&self, pattern: &DnsPattern) -> bool {
        match &self.0 {
            Allowed::Any => true,
            Allowed::Only(patterns) => patterns.iter().any(|allowed| allowed.covers(pattern)),
        }
    }

    /// Returns true if `other` allows everything that `self` allows.
    pub fn is_within(&self, other: &Self) -> bool {
        match &self.0 {
            Allowed::Any => other.0 == Allowed::Any,
            Allowed::Only(patterns) => patterns.iter().all(|pattern| other.allows(pattern)),
        }
    }

    /// The names that both allow. Two patterns overlap only where one covers the other, so the
    /// narrower patterns express it.
    pub(super) fn within(self, other: &Self) -> Self {
        let (patterns, others) = match (self.0, &other.0) {
            (patterns, Allowed::Any) => return Self(patterns),
            (Allowed::Any, _) => return other.clone(),
            (Allowed::Only(patterns), Allowed::Only(others)) => (patterns, others),
        };
        let all = Self::only(patterns.clone());
        let mut both = Self::only(patterns.into_iter().filter(|pattern| other.allows(pattern)).collect());
        let narrower = others.iter().filter(|pattern| all.allows(pattern) && !both.allows(pattern));
        let narrower: Vec<_> = narrower.cloned().collect();
        if let Allowed::Only(both) = &mut both.0 {
            both.extend(narrower);
        }
        both
    }
}

impl fmt::Display for DnsNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> DnsNames {
        DnsNames::only(texts.iter().map(|text| DnsPattern::parse(text).unwrap()).collect())
    }

    #[test]
    fn two_lists_meet_in_their_narrower_patterns() {
        let wide = names(&["*.eu.example.org", "a.us.example.org"]);
        for (other, both) in [
            (
                names(&["n.eu.example.org", "*.us.example.org"]),
                names(&["n.eu.example.org", "a.us.example.org"]),
            ),
            (names(&["*.eu.example.org", "n.eu.example.org"]), names(&["*.eu.example.org"])),
            (names(&["*.n.eu.example.org", "eu.example.org"]), DnsNames::NONE),
            (DnsNames::NONE, DnsNames::NONE),
            (DnsNames::ANY, wide.clone()),
        ] {
            assert_eq!(wide.clone().within(&other), both, "{other}");
        }
        assert_eq!(DnsNames::ANY.within(&wide), wide);
    }
}
