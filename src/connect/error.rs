//! Errors of connections to the server.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};

use super::address::{Route, ServerAddress};
use super::proxy::TunnelError;
use super::trust::Distrust;
use crate::id::Fingerprint;

/// A request without an answer of the trusted server.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum ConnectError {
    /// The URL is not the URL of a server.
    #[error("{url:?} is not the URL of a server: {why}; write {instead}")]
    Url { url: String, why: String, instead: String },
    /// The proxy in a variable cannot be used.
    #[error("{why}, or unset the variable")]
    Proxy { why: String },
    /// The proxy opens no tunnel to the server.
    #[error("{server} cannot be reached: {cause}; check the proxy, or name the server in NO_PROXY")]
    NoTunnel { server: String, cause: String },
    /// The path of a request cannot stand in a request line.
    #[error(
        "a path of {length} characters cannot be requested from {server}: it must begin with '/' and hold no spaces or control characters"
    )]
    Target { server: String, length: usize },
    /// The roots to trust cannot be used.
    #[error("the CA file cannot be used: {why}; give the root certificate of the authority (`/ca/root.pem`)")]
    Roots { why: String },
    /// The client certificate and its key cannot be used.
    #[error(
        "the client certificate and key cannot be used together: {0}; give the key that belongs to the certificate"
    )]
    Identity(rustls::Error),
    /// The provider does not support what we ask for.
    #[error("the TLS provider refuses TLS 1.2 and 1.3: {0}; rebuild with the aws-lc-rs provider")]
    Provider(rustls::Error),
    /// The connection failed.
    #[error(
        "{server} cannot be reached: {cause}; check that the server runs, its address, and the network between"
    )]
    Unreachable { server: String, cause: String },
    /// The listener's address is not an address of this machine.
    #[error(
        "{server} is not an address of this machine: nothing was sent; run the command on the server's machine, or give \
         --server URL and sign in"
    )]
    Elsewhere { server: String },
    /// No server listens at the address on this machine.
    #[error(
        "no server answers at {server} on this machine: {cause}; start it, or run the command in the container where it runs"
    )]
    NotRunning { server: String, cause: String },
    /// The server did not answer in time.
    #[error("{server} did not answer within {} s; check its load and the network between, then try again", span.as_secs())]
    TimedOut { server: String, span: Duration },
    /// An answer that streams has stopped coming.
    #[error("{server} has sent nothing for {} s, not even a heartbeat; connect again", span.as_secs())]
    Silent { server: String, span: Duration },
    /// Another root than the pinned one.
    #[error(
        "{server} is not the pinned authority: pinned is the root {pinned}, presented was {}; nothing was sent. Compare \
         with `gatepass ca fingerprint` on the server; if its root is new, request a new token",
        presented.map_or_else(|| String::from("no root at all"), |root| format!("the root {root}"))
    )]
    WrongRoot { server: String, pinned: Fingerprint, presented: Option<Fingerprint> },
    /// A certificate under the right root that is not the authority's own.
    #[error(
        "{server} presented the certificate of {}, which is not the authority's own (spiffe://…/gatepass); nothing was \
         sent. Another machine may pose as the authority: check the address and inform its operator",
        if found.is_empty() { "no name" } else { found.as_str() }
    )]
    NotTheAuthority { server: String, found: String },
    /// Another certificate than the pinned one.
    #[error(
        "{server} presented the certificate {presented}, not {pinned}, which the running server named: nothing was sent; \
         try again, and restart the server if that does not help"
    )]
    WrongCertificate { server: String, pinned: Fingerprint, presented: Fingerprint },
    /// No path to a trusted root.
    #[error(
        "the certificate of {server} was not issued by the trusted CA; give the authority's own root certificate or fingerprint"
    )]
    Untrusted { server: String },
    /// The server's certificate has ended.
    #[error(
        "the certificate of {server} has expired; check this machine's clock, then restart or repair the server"
    )]
    Expired { server: String },
    /// The server's certificate has not begun.
    #[error(
        "the certificate of {server} is not valid yet; check the clocks of this machine and of the server"
    )]
    NotYetValid { server: String },
    /// The server's certificate is for another name.
    #[error("the certificate of {server} is not for that name; use the address in the server's external URL")]
    WrongName { server: String },
    /// The server refused our certificate.
    #[error(
        "{server} refused this host's certificate: {alert}; if it has expired, run `gatepass enroll` with a token of `gatepass host reenroll`"
    )]
    IdentityRefused { server: String, alert: String },
    /// TLS failed in another way.
    #[error("no TLS connection with {server}: {cause}; check that this port speaks HTTPS")]
    Tls { server: String, cause: String },
    /// The connection ended before the answer did.
    #[error("{server} broke off before its answer ended: {cause}; try again")]
    BrokenOff { server: String, cause: String },
    /// The answer is longer than any answer of an authority.
    #[error("the answer of {server} is longer than 8 MiB; check that this is the authority")]
    AnswerTooLarge { server: String },
}

