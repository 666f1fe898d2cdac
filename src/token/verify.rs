//! Verifying: the text, then its signature, then its time, each with a type of its own. Everything here is pure.

mod access;
#[cfg(feature = "server")]
mod api_key;
#[cfg(feature = "server")]
mod batch;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use self::access::verify_access;
use super::claims::Claims;
use super::error::VerifyError;
use super::grant::{AccessGrant, Grant, ServiceGrant};
use super::header;
use super::key::{KeyScope, VerifyingKey, VerifyingKeys};
use super::key_use::KeyUse;
use super::{LEEWAY, MAX_TOKEN_BYTES};
use crate::clock::Timestamp;
use crate::id::{FleetKeyId, KeyId};

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
    UnverifiedToken::parse(text)?.authenticate_service(keys, issuers, audiences)?.at(now)
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
    /// Parses the compact form (RFC 7515 section 7.1) of a token of any kind: [`UnverifiedToken::usage`] is the claimed kind.
    ///
    /// It has three parts in base64url without padding or stray bits. The claims are not read.
    ///
    /// # Errors
    /// [`VerifyError::TooLong`], [`VerifyError::Malformed`], [`VerifyError::WrongAlgorithm`] or [`VerifyError::WrongType`].
    pub fn parse(text: &'a str) -> Result<Self, VerifyError> {
        match text.len() {
            0..=MAX_TOKEN_BYTES => Self::of_any_length(text),
            _ => Err(VerifyError::TooLong),
        }
    }

    /// Parses a text of any length, for status lists.
    ///
    /// The caller limits the length.
    pub(super) fn of_any_length(text: &'a str) -> Result<Self, VerifyError> {
        let mut parts = text.split('.');
        let (Some(head), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(VerifyError::Malformed { why: "it does not have three parts" });
        };
        let (usage, signing_key) = header::parse(head)?;
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
        self.must_be(KeyUse::Enrollment)?;
        self.enrollment(self.signer(keys)?, issuers)
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
        self.must_be(KeyUse::Service)?;
        self.service(self.signer(keys)?, issuers, audiences)
    }

    /// Authenticates a token of any kind; a status list is [`VerifyError::WrongType`].
    ///
    /// # Errors
    /// As [`UnverifiedToken::authenticate_service`].
    pub fn authenticate_any(
        &self,
        keys: &VerifyingKeys,
        issuers: &[String],
        audiences: &[String],
    ) -> Result<AuthenticatedToken, VerifyError> {
        self.judged(self.signer(keys)?, issuers, audiences)
    }

    /// The key that signed it; otherwise [`VerifyError::UnknownKey`] or [`VerifyError::BadSignature`].
    pub(super) fn signer<'k>(&self, keys: &'k VerifyingKeys) -> Result<&'k VerifyingKey, VerifyError> {
        keys.check(self.usage, self.signing_key, self.signed.as_bytes(), &self.signature)
    }

    /// Authenticates a token of any kind that `key` signed.
    fn judged(
        &self,
        key: &VerifyingKey,
        issuers: &[String],
        audiences: &[String],
    ) -> Result<AuthenticatedToken, VerifyError> {
        match self.usage {
            KeyUse::Enrollment => self.enrollment(key, issuers).map(AuthenticatedToken::Enrollment),
            KeyUse::Service => self.service(key, issuers, audiences).map(AuthenticatedToken::Service),
            KeyUse::Access => self.access(key, issuers, audiences).map(AuthenticatedToken::Access),
            KeyUse::StatusList => Err(VerifyError::WrongType),
        }
    }

    fn enrollment(
        &self,
        key: &VerifyingKey,
        issuers: &[String],
    ) -> Result<Authenticated<Grant>, VerifyError> {
        let claims = self.claims_of(issuers)?;
        let grant = grant_for_enrollment(&claims)?;
        let (persistent, expires_at) = (grant.terms.persistent, grant.terms.expires_at);
        let starts_at = grant.not_before.max(grant.issued_at);
        Ok(Authenticated::new(grant, Lifetime { starts_at, expires_at, persistent }, key))
    }

    fn service(
        &self,
        key: &VerifyingKey,
        issuers: &[String],
        audiences: &[String],
    ) -> Result<Authenticated<ServiceGrant>, VerifyError> {
        let claims = self.claims_of(issuers)?;
        one_of(audiences, claims.aud, VerifyError::WrongAudience)?;
        let grant = claims.service_grant()?;
        let (starts_at, expires_at) = (grant.not_before.max(grant.issued_at), Some(grant.expires_at));
        Ok(Authenticated::new(grant, Lifetime { starts_at, expires_at, persistent: false }, key))
    }

    /// Its claims, whose issuer is one of `issuers`.
    fn claims_of(&self, issuers: &[String]) -> Result<Claims<'_>, VerifyError> {
        let claims = Claims::parse(&self.claims)?;
        one_of(issuers, claims.iss, VerifyError::WrongIssuer)?;
        Ok(claims)
    }

    fn must_be(&self, usage: KeyUse) -> Result<(), VerifyError> {
        if self.usage == usage { Ok(()) } else { Err(VerifyError::WrongType) }
    }

    /// The claims as JSON, **unverified**.
    pub(super) fn into_claims(self) -> Vec<u8> {
        self.claims
    }

    /// The content of a service token, **unverified**: any client can have written it.
    ///
    /// # Errors
    /// [`VerifyError::WrongType`] or [`VerifyError::Malformed`].
    pub fn unverified_service_grant(&self) -> Result<ServiceGrant, VerifyError> {
        self.must_be(KeyUse::Service)?;
        Claims::parse(&self.claims)?.service_grant()
    }

    /// The content of an enrollment token, **unverified**: any client can have written it.
    ///
    /// It is for inspection. A host also reads from its own token the authority to call and the root to pin.
    ///
    /// # Errors
    /// [`VerifyError::WrongType`], [`VerifyError::Malformed`] or [`VerifyError::WrongAudience`].
    pub fn unverified_grant(&self) -> Result<Grant, VerifyError> {
        self.must_be(KeyUse::Enrollment)?;
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

/// Refuses a value that is not one of the `accepted` ones.
fn one_of(accepted: &[String], value: &str, refusal: VerifyError) -> Result<(), VerifyError> {
    if accepted.iter().any(|known| known == value) { Ok(()) } else { Err(refusal) }
}

fn decode_signature(encoded: &str) -> Result<[u8; 64], VerifyError> {
    let malformed = VerifyError::Malformed { why: "its signature is not 64 bytes in base64url" };
    // One group more than needed, so that a longer signature is detected.
    let mut bytes = [0; 67];
    match URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes) {
        Ok(64) => bytes[..64].try_into().map_err(|_| malformed),
        _ => Err(malformed),
    }
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
    lifetime: Lifetime,
    signing_key: KeyId,
    scope: KeyScope,
    fleet_key: Option<FleetKeyId>,
}

