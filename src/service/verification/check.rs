//! The authority's own look at a token of its own, one function for every door that only asks: signature, time, and
//! whether it was taken back. Nothing is written, and nothing is read but memory.

use std::borrow::Cow;

use crate::id::TokenId;
use crate::name::Role;
use crate::service::verification::Authenticator;
use crate::token::{AuthenticatedToken, Grant, ServiceGrant, Status, Verified, VerifyError};

/// A token that is good now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoodToken {
    /// One that a host may redeem, as far as the token goes: its bindings are for redeeming to judge.
    Enrollment(Verified<Grant>),
    /// One for the door of a service.
    Service(Verified<ServiceGrant>),
}

impl GoodToken {
    /// Its id.
    pub fn id(&self) -> TokenId {
        match self {
            Self::Enrollment(grant) => grant.token.id,
            Self::Service(grant) => grant.token.id,
        }
    }

    /// What it is for.
    pub fn audience(&self) -> Cow<'_, str> {
        match self {
            Self::Enrollment(grant) => Cow::Owned(grant.audience()),
            Self::Service(grant) => Cow::Borrowed(&grant.audience),
        }
    }

    /// The roles it gives.
    pub fn roles(&self) -> &[Role] {
        match self {
            Self::Enrollment(grant) => &grant.terms.roles,
            Self::Service(grant) => &grant.roles,
        }
    }
}

/// Why a token is not good now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It is none of ours, or its time is not now.
    #[error(transparent)]
    Unverified(#[from] VerifyError),
    /// It was taken back.
    #[error("the token was revoked: ask for a new one")]
    Revoked,
    /// It is suspended, and may come back.
    #[error("the token is suspended: ask its minter")]
    Suspended,
    /// Its uses are taken.
    #[error("all uses of the token are taken: ask for a new one")]
    UsedUp,
}

impl BadToken {
    /// The name of the reason, for scripts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unverified(error) => error.code(),
            Self::Revoked => "token_revoked",
            Self::Suspended => "token_suspended",
            Self::UsedUp => "token_used_up",
        }
    }
}

impl Authenticator {
    /// Checks a token of either kind: form, signature, issuer, audience, time, revocation.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self, unverified_token: &str) -> Result<GoodToken, BadToken> {
        let signed = self.trust.load().any(unverified_token, self.time.now())?;
        self.judge_signed(signed)
    }

    /// Checks a service token for the door of `audience`.
    ///
    /// # Errors
    /// The first thing that is wrong with it; an enrollment token is of the wrong type here.
    pub fn check_service(
        &self,
        unverified_token: &str,
        audience: &str,
    ) -> Result<Verified<ServiceGrant>, BadToken> {
        let now = self.time.now();
        let token = self.trust.load().service(unverified_token, now)?;
        if token.grant().audience != audience {
            return Err(VerifyError::WrongAudience.into());
        }
        let good = token.at(now)?;
        judge_taken_back(self.store.revocations().status(good.token.status))?;
        Ok(good)
    }

    /// What a good signature leaves to judge: time and revocation.
    pub(in crate::service) fn judge_signed(&self, signed: AuthenticatedToken) -> Result<GoodToken, BadToken> {
        let now = self.time.now();
        let (good, status) = match signed {
            AuthenticatedToken::Enrollment(token) => {
                let good = token.at(now)?;
                let status = good.token.status;
                (GoodToken::Enrollment(good), status)
            }
            AuthenticatedToken::Service(token) => {
                let good = token.at(now)?;
                let status = good.token.status;
                (GoodToken::Service(good), status)
            }
        };
        judge_taken_back(self.store.revocations().status(status))?;
        Ok(good)
    }
}

/// Memory is changed right after the commit that revokes, before its answer: from then on no door lets the token in.
const fn judge_taken_back(status: Status) -> Result<(), BadToken> {
    match status {
        Status::Valid => Ok(()),
        Status::Revoked => Err(BadToken::Revoked),
        Status::Suspended => Err(BadToken::Suspended),
        Status::UsedUp => Err(BadToken::UsedUp),
    }
}
