//! The verbs about keys of hosts at the clusters of outputs. The row of an attempt is durable before the cluster is
//! asked, so that no crash leaves a key that nobody knows.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::{AttemptId, HostId, OutputId};
use crate::ledger::Draft;
use crate::store::{KeyOf, OutputState, StoredKey};

/// Time until an attempt without an end is abandoned. It is much longer than a call.
pub const ATTEMPT_LEASE: Duration = Duration::from_secs(60);

/// Time after a request within which the cluster may still make the key. Until then, an answer that it knows no such key is not final.
pub const LATE_KEYS: Duration = Duration::from_secs(15 * 60);

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

/// See [`Verbs::delay_output_key`](crate::store::Verbs::delay_output_key). The other due keys of the output wait as long.
pub struct DelayOutputKey {
    /// Host and output of the key.
    pub key: KeyOf,
    /// The attempt that failed.
    pub attempt: AttemptId,
    /// True if the cluster may have made the key.
    pub may_exist: bool,
    /// The new state.
    pub state: OutputState,
    /// Number of failures in a row.
    pub failures: u32,
    /// Time of the failure.
    pub at: Timestamp,
    /// Time of the next attempt.
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

/// See [`Verbs::withdraw_output_keys`](crate::store::Verbs::withdraw_output_keys).
pub struct WithdrawOutputKeys {
    /// Time of the act.
    pub at: Timestamp,
    /// Maximum number of keys.
    pub most: u32,
}

/// See [`Verbs::settle_invalidation`](crate::store::Verbs::settle_invalidation).
pub struct SettleInvalidation {
    /// The attempt that made the key.
    pub attempt: AttemptId,
    /// The end of this try.
    pub end: InvalidationEnd,
}

/// The end of a try to invalidate a key.
pub enum InvalidationEnd {
    /// The key is not valid any longer. It has an entry if the cluster knew the key.
    Done(Option<Box<Draft>>),
    /// The cluster knows no such key yet.
    Again {
        /// Time of the next try.
        next_at: Timestamp,
    },
    /// The cluster gave no answer. The other due invalidations of this cluster wait as long.
    Failed {
        /// Number of failures in a row.
        failures: u32,
        /// Time of the failure.
        at: Timestamp,
        /// Time of the next try.
        next_at: Timestamp,
    },
}
