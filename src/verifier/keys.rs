//! The keys of a verifier, with a cache of valid signatures.

use super::staleness::ConfirmedAt;
use crate::clock::Timestamp;
use crate::token::{HotAccessTokens, HotServiceTokens, HotTokens, VerifyingKeys};

/// One generation of keys, with the signatures verified under it.
pub(super) struct Keys {
    pub(super) verifying: VerifyingKeys,
    pub(super) hot: HotServiceTokens,
    pub(super) hot_access: HotAccessTokens,
    /// The fetched text, for a snapshot.
    pub(super) jwks: String,
    pub(super) confirmed_at: ConfirmedAt,
}

impl Keys {
    pub(super) fn new(verifying: VerifyingKeys, jwks: &str, hot_tokens: usize, at: Timestamp) -> Self {
        let (hot, hot_access) = (HotTokens::new(hot_tokens), HotTokens::new(hot_tokens));
        Self { verifying, hot, hot_access, jwks: jwks.to_owned(), confirmed_at: ConfirmedAt::at(at) }
    }
}
