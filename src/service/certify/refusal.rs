//! The refusals of a redemption, as errors and as reasons in the ledger.

use crate::service::{CaError, HostError, ServiceError, TokenError};
use crate::store::RedeemRefusal;
use crate::token::{Grant, VerifyError};

pub(super) fn expired_or_invalid(error: VerifyError) -> TokenError {
    match error {
        VerifyError::Expired | VerifyError::EphemeralRefused => TokenError::Expired,
        other => TokenError::Invalid(other),
    }
}

pub(super) fn spent(grant: &Grant) -> TokenError {
    if grant.terms.max_uses == Some(1) { TokenError::Used } else { TokenError::Exhausted }
}

pub(super) fn refused(refusal: RedeemRefusal, grant: &Grant) -> ServiceError {
    match refusal {
        RedeemRefusal::TokenRevoked => TokenError::Revoked.into(),
        RedeemRefusal::TokenSpent => spent(grant).into(),
        RedeemRefusal::HostRevoked => HostError::Revoked.into(),
        RedeemRefusal::NameTaken => HostError::NameTaken.into(),
    }
}

/// Returns `true` if a concurrent redemption of the same pair may have caused this refusal.
pub(super) const fn is_overtaken(refusal: &ServiceError) -> bool {
    matches!(
        refusal,
        ServiceError::Token(TokenError::Used | TokenError::Exhausted | TokenError::Revoked)
            | ServiceError::Host(HostError::NameTaken)
    )
}

/// The reason in the ledger for refusing a token with a good signature; `None` for internal errors.
pub(super) fn ledger_reason(error: &ServiceError) -> Option<&'static str> {
    Some(match error {
        ServiceError::Token(TokenError::Expired) => "token_expired",
        ServiceError::Token(TokenError::Used) => "token_used",
        ServiceError::Token(TokenError::Exhausted) => "token_exhausted",
        ServiceError::Token(TokenError::Revoked) => "token_revoked",
        ServiceError::Token(TokenError::Binding(cause)) => cause.code(),
        ServiceError::Host(HostError::Revoked) => "host_revoked",
        ServiceError::Host(HostError::NameTaken) => "name_taken",
        ServiceError::Ca(CaError::Csr(_)) => "csr_rejected",
        _ => return None,
    })
}
