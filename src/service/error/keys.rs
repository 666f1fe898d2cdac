//! Errors of signing keys, external URLs and the files of keys.

use crate::id::OutputId;
use crate::seal::SealError;
use crate::service::issuers::IssuerNeeds;
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
    /// Live persistent tokens or hosts use the external URL.
    #[error(
        "{} live persistent token(s) and {} live host(s) use this URL; the tokens will stop working, and the hosts lose this way \
         to the server: confirm to go on", .0.live_persistent_tokens, .0.live_hosts
    )]
    IssuerNeeded(IssuerNeeds),
    /// The current external URL cannot be retired.
    #[error("this is the current external URL: start the server with another one first")]
    IssuerInUse,
    /// A key file could not be written or read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The file of a numbered key is malformed.
    #[error("{path} is not the file of a key: bring it back from a backup")]
    MalformedKey {
        /// The file.
        path: String,
    },
    /// A secret of an output cannot be opened.
    #[error(
        "the secret {field} of output {output} cannot be read: {cause}; set the secrets of this output again"
    )]
    Unreadable {
        /// Id of the output.
        output: OutputId,
        /// The field of the secret.
        field: String,
        /// The reason.
        cause: SealError,
    },
    /// The file of a signing key is malformed.
    #[error(transparent)]
    Malformed(#[from] KeyError),
}
