//! Refusals of tokens.

use crate::token::MAX_TOKEN_BYTES;

/// A refused token. The ledger has the exact reason; a client sees only the last two apart from the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The text is longer than a token.
    #[error(
        "the token is longer than {MAX_TOKEN_BYTES} bytes: copy the token alone, without what stands around it"
    )]
    TooLong,
    /// The text is not a token in the form of gatepass.
    #[error("this is not a token of gatepass: {why}; copy it whole, as it was shown")]
    Malformed {
        /// The defect.
        why: &'static str,
    },
    /// The header names another algorithm than EdDSA.
    #[error(
        "the token names an algorithm that gatepass does not sign with: it is forged or another system's"
    )]
    WrongAlgorithm,
    /// It is another kind of token.
    #[error(
        "the token is of another kind: hosts enroll with enrollment tokens, services take service and access tokens"
    )]
    WrongType,
    /// No known key signed it.
    #[error("the token's key is unknown or retired: ask for a token from this authority")]
    UnknownKey,
    /// Its key did not sign it.
    #[error("the token's signature does not match: copy it whole, or ask for a new one")]
    BadSignature,
    /// The issuer is another authority, or a retired URL.
    #[error(
        "the token was issued by another authority, or its URL was retired: ask for one from this authority"
    )]
    WrongIssuer,
    /// The audience is another service.
    #[error("the token is meant for another audience: present one that was minted for this place")]
    WrongAudience,
    /// The access token is bound to another certificate.
    #[error("the access token is bound to another certificate: present it with the one that obtained it")]
    WrongCertificate,
    /// The token is ephemeral, and its key verifies persistent tokens only.
    #[error(
        "the token was minted before the authority was restored or its clock accepted: ask for a new one"
    )]
    EphemeralRefused,
    /// The token is not valid yet.
    #[error("the token is not valid yet: check the clocks of this machine and of the authority")]
    NotYetValid,
    /// The token has expired.
    #[error("the token has expired: ask for a new one")]
    Expired,
}

impl VerifyError {
    /// The name of the reason in the ledger.
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
            Self::WrongCertificate => "token_wrong_certificate",
            Self::EphemeralRefused => "token_of_earlier_epoch",
            Self::NotYetValid => "token_not_yet_valid",
            Self::Expired => "token_expired",
        }
    }
}
