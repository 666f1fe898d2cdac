//! The refusals of a redemption, as errors and as reasons in the ledger.

use crate::admission::BindingError;
use crate::service::verification::identify::superseded;
use crate::service::{CaError, FieldError, HostError, RequestError, ServiceError, TokenError};
use crate::store::{RedeemRefusal, StoreError};
use crate::token::{Grant, VerifyError};
use crate::wire::REPLACES_NONE;

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
        RedeemRefusal::TokenSuspended => TokenError::Suspended.into(),
        RedeemRefusal::TokenSpent => spent(grant).into(),
        RedeemRefusal::Key(refusal) => HostError::from(refusal).into(),
        RedeemRefusal::CertificateRevoked => HostError::CertificateRevoked.into(),
        RedeemRefusal::CertificateSuperseded => superseded(),
        RedeemRefusal::NameTaken => HostError::NameTaken.into(),
        RedeemRefusal::HostChanged => TokenError::Binding(BindingError::HostChanged).into(),
        RedeemRefusal::Contended => StoreError::Contended.into(),
        RedeemRefusal::NodeLimit => HostError::NodeLimit.into(),
        RedeemRefusal::TooManyWaiting => HostError::TooManyWaiting.into(),
        RedeemRefusal::ReplacementWaits => {
            RequestError::Fields(vec![FieldError::new("replace", REPLACES_NONE)]).into()
        }
    }
}

/// Returns `true` if a concurrent redemption of the same pair may have caused this refusal.
pub(super) const fn is_overtaken(refusal: &ServiceError) -> bool {
    matches!(
        refusal,
        ServiceError::Token(TokenError::Used | TokenError::Exhausted | TokenError::Revoked)
            | ServiceError::Store(StoreError::Contended)
            | ServiceError::Host(
                HostError::NameTaken | HostError::NodeLimit | HostError::Revoked | HostError::Quarantined,
            )
    )
}

/// The reason in the ledger for refusing a token with a good signature; `None` for internal errors.
pub(super) fn ledger_reason(error: &ServiceError) -> Option<&'static str> {
    Some(match error {
        ServiceError::Token(TokenError::Expired) => "token_expired",
        ServiceError::Token(TokenError::Used) => "token_used",
        ServiceError::Token(TokenError::Exhausted) => "token_exhausted",
        ServiceError::Token(TokenError::Revoked) => "token_revoked",
        ServiceError::Token(TokenError::Suspended) => "token_suspended",
        ServiceError::Token(TokenError::Binding(cause)) => cause.code(),
        ServiceError::Host(HostError::Revoked) => "host_revoked",
        ServiceError::Host(HostError::Quarantined) => "host_quarantined",
        ServiceError::Host(
            HostError::CertificateRevoked | HostError::NameWithdrawn | HostError::IssuerRevoked,
        ) => "certificate_revoked",
        ServiceError::Host(HostError::CertificateSuperseded) => "certificate_superseded",
        ServiceError::Host(HostError::NameTaken) => "name_taken",
        ServiceError::Host(HostError::NodeLimit) => "node_limit_exceeded",
        ServiceError::Host(HostError::CredentialNotAllowed) => "credential_not_allowed",
        ServiceError::Host(HostError::Denied { .. }) => "enrollment_denied",
        ServiceError::Host(HostError::EnrollmentChanged) => "enrollment_changed",
        ServiceError::Host(HostError::TooManyWaiting) => "too_many_waiting",
        ServiceError::Ca(CaError::Csr(_)) => "csr_rejected",
        _ => return None,
    })
}
