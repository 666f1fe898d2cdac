//! Keys of hosts at the clusters of outputs, and the work on them.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::{AttemptId, HostId, OutputId};
use crate::name::Label;
use crate::seal::{Sealed, SealedPlace};
use crate::store::{OutputSecret, OutputSettings};

/// The state of a host's key at the cluster of an output.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    ToSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum OutputState {
    /// The host has a key.
    Ready,
    /// The key is being requested.
    Preparing,
    /// The cluster gave no usable answer. The request is repeated.
    Unreachable,
    /// The cluster refused the request. The request is repeated.
    Refused,
    /// The cluster no longer accepts the key. Another one is being requested.
    Invalid,
}

impl OutputState {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A key that a cluster made for a host.
pub struct StoredKey {
    /// Its public id at the cluster.
    pub id: String,
    /// Time of its making, which the seal binds.
    pub made_at: Timestamp,
    /// Its secret.
    pub sealed: Sealed,
}

impl StoredKey {
    /// The field of the secret of a host's key, which the seal binds.
    pub fn field(host: HostId) -> String {
        format!("host:{host}")
    }

    /// The place of the secret of a host's key.
    pub fn place(output: OutputId, field: &str, made_at: Timestamp) -> SealedPlace<'_> {
        SealedPlace { output, field, version: u64::try_from(made_at.millis()).unwrap_or(0) }
    }
}

/// A host's key, or the work on it.
pub struct HostKey {
    /// State of the key.
    pub state: OutputState,
    /// Time of the last change of the state.
    pub since: Timestamp,
    /// The attempt that made it, or that makes it.
    pub attempt: Option<AttemptId>,
    /// The key; `None` unless it is ready.
    pub key: Option<StoredKey>,
}

impl HostKey {
    /// A number that another key and another state move. It is below 2^47, so that JSON keeps the sum of many. No change of an
    /// output makes up for it.
    pub fn revision(&self) -> u64 {
        let random = self.attempt.map_or([0; 5], |attempt| {
            let bytes = attempt.as_bytes();
            [bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]]
        });
        let random = random.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let of_key = if self.key.is_some() { random } else { 0 };
        of_key + ((self.state as u64) << 44)
    }
}

/// The state of a host's key at an Elasticsearch output of its policy, as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HostOutput)]
pub struct HostOutputState {
    /// Id of the output.
    pub id: OutputId,
    /// Name of the output.
    pub name: Label,
    /// State of the key; `null`: the host has not read its policy with this output.
    #[schema(required)]
    pub state: Option<OutputState>,
    /// Time of the last change of the state.
    #[schema(required)]
    pub since: Option<Timestamp>,
}

/// The key of a host at an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyOf {
    /// Id of the host.
    pub host: HostId,
    /// Id of the output.
    pub output: OutputId,
}

/// Work on a key that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputWork {
    /// Host and output of the key.
    pub key: KeyOf,
    /// The output's revision since which such keys are good.
    pub cluster: u64,
    /// Number of failures of this cluster in a row.
    pub failures: u32,
    /// The work.
    pub task: OutputTask,
}

/// The work on a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputTask {
    /// The key is to be requested.
    Make,
    /// The attempt to make the key has no end: its process is gone.
    Abandon,
    /// The cluster is to be asked whether the key is valid.
    Check {
        /// The attempt that made it.
        attempt: AttemptId,
        /// Its public id.
        id: String,
    },
    /// The key is to be invalidated.
    Invalidate(Invalidation),
}

/// The thing that a piece of work is about. No two pieces on the same thing run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkPlace {
    /// A host's key.
    Key(KeyOf),
    /// The key of an attempt, which is to be invalidated.
    Attempt(AttemptId),
}

impl OutputWork {
    /// The thing that the work is about.
    pub const fn place(&self) -> WorkPlace {
        match &self.task {
            OutputTask::Make | OutputTask::Abandon | OutputTask::Check { .. } => WorkPlace::Key(self.key),
            OutputTask::Invalidate(invalidation) => WorkPlace::Attempt(invalidation.attempt),
        }
    }
}

/// A key that must not be valid any longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalidation {
    /// The attempt that made it.
    pub attempt: AttemptId,
    /// Its public id; `None` if the cluster may have made it without an answer.
    pub id: Option<String>,
    /// Time of the request for the key.
    pub asked_at: Timestamp,
    /// Time since which the key is to be invalidated.
    pub since: Timestamp,
}

/// The cluster that made a key, or that is to make one.
pub struct KeyCluster {
    /// The output's revision since which its keys are good.
    pub cluster: u64,
    /// The fields of the output.
    pub settings: OutputSettings,
    /// Its sealed credential, with other secrets of the output.
    pub secrets: Vec<OutputSecret>,
}

/// The keys of an output by state, and those that are to be invalidated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// Number of keys in each state that occurs.
    pub states: BTreeMap<OutputState, u64>,
    /// Number of keys that are to be invalidated.
    pub invalidations: u64,
    /// Time since which the oldest of these waits.
    pub oldest_invalidation: Option<Timestamp>,
}

impl KeyCounts {
    /// The counts together with those of another output.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        for (state, number) in other.states {
            *self.states.entry(state).or_default() += number;
        }
        self.invalidations += other.invalidations;
        let oldest = [self.oldest_invalidation, other.oldest_invalidation];
        self.oldest_invalidation = oldest.into_iter().flatten().min();
        self
    }
}