/// The times that decide whether a grant is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lifetime {
    starts_at: Timestamp,
    expires_at: Option<Timestamp>,
    persistent: bool,
}

/// A token of any kind with a valid signature, at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthenticatedToken {
    /// An enrollment token.
    Enrollment(Authenticated<Grant>),
    /// A service token.
    Service(Authenticated<ServiceGrant>),
    /// An access token, with any certificate or none.
    Access(Authenticated<AccessGrant>),
}

impl<T> Clone for Authenticated<T> {
    fn clone(&self) -> Self {
        let Self { lifetime, signing_key, scope, fleet_key, .. } = *self;
        Self { value: Arc::clone(&self.value), lifetime, signing_key, scope, fleet_key }
    }
}

impl<T> Authenticated<T> {
    fn new(value: T, lifetime: Lifetime, key: &VerifyingKey) -> Self {
        Self { value: Arc::new(value), lifetime, signing_key: key.id, scope: key.scope, fleet_key: None }
    }

    /// The signed grant: to look up an earlier redemption, and to name a refused token.
    pub fn grant(&self) -> &T {
        &self.value
    }

    /// The key that signed it.
    pub fn signing_key(&self) -> KeyId {
        self.signing_key
    }

    /// Checks the time, with a tolerance of [`LEEWAY`] (RFC 7519 sections 4.1.4, 4.1.5 and 4.1.6), and the epoch.
    ///
    /// Once an operator accepted a doubtful clock, the age of an older ephemeral token is unknown: it is refused.
    ///
    /// # Errors
    /// [`VerifyError::EphemeralRefused`]; [`VerifyError::Expired`]; [`VerifyError::NotYetValid`], also if it claims to have been minted in the future.
    pub fn at(self, now: Timestamp) -> Result<Verified<T>, VerifyError> {
        let earlier_epoch = self.scope == KeyScope::PersistentOnly;
        if earlier_epoch && !self.lifetime.persistent {
            return Err(VerifyError::EphemeralRefused);
        }
        if self.has_expired(now) {
            return Err(VerifyError::Expired);
        }
        // A token minted by a clock that ran ahead has such claims. Its key no longer signs.
        if !earlier_epoch && now.plus(LEEWAY) < self.lifetime.starts_at {
            return Err(VerifyError::NotYetValid);
        }
        Ok(Verified { value: self.value, signing_key: self.signing_key, fleet_key: self.fleet_key })
    }

    /// Returns true if it is refused for good.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.lifetime.expires_at.is_some_and(|expires_at| now >= expires_at.plus(LEEWAY))
    }
}

/// A grant with a valid signature that is in force. Only verifying makes one. A clone shares the grant.
///
/// ```compile_fail
/// fn forge(value: gatepass::token::Grant, signing_key: gatepass::id::KeyId) -> gatepass::token::Verified<gatepass::token::Grant> {
///     gatepass::token::Verified { value: std::sync::Arc::new(value), signing_key, fleet_key: None }
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Verified<T> {
    value: Arc<T>,
    signing_key: KeyId,
    fleet_key: Option<FleetKeyId>,
}

impl<T> Clone for Verified<T> {
    fn clone(&self) -> Self {
        let Self { signing_key, fleet_key, .. } = *self;
        Self { value: Arc::clone(&self.value), signing_key, fleet_key }
    }
}

impl<T> Verified<T> {
    /// A grant without a signature, for tests of the code that acts on one.
    #[cfg(all(test, feature = "server"))]
    pub(crate) fn assumed(value: T, signing_key: KeyId) -> Self {
        Self { value: Arc::new(value), signing_key, fleet_key: None }
    }

    /// The key that signed it.
    pub fn signing_key(&self) -> KeyId {
        self.signing_key
    }

    /// The Fleet key that proved it instead of the signature. Its signing key may be retired then.
    pub const fn fleet_key(&self) -> Option<FleetKeyId> {
        self.fleet_key
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod access_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod service_tests;
#[cfg(test)]
mod tests;
