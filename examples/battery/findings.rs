//! The faults of a server that a check has found.

use std::collections::BTreeMap;

/// Findings by their subject: each token or host counts once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    /// Acknowledged acts that are no longer there.
    pub(crate) lost: BTreeMap<String, String>,
    /// Tokens with more uses than they allow, or used after their revocation.
    pub(crate) over_used: BTreeMap<String, String>,
    /// Any other promise that was broken.
    pub(crate) other: BTreeMap<String, String>,
}

impl Findings {
    /// Records a lost act.
    pub(crate) fn lost(&mut self, subject: &str, why: impl Into<String>) {
        self.lost.entry(subject.to_owned()).or_insert_with(|| why.into());
    }

    /// Records a use too many.
    pub(crate) fn over_used(&mut self, subject: &str, why: impl Into<String>) {
        self.over_used.entry(subject.to_owned()).or_insert_with(|| why.into());
    }

    /// Records another broken promise.
    pub(crate) fn other(&mut self, subject: &str, why: impl Into<String>) {
        self.other.entry(subject.to_owned()).or_insert_with(|| why.into());
    }

    /// Adds the findings of a round, whose name precedes them.
    pub(crate) fn merge(&mut self, round: &str, more: Self) {
        let add = |into: &mut BTreeMap<String, String>, from: BTreeMap<String, String>| {
            for (subject, why) in from {
                into.entry(subject).or_insert_with(|| format!("{round}: {why}"));
            }
        };
        add(&mut self.lost, more.lost);
        add(&mut self.over_used, more.over_used);
        add(&mut self.other, more.other);
    }
}
