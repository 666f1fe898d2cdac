//! Access tokens, which count with their certificate alone.

use super::{Authenticated, Lifetime, UnverifiedToken, Verified, one_of};
use crate::clock::Timestamp;
use crate::id::CertificateThumbprint;
use crate::token::claims::AccessClaims;
use crate::token::error::VerifyError;
use crate::token::grant::AccessGrant;
use crate::token::key::{VerifyingKey, VerifyingKeys};
use crate::token::key_use::KeyUse;

/// Verifies an access token, which `certificate` was presented with.
///
/// A revocation of its host shows in the CRLs: the check of the presented certificate finds it.
///
/// # Errors
/// The first failed check. With another certificate: [`VerifyError::WrongCertificate`].
pub fn verify_access(
    text: &str,
    certificate: CertificateThumbprint,
    keys: &VerifyingKeys,
    (issuers, audiences): (&[String], &[String]),
    now: Timestamp,
) -> Result<Verified<AccessGrant>, VerifyError> {
    let token = UnverifiedToken::parse(text)?.authenticate_access(keys, issuers, audiences)?;
    token.presented_with(certificate)?.at(now)
}

impl UnverifiedToken<'_> {
    /// Authenticates an access token, whose `aud` must be one of `audiences`. Its certificate is not checked: see
    /// [`Authenticated::presented_with`].
    ///
    /// # Errors
    /// As [`UnverifiedToken::authenticate`].
    pub fn authenticate_access(
        &self,
        keys: &VerifyingKeys,
        issuers: &[String],
        audiences: &[String],
    ) -> Result<Authenticated<AccessGrant>, VerifyError> {
        self.must_be(KeyUse::Access)?;
        self.access(self.signer(keys)?, issuers, audiences)
    }

    pub(super) fn access(
        &self,
        key: &VerifyingKey,
        issuers: &[String],
        audiences: &[String],
    ) -> Result<Authenticated<AccessGrant>, VerifyError> {
        let claims = AccessClaims::parse(&self.claims)?;
        one_of(issuers, claims.iss, VerifyError::WrongIssuer)?;
        one_of(audiences, claims.aud, VerifyError::WrongAudience)?;
        let grant = claims.grant()?;
        let (starts_at, expires_at) = (grant.issued_at, Some(grant.expires_at));
        Ok(Authenticated::new(grant, Lifetime { starts_at, expires_at, persistent: false }, key))
    }

    /// The content of an access token, **unverified**: any client can have written it.
    ///
    /// # Errors
    /// [`VerifyError::WrongType`] or [`VerifyError::Malformed`].
    pub fn unverified_access_grant(&self) -> Result<AccessGrant, VerifyError> {
        self.must_be(KeyUse::Access)?;
        AccessClaims::parse(&self.claims)?.grant()
    }
}

impl Authenticated<AccessGrant> {
    /// The same token if it is bound to `certificate`, which its holder presented (RFC 8705 section 3).
    ///
    /// # Errors
    /// [`VerifyError::WrongCertificate`].
    pub fn presented_with(self, certificate: CertificateThumbprint) -> Result<Self, VerifyError> {
        if self.value.certificate == certificate { Ok(self) } else { Err(VerifyError::WrongCertificate) }
    }
}
