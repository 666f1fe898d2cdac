//! Settings changed at run time.

use crate::clock::Timestamp;

/// A setting changed at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRecord {
    /// Name of the setting.
    pub name: String,
    /// The value in force: milliseconds of a span, or a limit as in [`NodeLimit::stored`](crate::store::NodeLimit::stored).
    pub value: u64,
    /// Moment of the change.
    pub changed_at: Timestamp,
}
