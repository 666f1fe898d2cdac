//! The key that proves the origin of backups without keys. It leaves the keys directory in sealed backups only.

use std::path::Path;

use aws_lc_rs::hmac;

use super::error::BackupError;
use super::shown;
use crate::id::{hex, random};
use crate::secret::{Secret, file};

/// The file of the key, in the keys directory: 64 hex digits.
pub const KEY_FILE: &str = "backup.key";

/// Size of the key in bytes.
const SIZE: usize = 32;

/// A key of HMAC-SHA-256.
pub struct BackupKey(Secret<Vec<u8>>);

impl BackupKey {
    /// Makes a random key.
    pub fn generate() -> Self {
        Self(Secret::new(random::<SIZE>().to_vec()))
    }

    /// Reads a key from the text of its file.
    pub fn parse(text: &Secret<String>) -> Option<Self> {
        let digits = text.expose().trim_end();
        let is_hex = digits.len() == 2 * SIZE && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let bytes = (0..SIZE).map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok());
        is_hex.then(|| bytes.collect::<Option<Vec<u8>>>()).flatten().map(|key| Self(Secret::new(key)))
    }

    /// Reads the file of a key. Its mode is not checked.
    ///
    /// # Errors
    /// The file cannot be read, or is no key.
    pub fn load(path: &Path) -> Result<Self, BackupError> {
        let text = file::read(path)
            .map_err(|error| BackupError::File { path: shown(path), cause: error.cause.to_string() })?;
        Self::parse(&text).ok_or_else(|| BackupError::BadKey { path: shown(path) })
    }

    /// The text of its file.
    pub fn text(&self) -> Secret<String> {
        Secret::new(hex(self.0.expose()) + "\n")
    }

    /// The key, as HMAC takes it.
    pub(super) fn hmac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.expose())
    }
}
