//! Verifying: the text, then its signature, then its time, each with a type of its own. Everything here is pure.

#[cfg(feature = "server")]
mod batch;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::claims::Claims;
use super::error::VerifyError;
use super::grant::{Grant, ServiceGrant, Timed};
use super::header;
use super::key::{KeyScope, VerifyingKey, VerifyingKeys};
use super::key_use::KeyUse;
use super::{LEEWAY, MAX_TOKEN_BYTES};
use crate::clock::Timestamp;
use crate::id::KeyId;

/// Verifies an enrollment token.
///
/// # Errors
/// The first failed check, in the order of [`UnverifiedToken::parse`], [`UnverifiedToken::authenticate`]
/// and [`Authenticated::at`].
pub fn verify(
    text: &str,
    keys: &VerifyingKeys,
    issuers: &[String],
    now: Timestamp,
) -> Result<Verified<Grant>, VerifyError> {
    UnverifiedToken::parse(text)?.authenticate(keys, issuers)?.at(now)
}

/// Verifies a service token, except for its status.
///
/// A [`Verifier`](crate::verifier::Verifier) also reads the status list for revocations.
///
/// # Errors
/// The first failed check.
pub fn verify_service(
    text: &str,
    keys: &VerifyingKeys,
    issuers: &[String],
    audiences: &[String],
    now: Timestamp,
) -> Result<Verified<ServiceGrant>, VerifyError> {
    UnverifiedToken::parse_service(text)?.authenticate_service(keys, issuers, audiences)?.at(now)
}

/// A text in the form of a token, **unverified**. Its `Debug` does not show it.
pub struct UnverifiedToken<'a> {
    /// Header and claims, the signed text (RFC 7515 section 5.2).
    signed: &'a str,
    usage: KeyUse,
    signing_key: KeyId,
    claims: Vec<u8>,
    signature: [u8; 64],
}

impl<'a> UnverifiedToken<'a> {
    /// Parses the compact form (RFC 7515 section 7.1) with the header of an enrollment token.
    ///
    /// It has three parts in base64url without padding or stray bits. The claims are not read.
    ///
    /// # Errors
    /// [`VerifyError::TooLong`], [`VerifyError::Malformed`], [`VerifyError::WrongAlgorithm`] or [`VerifyError::WrongType`].
    pub fn parse(text: &'a str) -> Result<Self, VerifyError> {
        Self::parse_as(KeyUse::Enrollment, text)
    }

    /// Parses the compact form of a service token.
    ///
    /// # Errors
    /// As [`UnverifiedToken::parse`]; an enrollment token is [`VerifyError::WrongType`].
    pub fn parse_service(text: &'a str) -> Result<Self, VerifyError> {
        Self::parse_as(KeyUse::Service, text)
    }

    fn parse_as(usage: KeyUse, text: &'a str) -> Result<Self, VerifyError> {
        Self::take_apart(text, |head| Ok((usage, header::parse(usage, head)?)))
    }

    /// Parses the compact form of a token of any kind: [`UnverifiedToken::usage`] is the claimed kind.
    ///
    /// # Errors
    /// As [`UnverifiedToken::parse`].
    pub fn parse_any(text: &'a str) -> Result<Self, VerifyError> {
        Self::take_apart(text, header::parse_any)
    }

