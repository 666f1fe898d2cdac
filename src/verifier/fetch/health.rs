//! How a refresher is doing, for a service's own metrics and readiness.

use std::time::Duration;

use crate::clock::Timestamp;

/// How a refresher is doing at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Keys and lists were fetched, or read from a snapshot, at least once.
    pub ready: bool,
    /// How long ago the keys were confirmed; `None` before the first time.
    pub keys_age: Option<Duration>,
    /// How long ago the list that waits longest was confirmed; `None` before the first time.
    pub lists_age: Option<Duration>,
    /// How many status lists are known.
    pub lists: usize,
    /// Whether changes are pushed; otherwise lists are polled.
    pub following: bool,
    /// How many changes were pushed so far.
    pub pushed: u64,
    /// How often something failed so far.
    pub failures: u64,
    /// What failed last, and when. It stays after a recovery: compare it with the ages.
    pub last_failure: Option<(Timestamp, String)>,
}

/// What has happened so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub(super) keys: bool,
    pub(super) lists: bool,
    pub(super) following: bool,
    pub(super) pushed: u64,
    pub(super) failures: u64,
    pub(super) last_failure: Option<(Timestamp, String)>,
}

impl Progress {
    /// Whether tokens can be judged.
    pub(super) const fn is_ready(&self) -> bool {
        self.keys && self.lists
    }
}
