//! Settings changed at run time.

use std::time::Duration;

use crate::clock::Timestamp;

/// A setting changed at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRecord {
    /// Name of the setting.
    pub name: String,
    /// The span in force.
    pub value: Duration,
    /// Moment of the change.
    pub changed_at: Timestamp,
}
