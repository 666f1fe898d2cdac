//! The seal of a backup with keys: the age v1 format, by a passphrase or for a public key.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::str::FromStr as _;

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, IdentityFile, scrypt, x25519};

use super::{BackupError, Form, Unlock, shown};
use crate::secret::Secret;

/// A public key of age.
#[derive(Clone, Debug)]
pub struct Recipient(x25519::Recipient);

impl Recipient {
    /// Reads a public key (`age1…`).
    ///
    /// # Errors
    /// The text is no public key.
    pub fn parse(text: &str) -> Result<Self, BackupError> {
        let key = x25519::Recipient::from_str(text.trim());
        key.map(Self).map_err(|_| BackupError::BadRecipient { text: text.to_owned() })
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The seal that a backup gets.
pub enum Sealing {
    /// A passphrase, hashed with about a second of work.
    Passphrase(Secret<String>),
    /// A public key. Its private key opens the backup.
    Recipient(Recipient),
}

impl Sealing {
    /// Encrypts what `write` writes into `to`.
    pub(super) fn encrypt<W: Write>(
        &self,
        to: W,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<W> {
        let encryptor = match self {
            Self::Passphrase(phrase) => Encryptor::with_user_passphrase(secret_string(phrase)),
            Self::Recipient(Recipient(key)) => {
                Encryptor::with_recipients(std::iter::once(key as &dyn age::Recipient))
                    .map_err(io::Error::other)?
            }
        };
        let mut plain = encryptor.wrap_output(to)?;
        write(&mut plain)?;
        plain.finish()
    }
}

/// Returns the form of an age file; `None` for another one.
pub(super) fn form(file: File) -> Option<Form> {
    let decryptor = Decryptor::new_buffered(BufReader::new(file)).ok()?;
    Some(if decryptor.is_scrypt() { Form::Passphrase } else { Form::Recipient })
}

/// The reason why an age file stays closed.
pub(super) enum Unopened {
    WrongSecret,
    BadIdentity,
    Changed,
    Failed(io::Error),
}

impl Unopened {
    /// The error of the backup `file`.
    pub(super) fn at(self, file: &Path) -> BackupError {
        let path = shown(file);
        match self {
            Self::WrongSecret => BackupError::WrongSecret { path },
            Self::BadIdentity => BackupError::BadIdentity,
            Self::Changed => BackupError::Changed { path },
            Self::Failed(error) => BackupError::of(file, &error),
        }
    }
}

/// Returns the decrypted content. A reader that ends without an error has read a whole file.
pub(super) fn unseal(file: File, secret: &Unlock<'_>) -> Result<impl Read, Unopened> {
    let decryptor = Decryptor::new_buffered(BufReader::new(file)).map_err(unopened)?;
    match secret {
        Unlock::Passphrase(phrase) => {
            let identity = scrypt::Identity::new(secret_string(phrase));
            decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(unopened)
        }
        Unlock::Identity(text) => {
            let file = IdentityFile::from_buffer(text.expose().as_bytes());
            let identities = file.ok().and_then(|file| file.into_identities().ok());
            let identities = identities.filter(|all| !all.is_empty()).ok_or(Unopened::BadIdentity)?;
            let identities = identities.iter().map(|one| one.as_ref() as &dyn age::Identity);
            decryptor.decrypt(identities).map_err(unopened)
        }
        Unlock::Key(_) => Err(Unopened::WrongSecret),
    }
}

fn unopened(error: DecryptError) -> Unopened {
    match error {
        DecryptError::Io(error) => Unopened::Failed(error),
        DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
            Unopened::WrongSecret
        }
        DecryptError::ExcessiveWork { .. } => Unopened::Failed(io::Error::other(
            "its passphrase was hashed with more work than this machine does: use the machine that made it",
        )),
        _ => Unopened::Changed,
    }
}

fn secret_string(secret: &Secret<String>) -> SecretString {
    SecretString::from(secret.expose().clone())
}
