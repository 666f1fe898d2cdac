//! The cache of signatures: the signature of a token that comes repeatedly is checked once.

use std::hash::{BuildHasher, Hasher};

use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::error::VerifyError;
use super::verify::Authenticated;
use super::{AccessGrant, Grant, MAX_TOKEN_BYTES, ServiceGrant};
use crate::clock::Timestamp;

/// A bounded cache of valid signatures, by the SHA-256 of the token. It belongs to one set of keys.
///
/// It holds only signed content: time and revocation are checked each time. An expired token is dropped when it is
/// presented again, or evicted by others.
pub struct HotTokens<T>(Cache<[u8; 32], Authenticated<T>, quick_cache::UnitWeighter, OfDigest>);

/// The SHA-256 of a token's text, the key of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of this text.
    ///
    /// # Errors
    /// [`VerifyError::TooLong`]: such a text is not hashed.
    pub fn of(text: &str) -> Result<Self, VerifyError> {
        match text.len() {
            0..=MAX_TOKEN_BYTES => Ok(Self(Sha256::digest(text).into())),
            _ => Err(VerifyError::TooLong),
        }
    }
}

/// Cached enrollment tokens: a cluster token is redeemed ten thousand times.
pub type HotEnrollmentTokens = HotTokens<Grant>;
/// Cached service tokens: one is presented with every request.
pub type HotServiceTokens = HotTokens<ServiceGrant>;
/// Cached access tokens: one is presented with every request of its host.
pub type HotAccessTokens = HotTokens<AccessGrant>;

impl<T> HotTokens<T> {
    /// A cache of about `capacity` tokens; 0 turns it off.
    pub fn new(capacity: usize) -> Self {
        let lifecycle = Default::default();
        Self(Cache::with(capacity, capacity as u64, quick_cache::UnitWeighter, OfDigest, lifecycle))
    }

    /// The signed content of `text`, from the cache or from `cold`, whose result is then cached.
    ///
    /// # Errors
    /// [`VerifyError::TooLong`], and the errors of `cold`, which are not cached.
    pub fn authenticate(
        &self,
        text: &str,
        now: Timestamp,
        cold: impl FnOnce() -> Result<Authenticated<T>, VerifyError>,
    ) -> Result<Authenticated<T>, VerifyError> {
        let digest = TokenDigest::of(text)?;
        if let Some(known) = self.get(&digest, now) {
            return Ok(known);
        }
        let good = cold()?;
        self.remember(digest, &good, now);
        Ok(good)
    }

    /// The cached content of the token with this digest.
    pub fn get(&self, digest: &TokenDigest, now: Timestamp) -> Option<Authenticated<T>> {
        let known = self.0.get(&digest.0)?;
        if known.has_expired(now) {
            self.0.remove(&digest.0);
        }
        Some(known)
    }

    /// Caches the content of the token with this digest, unless it has expired.
    pub fn remember(&self, digest: TokenDigest, good: &Authenticated<T>, now: Timestamp) {
        if !good.has_expired(now) {
            self.0.insert(digest.0, good.clone());
        }
    }

    /// Number of cached tokens.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Eight bytes of a digest are a sufficient hash: only digests of tokens signed here get in.
#[derive(Clone, Copy, Default)]
struct OfDigest;

impl BuildHasher for OfDigest {
    type Hasher = FirstBytes;

    fn build_hasher(&self) -> FirstBytes {
        FirstBytes(0)
    }
}

struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length prefix of the array is constant.
    fn write_usize(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::token::fixture::*;
    use crate::token::{KeyRing, UnverifiedToken, mint_service};

    /// Presents `text` at `now`; returns the verdict and the number of signature checks so far.
    fn show(hot: &HotServiceTokens, text: &str, ring: &KeyRing, now: Timestamp, checks: &Cell<u32>) -> bool {
        let cold = || {
            checks.set(checks.get() + 1);
            let token = UnverifiedToken::parse(text)?;
            token.authenticate_service(ring.verifying(), &issuers(), &[AUDIENCE.to_owned()])
        };
        hot.authenticate(text, now, cold).and_then(|good| good.at(now)).is_ok()
    }

    #[test]
    fn a_valid_signature_is_checked_once() {
        let (hot, ring, checks) = (HotTokens::new(8), ring(), Cell::new(0));
        let text = mint_service(&service_grant(), &ring, NOW).unwrap().into_text();
        let late = service_grant().expires_at.plus(super::super::LEEWAY);
        assert!(
            show(&hot, text.expose(), &ring, NOW, &checks) && show(&hot, text.expose(), &ring, NOW, &checks)
        );
        assert_eq!((checks.get(), hot.len()), (1, 1));
        assert!(!show(&hot, text.expose(), &ring, late, &checks), "it has expired");
        assert_eq!((checks.get(), hot.len()), (1, 0), "and is forgotten");
    }

    #[test]
    fn a_refused_token_is_never_cached() {
        let (hot, ring, checks) = (HotTokens::new(8), ring(), Cell::new(0));
        let text = mint_service(&service_grant(), &KeyRing::generate(), NOW).unwrap().into_text();
        for _ in 0..2 {
            assert!(!show(&hot, text.expose(), &ring, NOW, &checks));
        }
        assert!(!show(&hot, &"e".repeat(MAX_TOKEN_BYTES + 1), &ring, NOW, &checks));
        assert_eq!((checks.get(), hot.is_empty()), (2, true), "what is too long is not even looked at");
    }

    #[test]
    fn the_cache_is_bounded() {
        let (hot, ring, checks) = (HotTokens::new(16), ring(), Cell::new(0));
        for index in 0..64 {
            let mut grant = service_grant();
            grant.token.status.index = index;
            let text = mint_service(&grant, &ring, NOW).unwrap().into_text();
            assert!(show(&hot, text.expose(), &ring, NOW, &checks));
        }
        assert!(hot.len() <= 17, "{} are remembered", hot.len());
    }
}
