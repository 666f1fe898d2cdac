//! The causes of failing clusters that the log has.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;

use crate::id::OutputId;

/// Maximum number of causes of a cluster.
const MOST_CAUSES: usize = 32;

/// A cluster of an output, by the revision since which its keys are good.
type ClusterOf = (OutputId, u64);

/// Causes by cluster. A cluster that is down must not get a line for each host.
#[derive(Default)]
pub(super) struct Logged(Mutex<BTreeMap<ClusterOf, BTreeSet<String>>>);

impl Logged {
    /// Returns true if the log does not have this cause yet.
    pub(super) fn is_new(&self, cluster: ClusterOf, cause: &str) -> bool {
        let mut known = self.0.lock();
        let causes = known.entry(cluster).or_default();
        causes.len() < MOST_CAUSES && causes.insert(cause.to_owned())
    }

    /// Forgets the causes of a cluster that works.
    pub(super) fn works(&self, cluster: ClusterOf) {
        self.0.lock().remove(&cluster);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn each_cause_is_new_once_until_the_cluster_works() {
        let logged = Logged::default();
        let now = Timestamp::from_secs(1_900_000_000);
        let (one, other) = ((OutputId::generate(now), 1), (OutputId::generate(now), 1));
        assert!(logged.is_new(one, "refused") && !logged.is_new(one, "refused"));
        assert!(logged.is_new(one, "403") && !logged.is_new(one, "refused"), "another cause");
        assert!(logged.is_new(other, "refused"), "another cluster");
        logged.works(one);
        assert!(logged.is_new(one, "refused") && !logged.is_new(other, "refused"));
    }
}
