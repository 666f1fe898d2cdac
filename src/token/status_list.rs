//! Signed lists of the status of every token (draft-ietf-oauth-status-list-21).
//!
//! A list is an array of two-bit statuses, the first in the lowest bits of the first byte (section 4). It is compressed
//! with zlib (section 4.1) and signed as a JWT (section 5.1). A verifier accepts only the form that gatepass makes.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

use super::claims::moment;
use super::error::VerifyError;
use super::json::{Object, object};
use super::key::{KeyScope, VerifyingKeys};
use super::key_use::KeyUse;
use super::ring::KeyRing;
use super::signer::SignError;
use super::verify::UnverifiedToken;
use super::{LEEWAY, STATUS_LIST_CAPACITY, Status};
use crate::clock::Timestamp;

/// Validity of a signed list (`exp` - `iat`).
pub const STATUS_LIST_LIFE: Duration = Duration::from_secs(600);
/// Time until a verifier fetches a newer list (`ttl`).
pub const STATUS_LIST_TTL: Duration = Duration::from_secs(30);
/// Maximum size of a signed list that is read, in bytes. A list of random bits has 350 KiB.
pub const MAX_STATUS_LIST_BYTES: usize = 512 * 1024;

/// The number of bits of a status (section 4).
const BITS: u8 = 2;
const WHOLE: usize = STATUS_LIST_CAPACITY as usize / 4;

/// A refused status list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusListError {
    /// The text is longer than a list of gatepass.
    #[error("the status list is longer than {MAX_STATUS_LIST_BYTES} bytes: it is not a list of gatepass")]
    TooLong,
    /// The text is not a list in the form of gatepass.
    #[error("this is not a status list of gatepass: {why}")]
    Malformed {
        /// The defect.
        why: &'static str,
    },
    /// The list expands to too many entries.
    #[error(
        "the status list expands to more than {STATUS_LIST_CAPACITY} entries: it is not a list of gatepass"
    )]
    TooLarge,
    /// Its compression is broken.
    #[error("the status list does not decompress: fetch it again")]
    Compression,
    /// No known key signed it.
    #[error("the status list's key is unknown or retired: fetch the authority's key set again")]
    UnknownKey,
    /// Its key did not sign it.
    #[error("the status list's signature does not match: fetch it again")]
    BadSignature,
    /// The list belongs to another address.
    #[error("the status list is of {found}, not of the address it was fetched for: check what answers there")]
    WrongUri {
        /// The address in the list.
        found: String,
    },
    /// The list has expired.
    #[error("the status list expired at {at}: fetch it again")]
    Expired {
        /// The time in the list.
        at: Timestamp,
    },
    /// The list was signed in the future.
    #[error(
        "the status list was signed in the future, at {at}: check the clocks of this machine and of the authority"
    )]
    NotYetValid {
        /// The time in the list.
        at: Timestamp,
    },
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// The statuses of a list's tokens.
///
/// ```
/// use gatepass::clock::SystemClock;
/// use gatepass::token::{KeyRing, SignedStatusList, Status, StatusList};
///
/// let (ring, now) = (KeyRing::generate(), SystemClock::now());
/// let mut list = StatusList::default();
/// list.set(7, Status::Revoked);
/// let uri = "https://gate.example.org/status/0190a0b0-c0d0-7000-8000-0000000000dd";
/// let published = list.sign(uri, &ring, now)?;
///
/// let read = SignedStatusList::verify(&published, uri, ring.verifying(), now)?;
/// assert_eq!((read.list().get(7), read.list().get(8)), (Some(Status::Revoked), Some(Status::Valid)));
/// assert_eq!(read.list().get(1 << 20), None); // beyond the end: a refusal
/// # Ok::<(), gatepass::token::StatusListError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList(Vec<u8>);

impl Default for StatusList {
    /// A list of valid entries.
    fn default() -> Self {
        Self(vec![0; WHOLE])
    }
}

impl StatusList {
    /// The list in these bytes, four entries each; `None` if they are too many.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= WHOLE).then_some(Self(bytes))
    }

    /// The entry at `index`; `None` beyond the end, which is a refusal (section 8.3).
    pub fn get(&self, index: u32) -> Option<Status> {
        let byte = self.0.get(index as usize / 4)?;
        Some(Status::from_bits(byte >> (index % 4 * 2)))
    }

    /// Changes the entry at `index`. An index beyond the end is ignored.
    pub fn set(&mut self, index: u32, status: Status) {
        if let Some(byte) = self.0.get_mut(index as usize / 4) {
            let shift = index % 4 * 2;
            *byte = *byte & !(0b11 << shift) | status.bits() << shift;
        }
    }

    /// Replaces the bytes from byte `place` on, four entries each. Bytes beyond the end are ignored.
    pub fn put(&mut self, place: usize, bytes: &[u8]) {
        for (to, from) in self.0.iter_mut().skip(place).zip(bytes) {
            *to = *from;
        }
    }

    /// Signs the list for publication at `uri` (section 5.1).
    ///
    /// # Errors
    /// [`StatusListError::Sign`], if the key did not sign.
    pub fn sign(&self, uri: &str, ring: &KeyRing, now: Timestamp) -> Result<String, StatusListError> {
        let lst = URL_SAFE_NO_PAD.encode(compress(&self.0));
        let (iat, life) = (u64::try_from(now.secs()).unwrap_or(0), STATUS_LIST_LIFE.as_secs());
        let (exp, ttl) = (iat + life, STATUS_LIST_TTL.as_secs());
        let status_list = Object(Lst { bits: BITS, lst: &lst });
        let claims = serde_json::to_vec(&ListClaims { sub: uri, iat, exp, ttl, status_list });
        let claims = claims.map_err(|_| StatusListError::Malformed { why: "it has no JSON form" })?;
        Ok(ring.sign(KeyUse::StatusList, &claims)?)
    }
}

