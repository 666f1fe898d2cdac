//! The verbs about sessions.

use crate::clock::Timestamp;
use crate::id::SessionId;
use crate::ledger::Draft;
use crate::store::SessionRecord;

/// See [`Verbs::begin_session`](crate::store::Verbs::begin_session). The user must exist, be enabled, and be in the session's epoch: a
/// password that changed after the sign-in begins no session.
pub struct BeginSession {
    /// Record of the session.
    pub session: SessionRecord,
    /// Maximum number of sessions of this kind per user, including this one; at least 1. The least recently used ones are deleted.
    pub most: u32,
    /// The entry; the store adds the number of deleted sessions.
    pub entry: Draft,
}

/// See [`Verbs::extend_session`](crate::store::Verbs::extend_session).
pub struct ExtendSession {
    /// Id of the session.
    pub id: SessionId,
    /// New end of the session.
    pub expires_at: Timestamp,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::end_session`](crate::store::Verbs::end_session).
pub struct EndSession {
    /// Id of the session.
    pub id: SessionId,
    /// Ledger entry of the act.
    pub entry: Draft,
}
