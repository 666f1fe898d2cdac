//! Errors of the certificate authority.

use crate::ca::{CsrError, IssueError};

/// The certificate authority cannot issue or be rotated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaError {
    /// The certificate request cannot be signed.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// The certificate could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The root's private key is not on this machine.
    #[error(
        "the root's private key is not here: put it back into the keys directory, or import a new issuing CA"
    )]
    RootKeyAway,
    /// The root expired, so no issuing CA can be made under it.
    #[error("the root certificate has expired: run `gatepass ca rotate --root`")]
    RootExpired,
}
