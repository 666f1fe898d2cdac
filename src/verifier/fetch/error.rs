//! What can go wrong while a verifier is kept fresh. Nothing of it ends the work: it is tried again.

use super::event::EventMalformed;
use super::kept::KeptError;
use super::stream::EventTooLong;
use crate::connect::ConnectError;
use crate::token::KeyError;
use crate::verifier::ListUpdateError;
#[cfg(feature = "hosts")]
use crate::verifier::hosts::{CrlError, HostSetupError};

/// Why something was not learnt from the authority. What was known before stays, until its staleness limit.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The authority was not reached, is not the one that is trusted, or broke off.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It answered, but not with what was asked for.
    #[error(
        "the authority answered {status} for {path}; check that the URL is the authority's and that it runs"
    )]
    Status {
        /// What was asked for.
        path: String,
        /// The HTTP status.
        status: u16,
    },
    /// An answer that is no text, or not of the form that it must have.
    #[error("the authority's answer for {path} cannot be read: {why}; check that the URL is the authority's")]
    Malformed {
        /// What was asked for.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The key set is refused.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A status list is refused.
    #[error(transparent)]
    List(#[from] ListUpdateError),
    /// The stream of changes ended.
    #[error("the authority ended the stream of changes; it is opened again, and lists are polled meanwhile")]
    StreamEnded,
    /// The stream of changes cannot be read.
    #[error("the stream of changes cannot be read: {why}")]
    Stream {
        /// What is wrong with it.
        why: String,
    },
    /// The chain of issuing CAs is refused.
    #[cfg(feature = "hosts")]
    #[error(transparent)]
    Chain(#[from] HostSetupError),
    /// A CRL is refused.
    #[cfg(feature = "hosts")]
    #[error(transparent)]
    Crl(#[from] CrlError),
    /// The snapshot was not read or written.
    #[error(transparent)]
    Snapshot(#[from] KeptError),
}

impl From<EventTooLong> for FetchError {
    fn from(error: EventTooLong) -> Self {
        Self::Stream { why: error.to_string() }
    }
}

impl From<EventMalformed> for FetchError {
    fn from(error: EventMalformed) -> Self {
        Self::Stream { why: error.to_string() }
    }
}
