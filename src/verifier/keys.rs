//! The keys of a verifier, with a cache of valid signatures.

use super::staleness::ConfirmedAt;
use crate::clock::Timestamp;
use crate::token::{HotServiceTokens, HotTokens, VerifyingKeys};

/// One generation of keys, with the signatures verified under it.
pub(super) struct Keys {
    pub(super) verifying: VerifyingKeys,
    pub(super) hot: HotServiceTokens,
    /// The fetched text, for a snapshot.
    pub(super) jwks: String,
    pub(super) confirmed_at: ConfirmedAt,
}

impl Keys {
    pub(super) fn new(verifying: VerifyingKeys, jwks: &str, hot_tokens: usize, at: Timestamp) -> Self {
        let hot = HotTokens::new(hot_tokens);
        Self { verifying, hot, jwks: jwks.to_owned(), confirmed_at: ConfirmedAt::at(at) }
    }
}
