//! Failures of a refresher. None ends its work: it retries.

use super::kept::KeptError;
use crate::connect::ConnectError;
use crate::token::KeyError;
use crate::verifier::ListUpdateError;
use crate::verifier::hosts::{CrlError, HostSetupError};

/// A failed fetch. Keys, lists and CRLs fetched before stay valid until the staleness limit.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The authority was not reached, is not the trusted one, or closed the connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The authority answered with another status than 200 or 304.
    #[error(
        "the authority answered {status} for {path}; check that the URL is the authority's and that it runs"
    )]
    Status {
        /// The requested path.
        path: String,
        /// The HTTP status.
        status: u16,
    },
    /// The response is malformed.
    #[error("the authority's answer for {path} cannot be read: {why}; check that the URL is the authority's")]
    Malformed {
        /// The requested path.
        path: String,
        /// The defect.
        why: &'static str,
    },
    /// The key set is refused.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A status list is refused.
    #[error(transparent)]
    List(#[from] ListUpdateError),
    /// The stream of changes ended.
    #[error("the authority ended the stream of changes; it is opened again, and lists are polled until then")]
    StreamEnded,
    /// The stream of changes cannot be read.
    #[error("the stream of changes cannot be read: {why}")]
    Stream {
        /// The defect.
        why: &'static str,
    },
    /// The chain of issuing CAs is refused.
    #[error(transparent)]
    Chain(#[from] HostSetupError),
    /// A CRL is refused.
    #[error(transparent)]
    Crl(#[from] CrlError),
    /// The snapshot was not read or written.
    #[error(transparent)]
    Snapshot(#[from] KeptError),
}
