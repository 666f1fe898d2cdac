//! The authority's keys as a verifier holds them, with the good signatures that were seen under them.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Timestamp;
use crate::token::{HotServiceTokens, HotTokens, VerifyingKeys};

/// One generation of keys. What was seen under them goes with them.
pub(super) struct Keys {
    pub(super) verifying: VerifyingKeys,
    pub(super) hot: HotServiceTokens,
    /// As it was fetched, for a snapshot.
    pub(super) jwks: String,
    confirmed_at: AtomicI64,
}

impl Keys {
    pub(super) fn new(verifying: VerifyingKeys, jwks: &str, hot_tokens: usize, at: Timestamp) -> Self {
        let hot = HotTokens::new(hot_tokens);
        Self { verifying, hot, jwks: jwks.to_owned(), confirmed_at: AtomicI64::new(at.millis()) }
    }

    pub(super) fn confirmed_at(&self) -> Timestamp {
        Timestamp::from_millis(self.confirmed_at.load(Ordering::Acquire))
    }

    /// A late answer does not make them older.
    pub(super) fn confirm(&self, at: Timestamp) {
        self.confirmed_at.fetch_max(at.millis(), Ordering::AcqRel);
    }
}
