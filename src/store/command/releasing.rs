//! The verbs that release what a restore suspended.

use crate::id::{ApiKeyId, TokenId};
use crate::ledger::Draft;

/// See [`Verbs::release_tokens`](crate::store::Verbs::release_tokens). Only enrollment tokens are found. An ended token stays as it is.
pub struct ReleaseTokens {
    /// Ids of the tokens.
    pub tokens: Vec<TokenId>,
    /// Number of uses that a token with a use limit gets: at least one, at most those it has left. Required for such a token.
    pub uses_left: Option<u32>,
    /// The base of each token's entry.
    pub entry: Draft,
}

/// See [`Verbs::release_api_keys`](crate::store::Verbs::release_api_keys).
pub struct ReleaseApiKeys {
    /// Ids of the keys.
    pub keys: Vec<ApiKeyId>,
    /// The base of each key's entry.
    pub entry: Draft,
}