impl ConnectError {
    /// Returns true if the address leads to no trusted server, and another address of the same server may.
    pub const fn is_of_address(&self) -> bool {
        !matches!(
            self,
            Self::Url { .. }
                | Self::Target { .. }
                | Self::Proxy { .. }
                | Self::Roots { .. }
                | Self::Identity(_)
                | Self::Provider(_)
                | Self::Elsewhere { .. }
        )
    }

    /// Returns true if the server may have acted on the request: it had the request, or part of it.
    pub const fn may_have_acted(&self) -> bool {
        matches!(
            self,
            Self::TimedOut { .. }
                | Self::Silent { .. }
                | Self::BrokenOff { .. }
                | Self::AnswerTooLarge { .. }
        )
    }

    /// Returns true if another server than the trusted one answers.
    pub const fn is_of_trust(&self) -> bool {
        matches!(
            self,
            Self::WrongRoot { .. }
                | Self::NotTheAuthority { .. }
                | Self::WrongCertificate { .. }
                | Self::Untrusted { .. }
                | Self::WrongName { .. }
        )
    }

    pub(super) fn unreachable(address: &ServerAddress, error: &io::Error) -> Self {
        let server = address.label().into_owned();
        match (address.route(), error.kind()) {
            // Only the source of a connection to this machine is bound.
            (Route::Local(_), io::ErrorKind::AddrNotAvailable) => Self::Elsewhere { server },
            (Route::Local(_), _) => Self::NotRunning { server, cause: error.to_string() },
            (Route::Direct | Route::Proxy(_), _) => Self::Unreachable { server, cause: error.to_string() },
        }
    }

    pub(super) fn no_tunnel(address: &ServerAddress, error: &TunnelError) -> Self {
        Self::NoTunnel { server: address.label().into_owned(), cause: error.to_string() }
    }

    /// The meaning of an error during handshake or exchange. In TLS 1.3 the server verifies the client's certificate after
    /// the client's handshake, so a refusal may arrive with the first answer.
    pub(super) fn from_exchange(server: &str, error: &(dyn Error + 'static)) -> Self {
        match tls_cause(error) {
            Some(cause) => Self::from_tls(server, cause),
            None => Self::BrokenOff { server: server.to_owned(), cause: innermost(error).to_string() },
        }
    }

    fn from_tls(server: &str, error: &rustls::Error) -> Self {
        let server = server.to_owned();
        match error {
            rustls::Error::InvalidCertificate(error) => Self::from_certificate(server, error),
            rustls::Error::AlertReceived(alert) if about_our_certificate(*alert) => {
                Self::IdentityRefused { server, alert: format!("{alert:?}") }
            }
            other => Self::Tls { server, cause: other.to_string() },
        }
    }

    fn from_certificate(server: String, error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired { server },
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid { server }
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName { server }
            }
            // A CA of the same name but another key shows as a bad signature.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted { server },
            CertificateError::Other(other) => match other.0.downcast_ref::<Distrust>().cloned() {
                Some(Distrust::WrongRoot { pinned, presented }) => {
                    Self::WrongRoot { server, pinned, presented }
                }
                Some(Distrust::WrongCertificate { pinned, presented }) => {
                    Self::WrongCertificate { server, pinned, presented }
                }
                Some(Distrust::NotTheAuthority { found }) => Self::NotTheAuthority { server, found },
                None => Self::Tls { server, cause: error.to_string() },
            },
            _ => Self::Tls { server, cause: error.to_string() },
        }
    }
}

/// The TLS error within an error. An `io::Error` hides what it wraps from `source`.
fn tls_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

const fn about_our_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
    )
}
