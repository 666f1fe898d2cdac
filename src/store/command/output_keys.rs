//! The verbs about keys of hosts at the clusters of outputs. The row of an attempt is durable before the cluster is
//! asked, so that no crash leaves a key that nobody knows.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::{AttemptId, HostId, OutputId};
use crate::ledger::Draft;
use crate::store::{KeyOf, OutputState, OutputWork, StoredKey};

/// Time until an attempt without an end is abandoned. It is much longer than a call.
pub const ATTEMPT_LEASE: Duration = Duration::from_secs(60);

/// Time after a request within which the cluster may still make the key. Until then, an answer that it knows no such key is not final.
pub const LATE_KEYS: Duration = Duration::from_secs(15 * 60);

/// Time after which gatepass gives up a key that its cluster says it does not know. Until then, the name of the cluster may lead to another
/// one by mistake.
pub const UNKNOWN_KEYS: Duration = Duration::from_secs(24 * 60 * 60);

/// Time that one call to a failing cluster has for itself. It is longer than a call.
pub const PROBE_LEASE: Duration = Duration::from_secs(10);

/// No work waits as long, unless the clock was set back.
pub const LONGEST_WAIT: Duration = Duration::from_secs(2 * 60 * 60);

/// Time between two checks of a key that its host reported.
pub const CHECKED_EVERY: Duration = Duration::from_secs(5 * 60);

/// See [`Verbs::want_output_keys`](crate::store::Verbs::want_output_keys). Keys that the host no longer may have are withdrawn first.
/// There is no entry, because nothing is given yet.
pub struct WantOutputKeys {
    /// Id of the host.
    pub host: HostId,
    /// The outputs, which its policy must have.
    pub outputs: Vec<OutputId>,
    /// Time of the request.
    pub at: Timestamp,
}

/// See [`Verbs::ask_output_key`](crate::store::Verbs::ask_output_key).
pub struct AskOutputKey {
    /// Host and output of the key.
    pub key: KeyOf,
    /// The attempt, which is part of the key's name at the cluster.
    pub attempt: AttemptId,
    /// The output's revision that was read.
    pub cluster: u64,
    /// Time of the attempt.
    pub at: Timestamp,
}

/// See [`Verbs::keep_output_key`](crate::store::Verbs::keep_output_key).
pub struct KeepOutputKey {
    /// Host and output of the key.
    pub key: KeyOf,
    /// The attempt that made it.
    pub attempt: AttemptId,
    /// The key as the cluster made it.
    pub made: StoredKey,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::probe_cluster`](crate::store::Verbs::probe_cluster).
pub struct ProbeCluster {
    /// Id of the output.
    pub output: OutputId,
    /// The output's revision since which keys of the cluster are good.
    pub cluster: u64,
    /// Time of the probe.
    pub at: Timestamp,
}

/// See [`Verbs::fail_output_work`](crate::store::Verbs::fail_output_work). All work at the cluster waits until `next_at`, and this piece
/// is the last of it.
pub struct FailOutputWork {
    /// The work that failed.
    pub work: OutputWork,
    /// The attempt to make a key that failed; `None` before it began, and for other work.
    pub attempt: Option<AttemptId>,
    /// True if the cluster may have made the key.
    pub may_exist: bool,
    /// State of the cluster.
    pub state: OutputState,
    /// Time of the failure.
    pub at: Timestamp,
    /// Time of the next call.
    pub next_at: Timestamp,
}

/// See [`Verbs::abandon_output_keys`](crate::store::Verbs::abandon_output_keys).
pub struct AbandonOutputKeys {
    /// The key; `None`: the keys of all attempts, which a new process cannot end.
    pub key: Option<KeyOf>,
    /// Time of the act.
    pub at: Timestamp,
}

/// See [`Verbs::doubt_output_keys`](crate::store::Verbs::doubt_output_keys). A key that was checked within [`CHECKED_EVERY`] is not
/// checked again.
pub struct DoubtOutputKeys {
    /// Id of the host.
    pub host: HostId,
    /// The outputs that fail.
    pub outputs: Vec<OutputId>,
    /// Time of the report.
    pub at: Timestamp,
}

/// See [`Verbs::judge_output_key`](crate::store::Verbs::judge_output_key).
pub struct JudgeOutputKey {
    /// Host and output of the key.
    pub key: KeyOf,
    /// The attempt that made it.
    pub attempt: AttemptId,
    /// True if the cluster said that it is invalid.
    pub is_invalid: bool,
    /// Time of the answer.
    pub at: Timestamp,
}

/// See [`Verbs::withdraw_output_keys`](crate::store::Verbs::withdraw_output_keys). Each key is judged again. Times that only a wrong clock
/// can have written end too, and so do clusters that no key needs.
pub struct WithdrawOutputKeys {
    /// The keys that were found.
    pub keys: Vec<KeyOf>,
    /// Time of the act.
    pub at: Timestamp,
}

/// See [`Verbs::settle_invalidation`](crate::store::Verbs::settle_invalidation).
pub struct SettleInvalidation {
    /// The attempt that made the key.
    pub attempt: AttemptId,
    /// The id by which the cluster was asked. With another one by now, nothing changes.
    pub id: Option<String>,
    /// The end of this try.
    pub end: InvalidationEnd,
}

/// The end of a try to invalidate a key.
pub enum InvalidationEnd {
    /// The key is not valid any longer, or is unknown to the cluster for good. It has an entry if it ever had an answer.
    Done(Option<Box<Draft>>),
    /// The cluster knows no such key yet.
    Again {
        /// Time of the next try.
        next_at: Timestamp,
    },
}
