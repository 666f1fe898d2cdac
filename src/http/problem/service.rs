//! The problems of failed use cases: one exhaustive match per family of errors.

use super::{Code, Problem};
use crate::access::throttle::RateLimited;
use crate::ca::IssueError;
use crate::service::backups::BackupRefusal;
use crate::service::{
    AccountError, CaError, FieldError, HostError, KeysError, RequestError, ServiceError, TokenError,
};
use crate::store::StoreError;
use crate::token::MintError;

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Request(error) => error.into(),
            ServiceError::Token(error) => error.into(),
            ServiceError::Host(error) => error.into(),
            ServiceError::Account(error) => error.into(),
            ServiceError::Ca(error) => error.into(),
            ServiceError::Keys(error) => error.into(),
            ServiceError::Backup(error) => error.into(),
            ServiceError::RateLimited(limited) => limited.into(),
            ServiceError::Clock(doubt) => Self::of(Code::ClockInDoubt, doubt.to_string()).retry_after(60),
            ServiceError::Store(error) => error.into(),
        }
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        let detail = error.to_string();
        match error {
            RequestError::Fields(fields) => Self::invalid_fields(fields),
            RequestError::BeyondLimits(excess) => {
                let fields = excess.into_iter().map(|excess| FieldError::new(excess.limit, excess.message));
                Self::of(Code::BeyondLimits, detail).fields(fields.collect())
            }
            RequestError::NotFound { .. } => Self::of(Code::NotFound, detail),
            RequestError::IdempotencyConflict => Self::of(Code::IdempotencyConflict, detail),
            RequestError::TooManyRules { .. } => Self::of(Code::TooManyRules, detail),
            RequestError::TooManyPolicies { .. } => Self::of(Code::TooManyPolicies, detail),
            RequestError::PolicyExists { .. } => Self::of(Code::PolicyExists, detail),
            RequestError::PolicyInUse { .. } => Self::of(Code::PolicyInUse, detail),
            RequestError::TooManyOutputs { .. } => Self::of(Code::TooManyOutputs, detail),
            RequestError::OutputExists { .. } => Self::of(Code::OutputExists, detail),
            RequestError::OutputInUse { .. } => Self::of(Code::OutputInUse, detail),
            RequestError::Stale => Self::of(Code::Stale, detail),
            RequestError::CountChanged { .. } => Self::of(Code::CountChanged, detail),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let code = match &error {
            TokenError::Invalid(_) => Code::InvalidToken,
            TokenError::Expired => Code::TokenExpired,
            TokenError::Used => Code::TokenUsed,
            TokenError::Exhausted => Code::TokenExhausted,
            TokenError::Revoked => Code::TokenRevoked,
            TokenError::Suspended => {
                return Self::of(Code::TokenSuspended, error.to_string()).retry_after(60);
            }
            TokenError::Binding(_) => Code::BindingMismatch,
            TokenError::Emergency | TokenError::EmergencyNotRotated => Code::EmergencyToken,
            TokenError::EmergencyOfAdmins => Code::Forbidden,
            TokenError::UsesLeftRequired { .. } => Code::UsesLeftRequired,
            TokenError::AlreadyRotated { .. } => Code::AlreadyRotated,
            TokenError::BulkRuns | TokenError::TooManyBulks { .. } => {
                return Self::of(Code::TooManyRequests, error.to_string()).retry_after(5);
            }
            TokenError::Mint(error) => return error.into(),
        };
        Self::of(code, error.to_string())
    }
}

