//! Errors of the certificate authority.

use crate::ca::{CsrError, IssueError};
use crate::clock::Timestamp;

/// The way to newer certificates of an imported CA.
pub const IMPORT_NEWER: &str = "make a newer one where the CA was made, name its files in ca.root, ca.issuing_certificate and \
ca.issuing_key, and restart";

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
    /// The private key of a former root is not on this machine: a rotation destroyed it.
    #[error(
        "the former root that certified it has no private key here, because a rotation destroyed it: put a copy back as \
         {file} in the keys directory, or revoke the hosts of that issuing CA one by one"
    )]
    FormerRootKeyAway {
        /// The file of the key.
        file: String,
    },
    /// The CA is imported.
    #[error(
        "the CA is imported: rotate or revoke it where it was made, then name the new files in `[ca]` and restart"
    )]
    Imported,
    /// A certificate of an imported CA is not valid now.
    #[error(
        "the imported CA certificate is good from {not_before} to {not_after}, not now: {IMPORT_NEWER}, or set the clock"
    )]
    ImportedNotValid {
        /// The start of its validity.
        not_before: Timestamp,
        /// The end of its validity.
        not_after: Timestamp,
    },
    /// The issuing CA signs certificates now.
    #[error("it is the current issuing CA: run `gatepass ca rotate` first, and renew its hosts")]
    IssuingInUse,
    /// No issuing CA has this subject key identifier.
    #[error("no issuing CA has this subject key identifier: the authority has {known}")]
    UnknownIssuing {
        /// The identifiers of the issuing CAs.
        known: String,
    },
    /// The root expired, so no issuing CA can be made under it.
    #[error("the root certificate has expired: run `gatepass ca rotate --root`")]
    RootExpired,
    /// The root was made while the clock was ahead, so nothing below it is valid yet.
    #[error(
        "the root certificate is not valid before {not_before}, because the clock was ahead when it was made: run \
         `gatepass ca rotate --root`, or set the clock if it is wrong now"
    )]
    RootFromFuture {
        /// The start of its validity.
        not_before: Timestamp,
    },
}
