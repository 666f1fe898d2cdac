//! Checks of the authority's own tokens: signature, time and revocation. They read memory, and the rows of a token that is
//! persistent or has a policy. Without them, or if its revocation is due, such a token is revoked. An access token is as good
//! as the certificate that it is bound to.

use std::borrow::Cow;

use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::name::Role;
use crate::service::verification::Authenticator;
use crate::store::StoreError;
use crate::token::{
    AccessGrant, AuthenticatedToken, Grant, KeyUse, ServiceGrant, Status, Verified, VerifyError,
};

/// A valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoodToken {
    /// An enrollment token. Redeeming checks its bindings.
    Enrollment(Verified<Grant>),
    /// A service token.
    Service(Verified<ServiceGrant>),
    /// An access token. Its certificate is valid; the service compares it with the presented one.
    Access(Verified<AccessGrant>),
}

impl GoodToken {
    /// The kind of the token, as the use of its key.
    pub const fn kind(&self) -> KeyUse {
        match self {
            Self::Enrollment(_) => KeyUse::Enrollment,
            Self::Service(_) => KeyUse::Service,
            Self::Access(_) => KeyUse::Access,
        }
    }

    /// Id of the token.
    pub fn id(&self) -> TokenId {
        match self {
            Self::Enrollment(grant) => grant.token.id,
            Self::Service(grant) => grant.token.id,
            Self::Access(grant) => grant.id,
        }
    }

    /// The external URL that the token names.
    pub fn issuer(&self) -> &str {
        match self {
            Self::Enrollment(grant) => &grant.token.issuer,
            Self::Service(grant) => &grant.token.issuer,
            Self::Access(grant) => &grant.issuer,
        }
    }

    /// The grant of an access token.
    pub const fn access(&self) -> Option<&Verified<AccessGrant>> {
        match self {
            Self::Access(grant) => Some(grant),
            Self::Enrollment(_) | Self::Service(_) => None,
        }
    }

    /// The time of minting, the start of the validity, and the expiry.
    pub fn times(&self) -> (Timestamp, Timestamp, Option<Timestamp>) {
        match self {
            Self::Enrollment(grant) => (grant.issued_at, grant.not_before, grant.terms.expires_at),
            Self::Service(grant) => (grant.issued_at, grant.not_before, Some(grant.expires_at)),
            Self::Access(grant) => (grant.issued_at, grant.issued_at, Some(grant.expires_at)),
        }
    }

    /// The token's audience.
    pub fn audience(&self) -> Cow<'_, str> {
        match self {
            Self::Enrollment(grant) => Cow::Owned(grant.audience()),
            Self::Service(grant) => Cow::Borrowed(&grant.audience),
            Self::Access(grant) => Cow::Borrowed(&grant.audience),
        }
    }

    /// The same token if it is for `audience`.
    ///
    /// # Errors
    /// It is for another audience.
    pub fn for_audience(self, audience: &str) -> Result<Self, BadToken> {
        if *self.audience() == *audience { Ok(self) } else { Err(VerifyError::WrongAudience.into()) }
    }

    /// The token's roles.
    pub fn roles(&self) -> &[Role] {
        match self {
            Self::Enrollment(grant) => &grant.terms.roles,
            Self::Service(grant) => &grant.roles,
            Self::Access(grant) => &grant.roles,
        }
    }
}

/// Reasons for which a token is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// Another issuer signed it, or it has expired or is not valid yet.
    #[error(transparent)]
    Unverified(#[from] VerifyError),
    /// It was revoked.
    #[error("the token was revoked: ask for a new one")]
    Revoked,
    /// It is suspended, and may become valid again.
    #[error("the token is suspended: ask its minter")]
    Suspended,
    /// All its uses are spent.
    #[error("all uses of the token are taken: ask for a new one")]
    UsedUp,
    /// The host of the access token is revoked.
    #[error("the host of the access token was revoked: enroll it again with a new key and a new token")]
    HostRevoked,
    /// The host of the access token is in quarantine.
    #[error("the host of the access token is in quarantine: an administrator releases it")]
    HostQuarantined,
    /// The certificate of the access token is no longer valid.
    #[error("the certificate of the access token is no longer valid: get a new token with the present one")]
    CertificateEnded,
}

