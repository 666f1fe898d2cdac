//! Errors of signing keys, external URLs and the files of keys.

use crate::service::vault::VaultError;
use crate::token::KeyError;

/// A key or external URL cannot be retired, or a key file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// Live persistent tokens need the key.
    #[error(
        "{tokens} live persistent token(s) were signed with this key and will stop working: confirm to go on"
    )]
    Needed {
        /// The number of these tokens.
        tokens: u64,
    },
    /// The current and the prepared key can be retired only as compromised.
    #[error("the key is in use: rotate the signing keys first, or retire it as compromised (--compromised)")]
    InUse,
    /// Live persistent tokens name the external URL.
    #[error(
        "{tokens} live persistent token(s) were minted under this URL and will stop working: confirm to go on"
    )]
    IssuerNeeded {
        /// The number of these tokens.
        tokens: u64,
    },
    /// The current external URL cannot be retired.
    #[error("this is the current external URL: start the server with another one first")]
    IssuerInUse,
    /// A key file could not be written or read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The file of a signing key is malformed.
    #[error(transparent)]
    Malformed(#[from] KeyError),
}
