//! The moments that tell whether a backup is due.

use crate::clock::Timestamp;

/// The founding of the authority, and its newest backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupTimes {
    /// Moment of the founding.
    pub founded_at: Option<Timestamp>,
    /// Moment of the newest backup.
    pub backed_up_at: Option<Timestamp>,
}