    fn take_apart(
        text: &'a str,
        header: impl FnOnce(&str) -> Result<(KeyUse, KeyId), VerifyError>,
    ) -> Result<Self, VerifyError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(VerifyError::TooLong);
        }
        let mut parts = text.split('.');
        let (Some(head), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(VerifyError::Malformed { why: "it does not have three parts" });
        };
        let (usage, signing_key) = header(head)?;
        Ok(Self {
            usage,
            signing_key,
            claims: URL_SAFE_NO_PAD
                .decode(claims)
                .map_err(|_| VerifyError::Malformed { why: "its claims are not base64url" })?,
            signature: decode_signature(signature)?,
            signed: &text[..head.len() + 1 + claims.len()],
        })
    }

    /// Checks the signature, then the form and values of the claims, `iss` against `issuers`, and `aud`.
    ///
    /// The time and the key's epoch are not checked: see [`Authenticated::at`].
    ///
    /// # Errors
    /// [`VerifyError::UnknownKey`], [`VerifyError::BadSignature`]; then, of a token that was signed,
    /// [`VerifyError::Malformed`], [`VerifyError::WrongIssuer`] or [`VerifyError::WrongAudience`].
    pub fn authenticate(
        &self,
        keys: &VerifyingKeys,
        issuers: &[String],
    ) -> Result<Authenticated<Grant>, VerifyError> {
        let (key, claims) = self.signed_by(KeyUse::Enrollment, keys, issuers)?;
        enrollment(key, &claims)
    }

    /// Authenticates a service token, whose `aud` must be one of `audiences`.
    ///
    /// # Errors
    /// As [`UnverifiedToken::authenticate`].
    pub fn authenticate_service(
        &self,
        keys: &VerifyingKeys,
        issuers: &[String],
        audiences: &[String],
    ) -> Result<Authenticated<ServiceGrant>, VerifyError> {
        let (key, claims) = self.signed_by(KeyUse::Service, keys, issuers)?;
        service(key, &claims, audiences)
    }

    /// Authenticates a token of either kind; any other is [`VerifyError::WrongType`].
    ///
    /// # Errors
    /// As [`UnverifiedToken::authenticate_service`].
    pub fn authenticate_any(
        &self,
        keys: &VerifyingKeys,
        issuers: &[String],
        audiences: &[String],
    ) -> Result<AuthenticatedToken, VerifyError> {
        let checked = keys.check(self.usage, self.signing_key, self.signed.as_bytes(), &self.signature);
        self.judged(checked, issuers, audiences)
    }

    /// Authenticates a token whose signature was checked: `None` for an unknown key, `Some(None)` for a bad signature.
    fn judged(
        &self,
        checked: Option<Option<&VerifyingKey>>,
        issuers: &[String],
        audiences: &[String],
    ) -> Result<AuthenticatedToken, VerifyError> {
        if self.usage == KeyUse::StatusList {
            return Err(VerifyError::WrongType);
        }
        let (key, claims) = self.claimed(checked.ok_or(VerifyError::UnknownKey)?, issuers)?;
        Ok(match self.usage {
            KeyUse::Service => AuthenticatedToken::Service(service(key, &claims, audiences)?),
            _ => AuthenticatedToken::Enrollment(enrollment(key, &claims)?),
        })
    }

    /// The content of a service token, **unverified**: any client can have written it.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`].
    pub fn unverified_service_grant(&self) -> Result<ServiceGrant, VerifyError> {
        Claims::parse(&self.claims)?.service_grant()
    }

    /// The key that signed it, and its claims. Its issuer is one of `issuers`.
    fn signed_by<'k>(
        &self,
        usage: KeyUse,
        keys: &'k VerifyingKeys,
        issuers: &[String],
    ) -> Result<(&'k VerifyingKey, Claims<'_>), VerifyError> {
        if self.usage != usage {
            return Err(VerifyError::WrongType);
        }
        let checked = keys.check(usage, self.signing_key, self.signed.as_bytes(), &self.signature);
        self.claimed(checked.ok_or(VerifyError::UnknownKey)?, issuers)
    }

    /// Its claims, if `key` signed it.
    fn claimed<'k>(
        &self,
        key: Option<&'k VerifyingKey>,
        issuers: &[String],
    ) -> Result<(&'k VerifyingKey, Claims<'_>), VerifyError> {
        let key = key.ok_or(VerifyError::BadSignature)?;
        let claims = Claims::parse(&self.claims)?;
        if !issuers.iter().any(|issuer| issuer == claims.iss) {
            return Err(VerifyError::WrongIssuer);
        }
        Ok((key, claims))
    }

    /// The content of the token, **unverified**: any client can have written it.
    ///
    /// It is for inspection. A host also reads from its own token the authority to call and the root to pin.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] or [`VerifyError::WrongAudience`].
    pub fn unverified_grant(&self) -> Result<Grant, VerifyError> {
        grant_for_enrollment(&Claims::parse(&self.claims)?)
    }

    /// The kind of token that the header names, **unverified**: authenticating it as another is [`VerifyError::WrongType`].
    pub const fn usage(&self) -> KeyUse {
        self.usage
    }

    /// The key that the header names, **unverified**.
    pub fn signing_key(&self) -> KeyId {
        self.signing_key
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedToken").field("signing_key", &self.signing_key).finish_non_exhaustive()
    }
}

pub(super) fn decode_signature(encoded: &str) -> Result<[u8; 64], VerifyError> {
    let malformed = VerifyError::Malformed { why: "its signature is not 64 bytes in base64url" };
    // One group more than needed, so that a longer signature is detected.
    let mut bytes = [0; 67];
    match URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes) {
        Ok(64) => bytes[..64].try_into().map_err(|_| malformed),
        _ => Err(malformed),
    }
}

