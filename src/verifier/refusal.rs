//! Refusals of tokens, and the keys and lists a verifier lacks.

use std::time::Duration;

use crate::id::KeyId;
use crate::token::VerifyError;

/// A refused token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token is invalid.
    #[error(transparent)]
    Token(#[from] VerifyError),
    /// The token was revoked.
    #[error("the token was revoked: ask for a new one")]
    Revoked,
    /// The token is suspended.
    #[error("the token is suspended: ask the operator of the authority")]
    Suspended,
    /// The token is used up.
    #[error("the token is used up: ask for a new one")]
    UsedUp,
    /// Its index is beyond the end of its list.
    #[error("the token's place is beyond the end of its status list: ask for a new one")]
    NoEntry,
    /// The verifier has no keys yet.
    #[error("the authority's keys are not known yet: fetch them from /.well-known/jwks.json")]
    NoKeys,
    /// The key set is stale.
    #[error("the authority's keys were last confirmed {} s ago: fetch them again", age.as_secs())]
    StaleKeys {
        /// Time since then.
        age: Duration,
    },
    /// The status list of the token is unknown.
    #[error("the token's status list is not known yet: fetch it from {uri}")]
    UnknownList {
        /// Its address.
        uri: String,
    },
    /// The status list of the token is stale.
    #[error("the token's status list was last confirmed {} s ago: fetch it again", age.as_secs())]
    StaleList {
        /// Time since then.
        age: Duration,
    },
}

impl Refusal {
    /// Returns true if the verifier cannot judge and the token may be valid: answer 503, not 401.
    pub const fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::NoKeys | Self::StaleKeys { .. } | Self::UnknownList { .. } | Self::StaleList { .. }
        )
    }

    /// A name for logs and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => error.code(),
            Self::Revoked => "token_revoked",
            Self::Suspended => "token_suspended",
            Self::UsedUp => "token_used_up",
            Self::NoEntry => "token_without_status",
            Self::NoKeys => "keys_unknown",
            Self::StaleKeys { .. } => "keys_stale",
            Self::UnknownList { .. } => "status_list_unknown",
            Self::StaleList { .. } => "status_list_stale",
        }
    }
}

/// A key or list that a token names and the verifier lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A key. Any client can name one: fetch the key set again, but at a limited rate.
    Key(KeyId),
    /// A status list at this address. Only a token with a valid signature can name one.
    List(String),
}
