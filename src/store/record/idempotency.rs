//! Idempotency keys of mints.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::{BatchId, BodyHash, IdempotencyKey};

/// Time for which an idempotency key is kept.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// Maximum number of idempotency keys of one caller. A further key replaces the oldest.
pub const MOST_IDEMPOTENCY_KEYS: u32 = 1000;

/// A mint that its caller may send again: the same key then mints nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The caller, as the ledger names actors.
    pub caller: String,
    /// The caller's key.
    pub key: IdempotencyKey,
    /// The body of the request.
    pub body: BodyHash,
    /// The batch that the request minted.
    pub batch: BatchId,
    /// Time of the request.
    pub created_at: Timestamp,
}
