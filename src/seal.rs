//! The seal of secrets at rest: AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits.
//!
//! The associated data binds a sealed secret to its output, field and version. So the row of one secret cannot stand for
//! another one.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::id::{OutputId, SealKeyId, random};
use crate::secret::Secret;

/// The text before the associated data. It separates this use of a key from any other.
const CONTEXT: &[u8] = b"gatepass output 1";

/// Number of bytes of a key.
const KEY_BYTES: usize = 32;

/// A secret as the database keeps it. It has no `Debug`, as the secret.
#[derive(Clone)]
pub struct Sealed {
    /// The key that sealed it.
    pub key: SealKeyId,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// The output, the field and the version of a secret, which its seal binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedPlace<'a> {
    /// The output that the secret belongs to.
    pub output: OutputId,
    /// The field of the secret.
    pub field: &'a str,
    /// The version of the secret: each replacement has a higher one.
    pub version: u64,
}

impl SealedPlace<'_> {
    /// The associated data. Only the last part has a variable length, so each output, field and version has its own.
    fn bound(self) -> Vec<u8> {
        [CONTEXT, self.output.as_bytes(), &self.version.to_be_bytes(), self.field.as_bytes()].concat()
    }
}

/// The reason why a secret cannot be sealed or opened. It shows nothing of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key is not in use. It was replaced, or its file is lost.
    #[error("the secret was sealed with {0}, which is not in use")]
    UnknownKey(SealKeyId),
    /// The sealed bytes are not those of this secret and key.
    #[error("the sealed secret is damaged, or belongs to another output, field or version")]
    Damaged,
    /// No key is in use, or the cipher failed.
    #[error("the secret could not be sealed")]
    Unsealable,
}

/// One of the keys that seal secrets.
pub struct SealKey {
    id: SealKeyId,
    key: RandomizedNonceKey,
}

impl SealKey {
    /// The text of a new key, for its file.
    pub fn generate() -> Secret<String> {
        let bytes = Secret::new(random::<KEY_BYTES>());
        Secret::new(URL_SAFE_NO_PAD.encode(bytes.expose()))
    }

    /// Reads the text of a key's file. `None` if it is not the text of a key.
    pub fn parse(id: SealKeyId, text: &Secret<String>) -> Option<Self> {
        let bytes = Secret::new(URL_SAFE_NO_PAD.decode(text.expose().trim_end()).ok()?);
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes.expose()).ok()?;
        Some(Self { id, key })
    }
}

/// The keys in use. The newest one seals.
#[derive(Default)]
pub struct Seal(Vec<SealKey>);

impl Seal {
    /// A seal with these keys, oldest first.
    pub const fn new(keys: Vec<SealKey>) -> Self {
        Self(keys)
    }

    /// Seals a secret for one field of an output.
    ///
    /// # Errors
    /// [`SealError::Unsealable`].
    pub fn seal(&self, place: SealedPlace<'_>, secret: &Secret<String>) -> Result<Sealed, SealError> {
        let SealKey { id, key } = self.0.last().ok_or(SealError::Unsealable)?;
        // The bytes grow by the tag within their capacity: a new allocation would leave a copy of the secret.
        let text = secret.expose().as_bytes();
        let mut sealed = Zeroizing::new(Vec::with_capacity(text.len() + AES_256_GCM.tag_len()));
        sealed.extend_from_slice(text);
        let nonce = key.seal_in_place_append_tag(Aad::from(place.bound()), &mut *sealed);
        let nonce = nonce.map_err(|_| SealError::Unsealable)?;
        Ok(Sealed { key: *id, bytes: [nonce.as_ref(), sealed.as_slice()].concat() })
    }

    /// Opens the secret of one field of an output.
    ///
    /// # Errors
    /// The key is unknown, or the bytes are not those of this secret.
    pub fn open(&self, place: SealedPlace<'_>, sealed: &Sealed) -> Result<Secret<String>, SealError> {
        let key = self.0.iter().find(|key| key.id == sealed.key);
        let SealKey { key, .. } = key.ok_or(SealError::UnknownKey(sealed.key))?;
        let (nonce, text) = sealed.bytes.split_at_checked(NONCE_LEN).ok_or(SealError::Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Damaged)?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = key.open_in_place(nonce, Aad::from(place.bound()), &mut text);
        let opened = opened.map_err(|_| SealError::Damaged)?;
        let opened = std::str::from_utf8(opened).map_err(|_| SealError::Damaged)?;
        Ok(Secret::new(opened.to_owned()))
    }

    /// Opens a secret, and seals it again with the newest key.
    ///
    /// # Errors
    /// As [`Seal::open`].
    pub fn reseal(&self, place: SealedPlace<'_>, sealed: &Sealed) -> Result<Sealed, SealError> {
        self.seal(place, &self.open(place, sealed)?)
    }
}

#[cfg(test)]
mod tests;
