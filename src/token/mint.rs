//! Minting: the text of a token from a grant. Each new token is verified before it is returned.

#[cfg(feature = "server")]
mod batch;

use std::fmt;

#[cfg(feature = "server")]
pub use self::batch::mint_all;
use super::error::VerifyError;
use super::grant::{AccessGrant, Grant, ServiceGrant, TokenRef};
use super::key_use::KeyUse;
use super::ring::KeyRing;
use super::signer::SignError;
use super::verify::{Verified, verify, verify_access, verify_service};
use super::{MAX_MINT_BYTES, MAX_PATTERNS, MAX_ROLES, STATUS_LIST_CAPACITY, claims};
use crate::clock::Timestamp;
use crate::id::KeyId;
use crate::name::Role;
use crate::secret::Secret;

/// A refused order of a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The token would be too long.
    #[error(
        "the token would be {length} bytes long; at most {MAX_MINT_BYTES} are allowed: give it fewer roles or name patterns"
    )]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The token would give too many roles.
    #[error("{count} roles; a token gives at most {MAX_ROLES}: mint several tokens")]
    TooManyRoles {
        /// Their number.
        count: usize,
    },
    /// The token would be bound to too many name patterns.
    #[error(
        "{count} DNS name patterns; a token carries at most {MAX_PATTERNS}: use a wildcard or mint several tokens"
    )]
    TooManyPatterns {
        /// Their number.
        count: usize,
    },
    /// The token could never be redeemed.
    #[error("a token with 0 uses admits no host: give a positive number, or none for unlimited")]
    NoUses,
    /// The token would be ephemeral and never expire.
    #[error("a token without expiry must be persistent: give it an expiry, or make it persistent")]
    NoExpiry,
    /// The token would expire before it is valid.
    #[error("the token would have expired at {expires_at} already: give it a later expiry")]
    AlreadyExpired {
        /// Its expiry.
        expires_at: Timestamp,
    },
    /// The time is not a whole second between 1970 and 9999.
    #[error("{} cannot stand in a token: use whole seconds between 1970 and 9999", .at.to_rfc3339())]
    UnusableTime {
        /// The time.
        at: Timestamp,
    },
    /// The index is beyond the end of a status list.
    #[error("status index {index} is beyond the {STATUS_LIST_CAPACITY} entries of a list: open a new list")]
    IndexOutOfRange {
        /// The refused number.
        index: u32,
    },
    /// Writing the claims as JSON failed.
    #[error("the claims cannot be written as JSON")]
    NotJson,
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The new token does not verify and was discarded.
    #[error("the minted token does not verify: {0}")]
    DoesNotVerify(VerifyError),
    /// The new token differs from the grant and was discarded.
    #[error("the minted token does not say what it was minted for: this is a bug, report it")]
    SaysSomethingElse,
}

/// A new token: its secret text and its grant.
pub struct MintedToken<T = Grant> {
    text: Secret<String>,
    grant: Verified<T>,
}

impl<T> MintedToken<T> {
    /// The text. It is sent once, to the caller, and stored nowhere.
    pub fn text(&self) -> &Secret<String> {
        &self.text
    }

    /// Returns the text, to be sent to the caller.
    pub fn into_text(self) -> Secret<String> {
        self.text
    }

    /// Its content.
    pub fn grant(&self) -> &Verified<T> {
        &self.grant
    }

    /// The key that signed it.
    pub fn signing_key(&self) -> KeyId {
        self.grant.signing_key()
    }
}

impl<T: fmt::Debug> fmt::Debug for MintedToken<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintedToken").field("grant", &self.grant).finish_non_exhaustive()
    }
}

/// Mints the token of `grant` with the ring's current key, and verifies it as every verifier will.
///
/// # Errors
/// [`MintError`], if a verifier would refuse the grant. Nothing is minted then.
pub fn mint(grant: &Grant, ring: &KeyRing, now: Timestamp) -> Result<MintedToken, MintError> {
    let text = bounded(ring.sign(KeyUse::Enrollment, &encoded(grant, now)?)?)?;
    let minted = verify(text.expose(), ring.verifying(), std::slice::from_ref(&grant.token.issuer), now)
        .map_err(MintError::DoesNotVerify)?;
    agreed(text, minted, grant)
}

