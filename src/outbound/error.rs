//! Errors of calls. Their texts are for the log, and hold no word of the server's answer.

use std::io;
use std::time::Duration;

use super::Forbidden;

/// A call without an answer of the trusted server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum OutboundError {
    /// The URL or the path cannot be called.
    #[error("the address is not an https URL")]
    Url,
    /// The credential cannot stand in a header field.
    #[error("the credential has characters that no header field can have: set it again")]
    Credential,
    /// The certificates to trust cannot be used.
    #[error("{0}")]
    Roots(&'static str),
    /// The name has no address.
    #[error("{host} has no address: check the name and the name service")]
    NoAddress { host: String },
    /// An address of the name is forbidden.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// No address of the server accepts a connection.
    #[error("{server} cannot be reached: {cause}; check that it runs, and the network between")]
    Unreachable { server: String, cause: String },
    /// The server's certificate is not trusted for its name.
    #[error(
        "the certificate of {server} is not for that name, not valid now, or not under the output's `ca`"
    )]
    Untrusted { server: String },
    /// TLS failed in another way.
    #[error("no TLS connection with {server}: check that this port speaks HTTPS")]
    Tls { server: String },
    /// The call took too long.
    #[error("{server} did not answer within {} s", span.as_secs())]
    TimedOut { server: String, span: Duration, sent: bool },
    /// The connection ended before the answer did.
    #[error("{server} broke off before its answer ended")]
    BrokenOff { server: String },
    /// The answer is too long.
    #[error("the answer of {server} is longer than 64 KiB")]
    TooLarge { server: String },
}

impl OutboundError {
    pub(super) fn of_handshake(server: &str, error: &io::Error) -> Self {
        let server = server.to_owned();
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        match cause {
            Some(rustls::Error::InvalidCertificate(_)) => Self::Untrusted { server },
            _ => Self::Tls { server },
        }
    }

    /// Returns true if the server may have acted on the request: it had the request, or part of it.
    pub const fn may_have_acted(&self) -> bool {
        matches!(self, Self::TimedOut { sent: true, .. } | Self::BrokenOff { .. } | Self::TooLarge { .. })
    }
}
