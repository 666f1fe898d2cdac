//! Settings of run time.

use std::time::Duration;

use crate::clock::Timestamp;

/// A setting that was changed at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRecord {
    /// Its name.
    pub name: String,
    /// What it is.
    pub value: Duration,
    /// When it was changed.
    pub changed_at: Timestamp,
}
