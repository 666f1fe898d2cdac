//! The keys of a verifier, with a cache of valid signatures.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Timestamp;
use crate::token::{HotServiceTokens, HotTokens, LEEWAY, VerifyingKeys};

/// One generation of keys, with the signatures verified under it.
pub(super) struct Keys {
    pub(super) verifying: VerifyingKeys,
    pub(super) hot: HotServiceTokens,
    /// The fetched text, for a snapshot.
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

    /// Records a confirmation. A late response does not make the keys older; a time from a clock that ran ahead is replaced.
    pub(super) fn confirm(&self, at: Timestamp) {
        let newest =
            |held: i64| (held < at.millis() || held > at.plus(LEEWAY).millis()).then_some(at.millis());
        // A later confirmation stays.
        let _ = self.confirmed_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, newest);
    }
}