impl BadToken {
    /// The name of the reason, for scripts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unverified(error) => error.code(),
            Self::Revoked => "token_revoked",
            Self::Suspended => "token_suspended",
            Self::UsedUp => "token_used_up",
            Self::HostRevoked => "token_host_revoked",
            Self::HostQuarantined => "token_host_quarantined",
            Self::CertificateEnded => "token_certificate_ended",
        }
    }
}

impl Authenticator {
    /// Checks a token of any kind: form, signature, issuer, audience, time and revocation. The inner error is the first
    /// failed check.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) async fn check(
        &self,
        unverified_token: &str,
    ) -> Result<Result<GoodToken, BadToken>, StoreError> {
        match self.trust.load().any(unverified_token, self.base.time.now()) {
            Ok(signed) => self.judge_signed(signed).await,
            Err(error) => Ok(Err(error.into())),
        }
    }

    /// Checks a service token for `audience`.
    ///
    /// # Errors
    /// The first failed check. An enrollment token has the wrong type.
    pub fn check_service(
        &self,
        unverified_token: &str,
        audience: &str,
    ) -> Result<Verified<ServiceGrant>, BadToken> {
        let now = self.base.time.now();
        let token = self.trust.load().service(unverified_token, now)?;
        if token.grant().audience != audience {
            return Err(VerifyError::WrongAudience.into());
        }
        let good = token.at(now)?;
        judge_taken_back(self.base.store.revocations().status(good.token.status))?;
        Ok(good)
    }

    /// Checks time and revocation of a token with a good signature, as redeeming does. The inner error is the first failed
    /// check.
    ///
    /// # Errors
    /// The store cannot be read: then nothing is known of a token that is persistent or has a policy.
    pub(in crate::service) async fn judge_signed(
        &self,
        signed: AuthenticatedToken,
    ) -> Result<Result<GoodToken, BadToken>, StoreError> {
        let now = self.base.time.now();
        let good = match self.judge_memory(signed, now) {
            Ok(good) => good,
            Err(bad) => return Ok(Err(bad)),
        };
        Ok(match &good {
            // The tokens of a deleted policy are due before memory knows that they are revoked.
            GoodToken::Enrollment(grant)
                if (grant.terms.persistent || grant.terms.policy.is_some())
                    && !self.base.store.is_vouched_for(grant.clone(), now).await? =>
            {
                Err(BadToken::Revoked)
            }
            GoodToken::Access(grant) => self.judge_bound(grant, now).await?.map(|()| good),
            _ => Ok(good),
        })
    }

    fn judge_memory(&self, signed: AuthenticatedToken, now: Timestamp) -> Result<GoodToken, BadToken> {
        let (good, status) = match signed {
            AuthenticatedToken::Enrollment(token) => {
                let grant = token.at(now)?;
                let status = grant.token.status;
                (GoodToken::Enrollment(grant), status)
            }
            AuthenticatedToken::Service(token) => {
                let grant = token.at(now)?;
                let status = grant.token.status;
                (GoodToken::Service(grant), status)
            }
            AuthenticatedToken::Access(token) => return Ok(GoodToken::Access(token.at(now)?)),
        };
        judge_taken_back(self.base.store.revocations().status(status))?;
        Ok(good)
    }
}

/// Memory changes right after the commit that revokes and before its response. From then on no check accepts the token.
const fn judge_taken_back(status: Status) -> Result<(), BadToken> {
    match status {
        Status::Valid => Ok(()),
        Status::Revoked => Err(BadToken::Revoked),
        Status::Suspended => Err(BadToken::Suspended),
        Status::UsedUp => Err(BadToken::UsedUp),
    }
}
