//! A session in the store.

use std::net::IpAddr;

use crate::access::SessionKind;
use crate::clock::Timestamp;
use crate::id::SessionId;

/// A session of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its id: SHA-256 of its secret.
    pub id: SessionId,
    /// Name of its user.
    pub user: String,
    /// The user's epoch at its beginning.
    pub epoch: u64,
    /// The carrier of its secret.
    pub kind: SessionKind,
    /// Moment of its beginning.
    pub created_at: Timestamp,
    /// Its end, however much it is used.
    pub expires_at: Timestamp,
    /// Moment of its latest use, to a minute.
    pub seen_at: Timestamp,
    /// The address of the sign-in; `None` if an older version began it.
    pub address: Option<IpAddr>,
}
