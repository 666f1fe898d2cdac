//! Verifying: text, then a good signature, then a good moment, each a type of its own. Everything here is pure.

#[cfg(feature = "server")]
mod batch;
mod error;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use self::error::VerifyError;
use super::claims::Claims;
use super::grant::{Grant, ServiceGrant, Timed};
use super::header;
use super::key::{KeyScope, VerifyingKey, VerifyingKeys};
use super::key_use::KeyUse;
use super::{LEEWAY, MAX_TOKEN_BYTES};
use crate::clock::Timestamp;
use crate::id::KeyId;

/// Verifies an enrollment token from beginning to end.
///
/// # Errors
/// The first thing that is wrong with it, in the order of [`UnverifiedToken::parse`], [`UnverifiedToken::authenticate`]
/// and [`Authenticated::at`].
pub fn verify(
    text: &str,
    keys: &VerifyingKeys,
    issuers: &[String],
    now: Timestamp,
) -> Result<Verified<Grant>, VerifyError> {
    UnverifiedToken::parse(text)?.authenticate(keys, issuers)?.at(now)
}

/// Verifies a service token from beginning to end, but for its status: whether it was taken back since is for the status
/// list to say, which a [`Verifier`](crate::verifier::Verifier) looks into.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn verify_service(
    text: &str,
    keys: &VerifyingKeys,
    issuers: &[String],
    audiences: &[String],
    now: Timestamp,
) -> Result<Verified<ServiceGrant>, VerifyError> {
    UnverifiedToken::parse_service(text)?.authenticate_service(keys, issuers, audiences)?.at(now)
}

/// A text that has the form of a token. Nothing in it is believed; its `Debug` does not show it.
pub struct UnverifiedToken<'a> {
    /// Header and claims as they were signed (RFC 7515 section 5.2).
    signed: &'a str,
    usage: KeyUse,
    signing_key: KeyId,
    claims: Vec<u8>,
    signature: [u8; 64],
}

impl<'a> UnverifiedToken<'a> {
    /// Takes apart the compact form (RFC 7515 section 7.1): three parts in base64url without padding and with no stray bit,
    /// and a header of an enrollment token. The claims are not looked into.
    ///
    /// # Errors
    /// [`VerifyError::TooLong`], [`VerifyError::Malformed`], [`VerifyError::WrongAlgorithm`] or [`VerifyError::WrongType`].
    pub fn parse(text: &'a str) -> Result<Self, VerifyError> {
        Self::parse_as(KeyUse::Enrollment, text)
    }

    /// The same of a service token.
    ///
    /// # Errors
    /// As [`UnverifiedToken::parse`]; an enrollment token is [`VerifyError::WrongType`].
    pub fn parse_service(text: &'a str) -> Result<Self, VerifyError> {
        Self::parse_as(KeyUse::Service, text)
    }

    fn parse_as(usage: KeyUse, text: &'a str) -> Result<Self, VerifyError> {
        Self::take_apart(text, |head| Ok((usage, header::parse(usage, head)?)))
    }

    /// The same of a token of whatever kind: [`UnverifiedToken::usage`] says which it claims to be.
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

    /// Checks the signature, and then what the claims say: their form and values, `iss` against `issuers`, and `aud`.
    /// Neither time nor the key's epoch is judged: see [`Authenticated::at`].
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

    /// The same of a service token, whose `aud` must be one of `audiences`.
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

    /// The same of a token of either kind; any other is [`VerifyError::WrongType`].
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

    /// The same, once it is known which key signed it: `None` if the key is unknown, `Some(None)` if it did not.
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

    /// What a service token says, **unverified**: anyone may have written it.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`].
    pub fn unverified_service_grant(&self) -> Result<ServiceGrant, VerifyError> {
        Claims::parse(&self.claims)?.service_grant()
    }

    /// The key whose signature it bears, and what it claims; its issuer is one of `issuers`.
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

    /// What it claims, if `key` is the one that signed it.
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

    /// What the token says, **unverified**: anyone may have written it. For looking into a token, and for a host that
    /// learns from its own token which authority to call and which root to pin.
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
    // Room for one group more than is wanted, so that a longer one is seen and not cut.
    let mut bytes = [0; 67];
    match URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes) {
        Ok(64) => bytes[..64].try_into().map_err(|_| malformed),
        _ => Err(malformed),
    }
}

/// An enrollment token of these claims, which `key` signed.
fn enrollment(key: &VerifyingKey, claims: &Claims<'_>) -> Result<Authenticated<Grant>, VerifyError> {
    Ok(Authenticated::new(grant_for_enrollment(claims)?, key))
}

/// A service token of these claims, which `key` signed.
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

/// What a good signature stands under, at whatever moment. It does not allow anything yet. A clone shares the grant.
#[derive(Debug, PartialEq, Eq)]
pub struct Authenticated<T> {
    value: Arc<T>,
    signing_key: KeyId,
    scope: KeyScope,
}

/// A token of either kind that bears a good signature, at whatever moment.
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

    /// What was signed: to look up what was redeemed before, and to name a refused token.
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
    /// Judges `now`, with [`LEEWAY`] either way (RFC 7519 sections 4.1.4, 4.1.5 and 4.1.6), and the epoch: since an
    /// operator accepted a clock that was in doubt, nobody can tell whether an older ephemeral token has expired.
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
        // What was minted under a clock that ran ahead says so in these claims; its key signs nothing any more.
        if !earlier_epoch && now.plus(LEEWAY) < self.value.not_before().max(self.value.issued_at()) {
            return Err(VerifyError::NotYetValid);
        }
        Ok(Verified { value: self.value, signing_key: self.signing_key })
    }

    /// Whether nothing can make it good again.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.value.expires_at().is_some_and(|expires_at| now >= expires_at.plus(LEEWAY))
    }
}

/// What was signed by one of our keys and is good now. Only verifying makes one. A clone shares the grant.
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
    /// A value that no signature vouches for, for tests of what acts on one.
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
