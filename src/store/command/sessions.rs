//! The commands about sessions.

use crate::clock::Timestamp;
use crate::id::SessionId;
use crate::ledger::Draft;
use crate::store::SessionRecord;

/// See [`Verbs::begin_session`](crate::store::Verbs::begin_session). Only for a user who is there and enabled, in the session's
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

/// See [`Verbs::extend_session`](crate::store::Verbs::extend_session).
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

/// See [`Verbs::end_session`](crate::store::Verbs::end_session).
pub struct EndSession {
    /// The session.
    pub id: SessionId,
    /// The entry.
    pub entry: Draft,
}