/// Mints the service token of `grant` with the ring's current service key, and verifies it as every service will.
///
/// # Errors
/// [`MintError`], if a verifier would refuse the grant. Nothing is minted then.
pub fn mint_service(
    grant: &ServiceGrant,
    ring: &KeyRing,
    now: Timestamp,
) -> Result<MintedToken<ServiceGrant>, MintError> {
    let ServiceGrant { token, audience, issued_at, not_before, expires_at, roles } = grant;
    check_common(roles, [*issued_at, *not_before], Some(*expires_at), now)?;
    check_status(token)?;
    let claims = claims::encode_service(grant).map_err(|_| MintError::NotJson)?;
    let text = bounded(ring.sign(KeyUse::Service, &claims)?)?;
    let (issuer, audience) = (std::slice::from_ref(&token.issuer), std::slice::from_ref(audience));
    let minted = verify_service(text.expose(), ring.verifying(), issuer, audience, now)
        .map_err(MintError::DoesNotVerify)?;
    agreed(text, minted, grant)
}

/// Mints the access token of `grant` with the ring's current access key, and verifies it as every service will.
///
/// # Errors
/// [`MintError`], if a verifier would refuse the grant. Nothing is minted then.
pub fn mint_access(
    grant: &AccessGrant,
    ring: &KeyRing,
    now: Timestamp,
) -> Result<MintedToken<AccessGrant>, MintError> {
    let AccessGrant { issuer, audience, issued_at, expires_at, roles, certificate, .. } = grant;
    check_common(roles, [*issued_at], Some(*expires_at), now)?;
    let claims = claims::encode_access(grant).map_err(|_| MintError::NotJson)?;
    let text = bounded(ring.sign(KeyUse::Access, &claims)?)?;
    let places = (std::slice::from_ref(issuer), std::slice::from_ref(audience));
    let minted = verify_access(text.expose(), *certificate, ring.verifying(), places, now)
        .map_err(MintError::DoesNotVerify)?;
    agreed(text, minted, grant)
}

/// The claims of `grant`, as JSON.
fn encoded(grant: &Grant, now: Timestamp) -> Result<Vec<u8>, MintError> {
    check(grant, now)?;
    claims::encode(grant).map_err(|_| MintError::NotJson)
}

/// The new token, if it states `grant`.
fn agreed<T: PartialEq>(
    text: Secret<String>,
    minted: Verified<T>,
    grant: &T,
) -> Result<MintedToken<T>, MintError> {
    if *minted == *grant {
        Ok(MintedToken { text, grant: minted })
    } else {
        Err(MintError::SaysSomethingElse)
    }
}

/// Refuses a grant with a helpful reason where possible. Verification refuses the rest.
fn check(grant: &Grant, now: Timestamp) -> Result<(), MintError> {
    let Grant { token, issued_at, not_before, root: _, terms } = grant;
    check_common(&terms.roles, [*issued_at, *not_before], terms.expires_at, now)?;
    check_status(token)?;
    match terms.bindings.dns_names.len() {
        count if count > MAX_PATTERNS => Err(MintError::TooManyPatterns { count }),
        _ if terms.max_uses == Some(0) => Err(MintError::NoUses),
        _ if terms.expires_at.is_none() && !terms.persistent => Err(MintError::NoExpiry),
        _ => Ok(()),
    }
}

fn check_status(token: &TokenRef) -> Result<(), MintError> {
    match token.status.index {
        index if index >= STATUS_LIST_CAPACITY => Err(MintError::IndexOutOfRange { index }),
        _ => Ok(()),
    }
}

/// The checks of every kind of token.
fn check_common(
    roles: &[Role],
    begins: impl IntoIterator<Item = Timestamp>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), MintError> {
    if let Some(at) = begins.into_iter().chain(expires_at).find(|at| !claims::can_carry(*at)) {
        return Err(MintError::UnusableTime { at });
    }
    if roles.len() > MAX_ROLES {
        return Err(MintError::TooManyRoles { count: roles.len() });
    }
    match expires_at {
        Some(expires_at) if expires_at <= now => Err(MintError::AlreadyExpired { expires_at }),
        _ => Ok(()),
    }
}

/// A signed text, unless it is too long.
fn bounded(text: String) -> Result<Secret<String>, MintError> {
    let text = Secret::new(text);
    match text.expose().len() {
        length if length > MAX_MINT_BYTES => Err(MintError::TooLong { length }),
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests;