/// The enrollment token of these claims, signed by `key`.
fn enrollment(key: &VerifyingKey, claims: &Claims<'_>) -> Result<Authenticated<Grant>, VerifyError> {
    Ok(Authenticated::new(grant_for_enrollment(claims)?, key))
}

/// The service token of these claims, signed by `key`.
fn service(
    key: &VerifyingKey,
    claims: &Claims<'_>,
    audiences: &[String],
) -> Result<Authenticated<ServiceGrant>, VerifyError> {
    if !audiences.iter().any(|audience| audience == claims.aud) {
        return Err(VerifyError::WrongAudience);
    }
    Ok(Authenticated::new(claims.service_grant()?, key))
}

fn grant_for_enrollment(claims: &Claims<'_>) -> Result<Grant, VerifyError> {
    if !claims.is_for_enrollment() {
        return Err(VerifyError::WrongAudience);
    }
    claims.grant()
}

/// A grant with a valid signature, at any time. It does not allow anything yet. A clone shares the grant.
#[derive(Debug, PartialEq, Eq)]
pub struct Authenticated<T> {
    value: Arc<T>,
    signing_key: KeyId,
    scope: KeyScope,
}

/// A token of either kind with a valid signature, at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthenticatedToken {
    /// An enrollment token.
    Enrollment(Authenticated<Grant>),
    /// A service token.
    Service(Authenticated<ServiceGrant>),
}

impl<T> Clone for Authenticated<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), signing_key: self.signing_key, scope: self.scope }
    }
}

impl<T> Authenticated<T> {
    fn new(value: T, key: &VerifyingKey) -> Self {
        Self { value: Arc::new(value), signing_key: key.id, scope: key.scope }
    }

    /// The signed grant: to look up an earlier redemption, and to name a refused token.
    pub fn grant(&self) -> &T {
        &self.value
    }

    /// The key that signed it.
    pub fn signing_key(&self) -> KeyId {
        self.signing_key
    }
}

#[expect(
    private_bounds,
    reason = "the kinds of grant are closed: nothing outside this room is judged by its time"
)]
impl<T: Timed> Authenticated<T> {
    /// Checks the time, with a tolerance of [`LEEWAY`] (RFC 7519 sections 4.1.4, 4.1.5 and 4.1.6), and the epoch.
    ///
    /// Once an operator accepted a doubtful clock, the age of an older ephemeral token is unknown: it is refused.
    ///
    /// # Errors
    /// [`VerifyError::EphemeralRefused`]; [`VerifyError::Expired`]; [`VerifyError::NotYetValid`], also if it claims to have been minted in the future.
    pub fn at(self, now: Timestamp) -> Result<Verified<T>, VerifyError> {
        let earlier_epoch = self.scope == KeyScope::PersistentOnly;
        if earlier_epoch && !self.value.is_persistent() {
            return Err(VerifyError::EphemeralRefused);
        }
        if self.has_expired(now) {
            return Err(VerifyError::Expired);
        }
        // A token minted by a clock that ran ahead has such claims. Its key no longer signs.
        if !earlier_epoch && now.plus(LEEWAY) < self.value.not_before().max(self.value.issued_at()) {
            return Err(VerifyError::NotYetValid);
        }
        Ok(Verified { value: self.value, signing_key: self.signing_key })
    }

    /// Returns true if it is refused for good.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.value.expires_at().is_some_and(|expires_at| now >= expires_at.plus(LEEWAY))
    }
}

/// A grant with a valid signature that is in force. Only verifying makes one. A clone shares the grant.
///
/// ```compile_fail
/// fn forge(value: gatepass::token::Grant, signing_key: gatepass::id::KeyId) -> gatepass::token::Verified<gatepass::token::Grant> {
///     gatepass::token::Verified { value: std::sync::Arc::new(value), signing_key }
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Verified<T> {
    value: Arc<T>,
    signing_key: KeyId,
}

impl<T> Clone for Verified<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), signing_key: self.signing_key }
    }
}

impl<T> Verified<T> {
    /// A grant without a signature, for tests of the code that acts on one.
    #[cfg(all(test, feature = "server"))]
    pub(crate) fn assumed(value: T, signing_key: KeyId) -> Self {
        Self { value: Arc::new(value), signing_key }
    }

    /// The key that signed it.
    pub fn signing_key(&self) -> KeyId {
        self.signing_key
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod service_tests;
#[cfg(test)]
mod tests;
