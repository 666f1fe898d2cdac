//! Why a text is not a good token.

use crate::token::MAX_TOKEN_BYTES;

/// Why a text is not a good token. To a stranger all but the last two are the same; the ledger has this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is longer than a token may be.
    #[error(
        "the token is longer than {MAX_TOKEN_BYTES} bytes: copy the token alone, without what stands around it"
    )]
    TooLong,
    /// It is not of the one form that gatepass mints.
    #[error("this is not a token of gatepass: {why}; copy it whole, as it was shown")]
    Malformed {
        /// What is wrong with it.
        why: &'static str,
    },
    /// Its header names another algorithm than EdDSA.
    #[error(
        "the token names an algorithm that gatepass does not sign with: it is forged or another system's"
    )]
    WrongAlgorithm,
    /// It is another kind of token.
    #[error(
        "the token is of another kind: hosts enroll with enrollment tokens, services take service tokens"
    )]
    WrongType,
    /// No known key signed it.
    #[error("the token's key is unknown or retired: ask for a token from this authority")]
    UnknownKey,
    /// Its key did not sign it.
    #[error("the token's signature does not match: copy it whole, or ask for a new one")]
    BadSignature,
    /// It was minted by another authority, or under a URL that is retired.
    #[error(
        "the token was issued by another authority: present it there, or ask for one from this authority"
    )]
    WrongIssuer,
    /// It is meant for another place than this one.
    #[error("the token is meant for another audience: present one that was minted for this place")]
    WrongAudience,
    /// It is ephemeral, and its key verifies persistent tokens only.
    #[error(
        "the token was minted before the authority was restored or its clock accepted: ask for a new one"
    )]
    EphemeralRefused,
    /// Its time has not begun.
    #[error("the token is not valid yet: check the clocks of this machine and of the authority")]
    NotYetValid,
    /// Its time has ended.
    #[error("the token has expired: ask for a new one")]
    Expired,
}

impl VerifyError {
    /// The name of the reason, as it stands in the ledger.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::Malformed { .. } => "token_malformed",
            Self::WrongAlgorithm => "token_wrong_algorithm",
            Self::WrongType => "token_wrong_type",
            Self::UnknownKey => "token_unknown_key",
            Self::BadSignature => "token_bad_signature",
            Self::WrongIssuer => "token_wrong_issuer",
            Self::WrongAudience => "token_wrong_audience",
            Self::EphemeralRefused => "token_of_earlier_epoch",
            Self::NotYetValid => "token_not_yet_valid",
            Self::Expired => "token_expired",
        }
    }
}