impl std::fmt::Debug for StatusList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusList").field("entries", &(self.0.len() * 4)).finish_non_exhaustive()
    }
}

/// A list with a valid signature. Only [`SignedStatusList::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedStatusList {
    list: StatusList,
    issued_at: Timestamp,
    expires_at: Timestamp,
    ttl: Duration,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListClaims<'a> {
    sub: &'a str,
    iat: u64,
    exp: u64,
    ttl: u64,
    #[serde(borrow)]
    status_list: Object<Lst<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lst<'a> {
    bits: u8,
    lst: &'a str,
}

impl SignedStatusList {
    /// Reads the list that was fetched from `uri`, at `now` (section 8.3).
    ///
    /// # Errors
    /// [`StatusListError`]. The signature is checked before the list is decompressed.
    pub fn verify(
        text: &str,
        uri: &str,
        keys: &VerifyingKeys,
        now: Timestamp,
    ) -> Result<Self, StatusListError> {
        let read = Self::authenticate(text, uri, keys)?;
        if now.plus(LEEWAY) < read.issued_at {
            return Err(StatusListError::NotYetValid { at: read.issued_at });
        }
        if now >= read.expires_at.plus(LEEWAY) {
            return Err(StatusListError::Expired { at: read.expires_at });
        }
        Ok(read)
    }

    /// Reads a list at any time: for a stored list, whose age counts from when it was fetched.
    ///
    /// # Errors
    /// As [`SignedStatusList::verify`], except for the times.
    pub fn authenticate(text: &str, uri: &str, keys: &VerifyingKeys) -> Result<Self, StatusListError> {
        if text.len() > MAX_STATUS_LIST_BYTES {
            return Err(StatusListError::TooLong);
        }
        let json = signed_claims(text, keys)?;
        let claims: ListClaims<'_> = object(&json)
            .ok_or(malformed("its claims are not exactly sub, iat, exp, ttl and status_list"))?;
        if claims.sub != uri {
            return Err(StatusListError::WrongUri { found: claims.sub.chars().take(256).collect() });
        }
        let Lst { bits, lst } = claims.status_list.0;
        if bits != BITS {
            return Err(malformed("its entries are not of two bits"));
        }
        let compressed = URL_SAFE_NO_PAD.decode(lst).map_err(|_| malformed("its lst is not base64url"))?;
        Ok(Self {
            list: StatusList(decompress(&compressed)?),
            issued_at: moment(claims.iat)?,
            expires_at: moment(claims.exp)?,
            ttl: Duration::from_secs(claims.ttl),
        })
    }

    /// The statuses.
    pub const fn list(&self) -> &StatusList {
        &self.list
    }

    /// Returns the statuses.
    pub fn into_list(self) -> StatusList {
        self.list
    }

    /// Signing time (`iat`).
    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// Expiry (`exp`).
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Time after which a newer list should be fetched (`ttl`).
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }
}

/// Verifies the signature of `text` and returns its claims.
fn signed_claims(text: &str, keys: &VerifyingKeys) -> Result<Vec<u8>, StatusListError> {
    let token = UnverifiedToken::of_any_length(text)?;
    if token.usage() != KeyUse::StatusList {
        return Err(VerifyError::WrongType.into());
    }
    // A list always expires: a key of an earlier epoch verifies no list.
    if token.signer(keys)?.scope == KeyScope::PersistentOnly {
        return Err(StatusListError::UnknownKey);
    }
    Ok(token.into_claims())
}

impl From<VerifyError> for StatusListError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::UnknownKey => Self::UnknownKey,
            VerifyError::BadSignature => Self::BadSignature,
            VerifyError::Malformed { why } => malformed(why),
            VerifyError::WrongAlgorithm => malformed("its algorithm is not EdDSA"),
            _ => malformed("its typ is not statuslist+jwt"),
        }
    }
}

const fn malformed(why: &'static str) -> StatusListError {
    StatusListError::Malformed { why }
}

/// zlib (RFC 1950). Writing to memory does not fail.
fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Decompresses at most a whole list. Trailing bytes are refused.
fn decompress(compressed: &[u8]) -> Result<Vec<u8>, StatusListError> {
    let mut decoder = ZlibDecoder::new(compressed);
    let mut bytes = Vec::with_capacity(WHOLE + 1);
    let most = WHOLE as u64 + 1;
    decoder.by_ref().take(most).read_to_end(&mut bytes).map_err(|_| StatusListError::Compression)?;
    if bytes.len() > WHOLE {
        return Err(StatusListError::TooLarge);
    }
    match decoder.total_in() == compressed.len() as u64 {
        true => Ok(bytes),
        false => Err(StatusListError::Compression),
    }
}

#[cfg(test)]
mod tests;
