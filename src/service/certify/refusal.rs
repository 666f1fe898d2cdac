//! Why a redemption is refused: what its caller hears, and what the ledger calls it.

use crate::service::ServiceError;
use crate::store::RedeemRefusal;
use crate::token::{Grant, VerifyError};

pub(super) fn expired_or_invalid(error: VerifyError) -> ServiceError {
    match error {
        VerifyError::Expired | VerifyError::EphemeralRefused => ServiceError::TokenExpired,
        other => ServiceError::InvalidToken(other),
    }
}

pub(super) fn spent(grant: &Grant) -> ServiceError {
    if grant.max_uses == Some(1) { ServiceError::TokenUsed } else { ServiceError::TokenExhausted }
}

pub(super) fn refused(refusal: RedeemRefusal, grant: &Grant) -> ServiceError {
    match refusal {
        RedeemRefusal::TokenRevoked => ServiceError::TokenRevoked,
        RedeemRefusal::TokenSpent => spent(grant),
        RedeemRefusal::HostRevoked => ServiceError::HostRevoked,
        RedeemRefusal::NameTaken => ServiceError::NameTaken,
    }
}

/// Whether the same pair's own redemption, done at the same moment, can be what this refusal is about.
pub(super) const fn is_overtaken(refusal: &ServiceError) -> bool {
    matches!(
        refusal,
        ServiceError::TokenUsed
            | ServiceError::TokenExhausted
            | ServiceError::TokenRevoked
            | ServiceError::NameTaken
    )
}

/// What the ledger calls a refusal of a token whose signature is good; `None` for our own troubles.
pub(super) fn ledger_reason(error: &ServiceError) -> Option<&'static str> {
    Some(match error {
        ServiceError::TokenExpired => "token_expired",
        ServiceError::TokenUsed => "token_used",
        ServiceError::TokenExhausted => "token_exhausted",
        ServiceError::TokenRevoked => "token_revoked",
        ServiceError::BindingMismatch(cause) => cause.code(),
        ServiceError::HostRevoked => "host_revoked",
        ServiceError::NameTaken => "name_taken",
        ServiceError::CsrRejected(_) => "csr_rejected",
        _ => return None,
    })
}
