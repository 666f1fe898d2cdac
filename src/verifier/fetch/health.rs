//! The health of a refresher, for the metrics and readiness of a service.

use std::time::Duration;

use crate::clock::Timestamp;

/// The state of a refresher at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Keys and lists were fetched, or read from a snapshot, at least once.
    pub ready: bool,
    /// Time since the keys were confirmed; `None` before the first time.
    pub keys_age: Option<Duration>,
    /// Longest time since a known list was confirmed; `None` before the first time.
    pub lists_age: Option<Duration>,
    /// Number of known status lists.
    pub lists: usize,
    /// True while changes are pushed. Otherwise lists are polled.
    pub following: bool,
    /// Number of changes pushed so far.
    pub pushed: u64,
    /// Number of failures so far.
    pub failures: u64,
    /// The last failure and its time. It stays after a recovery: compare it with the ages.
    pub last_failure: Option<(Timestamp, String)>,
}

/// The progress since the start.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// The keys were fetched or resumed.
    pub(super) keys: bool,
    /// The lists were fetched or resumed.
    pub(super) lists: bool,
    /// The counts of the health; its other fields are computed on request.
    pub(super) counts: Health,
}

impl Progress {
    /// Returns true once tokens can be verified.
    pub(super) const fn is_ready(&self) -> bool {
        self.keys && self.lists
    }
}
