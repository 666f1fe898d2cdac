//! Why a token was not let through, and what a verifier misses.

use std::time::Duration;

use crate::id::KeyId;
use crate::token::VerifyError;

/// Why a verifier does not let a token through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token itself is not good.
    #[error(transparent)]
    Token(#[from] VerifyError),
    /// It was taken back.
    #[error("the token was revoked: ask for a new one")]
    Revoked,
    /// It is suspended.
    #[error("the token is suspended: ask whoever minted it")]
    Suspended,
    /// It has no use left.
    #[error("the token is used up: ask for a new one")]
    UsedUp,
    /// Its index is beyond the end of its list.
    #[error("the token's place is beyond the end of its status list: ask for a new one")]
    NoEntry,
    /// No key set was ever taken over.
    #[error("the authority's keys are not known yet: fetch them from /.well-known/jwks.json")]
    NoKeys,
    /// The key set was not confirmed for too long.
    #[error("the authority's keys were last confirmed {} s ago: fetch them again", age.as_secs())]
    StaleKeys {
        /// How long ago.
        age: Duration,
    },
    /// The status list that the token names is not there.
    #[error("the token's status list is not known yet: fetch it from {uri}")]
    UnknownList {
        /// Where it is published.
        uri: String,
    },
    /// Its status list was not confirmed for too long.
    #[error("the token's status list was last confirmed {} s ago: fetch it again", age.as_secs())]
    StaleList {
        /// How long ago.
        age: Duration,
    },
}

impl Refusal {
    /// Whether the verifier lacks something and the token may be good: an answer of 503 to its holder, not of 401.
    pub const fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::NoKeys | Self::StaleKeys { .. } | Self::UnknownList { .. } | Self::StaleList { .. }
        )
    }

    /// The name of the reason, for logs and metrics.
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

/// What a token named that the verifier does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A key. Anyone can name one: fetch the key set again, but not for each.
    Key(KeyId),
    /// A status list at this address. Only a token with a good signature can name one.
    List(String),
}
