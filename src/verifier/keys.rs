//! The authority's keys as a verifier holds them, with the good signatures that were seen under them.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Timestamp;
use crate::token::{HotServiceTokens, HotTokens, LEEWAY, VerifyingKeys};

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

    /// A late answer does not make them older; what was confirmed under a clock that ran ahead gives way.
    pub(super) fn confirm(&self, at: Timestamp) {
        let newest =
            |held: i64| (held < at.millis() || held > at.plus(LEEWAY).millis()).then_some(at.millis());
        // Nothing to do if it was later already.
        let _ = self.confirmed_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, newest);
    }
}
