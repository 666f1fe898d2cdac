//! The commands about sessions.

use crate::clock::Timestamp;
use crate::id::SessionId;
use crate::ledger::Draft;
use crate::store::SessionRecord;

/// See [`Command::BeginSession`](super::Command::BeginSession). Only for a user who is there and enabled, in the session's
/// epoch: a password that was set since it was proven begins nothing.
pub struct BeginSession {
    /// The session.
    pub session: SessionRecord,
    /// How many sessions of this kind the user may have, this one included: those go that were not used for longest. One at
    /// least.
    pub most: u32,
    /// The entry; the store adds how many went.
    pub entry: Draft,
}

/// See [`Command::ExtendSession`](super::Command::ExtendSession).
pub struct ExtendSession {
    /// The session.
    pub id: SessionId,
    /// When it was used for that.
    pub at: Timestamp,
    /// When it ends from now on.
    pub expires_at: Timestamp,
    /// The entry.
    pub entry: Draft,
}

/// See [`Command::EndSession`](super::Command::EndSession).
pub struct EndSession {
    /// The session.
    pub id: SessionId,
    /// The entry.
    pub entry: Draft,
}

/// See [`Command::MarkSessions`](super::Command::MarkSessions). It only moves on, and makes no entry.
pub struct MarkSessions {
    /// The sessions, and when each was used last.
    pub seen: Vec<(SessionId, Timestamp)>,
}