impl From<&MintError> for Problem {
    fn from(error: &MintError) -> Self {
        let of = |code| Self::of(code, error.to_string());
        match error {
            MintError::TooLong { .. }
            | MintError::TooManyRoles { .. }
            | MintError::TooManyPatterns { .. }
            | MintError::NoUses
            | MintError::NoExpiry
            | MintError::AlreadyExpired { .. }
            | MintError::UnusableTime { .. } => of(Code::InvalidRequest),
            MintError::Sign(_) => of(Code::KeysUnavailable).retry_after(10),
            MintError::IndexOutOfRange { .. }
            | MintError::NotJson
            | MintError::DoesNotVerify(_)
            | MintError::SaysSomethingElse => of(Code::InternalError),
        }
    }
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        let of = |code| Self::of(code, error.to_string());
        match error {
            HostError::Revoked => of(Code::HostRevoked),
            HostError::Unknown => of(Code::HostUnknown),
            HostError::CertificateRevoked | HostError::NameWithdrawn | HostError::IssuerRevoked => {
                of(Code::CertificateRevoked)
            }
            HostError::CertificateSuperseded => of(Code::CertificateSuperseded),
            HostError::LineageConflict => of(Code::LineageConflict),
            HostError::Quarantined => of(Code::HostQuarantined),
            HostError::NotQuarantined => of(Code::HostNotQuarantined),
            HostError::NameTaken => of(Code::NameTaken),
            HostError::NodeLimit => of(Code::NodeLimitExceeded),
            HostError::Denied { .. } => of(Code::EnrollmentDenied),
            HostError::EnrollmentChanged => of(Code::EnrollmentChanged),
            HostError::EnrollmentExpired => of(Code::EnrollmentExpired),
            HostError::TooManyWaiting => of(Code::TooManyWaiting).retry_after(60),
            HostError::AlreadyDecided { .. } => of(Code::AlreadyDecided),
            HostError::FourEyes => of(Code::FourEyes),
            HostError::NoCertificate => of(Code::Unauthenticated),
            HostError::Ended => of(Code::HostEnded),
            HostError::RolesNotInPolicy { .. } | HostError::RoleOutsidePolicy { .. } => {
                of(Code::RolesNotInPolicy)
            }
            HostError::NoPolicy => of(Code::NoPolicy),
            HostError::AudienceNotAllowed => of(Code::AudienceNotAllowed),
            HostError::CredentialNotAllowed => of(Code::CredentialNotAllowed),
            HostError::KeyNotGood => of(Code::Unauthenticated),
            HostError::RenewedTooOften => of(Code::TooManyRequests).retry_after(3600),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let of = |code| Self::of(code, error.to_string());
        match error {
            AccountError::Unauthenticated
            | AccountError::ApiKeyNotGood
            | AccountError::CallerGone
            | AccountError::SessionOver => of(Code::Unauthenticated),
            AccountError::ApiKeySuspended => of(Code::ApiKeySuspended),
            AccountError::RightsChanged => of(Code::RightsChanged),
            AccountError::CurrentPasswordRequired => of(Code::CurrentPasswordRequired),
            AccountError::NotByApiKey => of(Code::Forbidden),
            AccountError::UserExists => of(Code::UserExists),
            AccountError::LastAdmin => of(Code::LastAdmin),
            AccountError::TooManyApiKeys { .. } => of(Code::TooManyApiKeys),
            AccountError::SignInBusy => of(Code::TooManyRequests).retry_after(1),
        }
    }
}

impl From<CaError> for Problem {
    fn from(error: CaError) -> Self {
        let of = |code| Self::of(code, error.to_string());
        match error {
            CaError::Csr(_) => of(Code::CsrRejected),
            CaError::Issue(IssueError::IssuerNotValid { .. }) | CaError::ImportedNotValid { .. } => {
                of(Code::CaNotValid).retry_after(60)
            }
            CaError::Issue(_) => of(Code::InternalError),
            CaError::RootKeyAway | CaError::FormerRootKeyAway { .. } => of(Code::RootKeyAway),
            CaError::Imported => of(Code::CaImported),
            CaError::IssuingInUse => of(Code::IssuingCaInUse),
            CaError::UnknownIssuing { .. } => of(Code::NotFound),
            CaError::RootExpired | CaError::RootFromFuture { .. } => of(Code::RootExpired),
        }
    }
}

impl From<KeysError> for Problem {
    fn from(error: KeysError) -> Self {
        let of = |code| Self::of(code, error.to_string());
        match error {
            KeysError::Needed { .. } => of(Code::KeyNeeded),
            KeysError::InUse => of(Code::KeyInUse),
            KeysError::IssuerNeeded(_) => of(Code::IssuerNeeded),
            KeysError::IssuerInUse => of(Code::IssuerInUse),
            KeysError::Vault(_) | KeysError::MalformedKey { .. } | KeysError::Unreadable { .. } => {
                of(Code::KeysUnavailable).retry_after(10)
            }
            KeysError::Malformed(_) => of(Code::InternalError),
        }
    }
}

impl From<BackupRefusal> for Problem {
    fn from(error: BackupRefusal) -> Self {
        match error {
            BackupRefusal::NotConfigured => Self::of(Code::BackupNotConfigured, error.to_string()),
            BackupRefusal::Running => Self::of(Code::BackupRunning, error.to_string()),
            BackupRefusal::Exists { .. } | BackupRefusal::Copy(_) | BackupRefusal::File(_) => {
                Self::of(Code::BackupFailed, error.to_string()).retry_after(60)
            }
        }
    }
}

impl From<RateLimited> for Problem {
    fn from(limited: RateLimited) -> Self {
        Self::of(Code::RateLimited, limited.to_string()).retry_after(limited.retry_after)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (code, seconds) = match error {
            StoreError::Contended => (Code::Contended, 1),
            StoreError::Overloaded => (Code::StoreUnavailable, 1),
            _ => (Code::StoreUnavailable, 10),
        };
        Self::of(code, error.to_string()).retry_after(seconds)
    }
}
