//! Requests of a proxy for another client: the address and the client certificate that count.

mod chain;
mod client;
mod element;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;

pub use self::client::client;
use super::query::percent_decode;
use crate::ca::pem_to_der;
use crate::clock::Timestamp;
use crate::service::ca::set::CaSet;
use crate::service::verification::proxies::TrustedProxies;

/// Envoy's header. Every other header holds a percent-encoded certificate.
pub const ENVOY_HEADER: &str = "x-forwarded-client-cert";

/// Headers that a proxy adds to requests of others, beside every `x-forwarded-*` and the configured one.
const MARKS: [&str; 10] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-original-uri",
    "x-original-url",
    "x-client-cert",
    "x-ssl-client-cert",
    "ssl-client-cert",
    // RFC 9440.
    "client-cert",
    "client-cert-chain",
];

/// The client certificate of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownCertificate {
    /// No certificate.
    Nothing,
    /// A certificate of the connection, which is a proxy's: the request was forwarded. It stands for nobody.
    Forwarder,
    /// The certificate of the connection, DER. The handshake has verified its chain.
    Own(Arc<Vec<u8>>),
    /// The same from a trusted proxy that forwards nothing: its host itself. An older configuration may forward without
    /// saying so, so it stands for that host on a host's own routes only.
    ProxyHost(Arc<Vec<u8>>),
    /// A certificate that a trusted proxy passed, DER. Its chain is not verified yet: see [`ShownCertificate::is_of`].
    Passed(Vec<u8>),
    /// A trusted proxy passed something other than one whole certificate.
    Unreadable,
}

impl ShownCertificate {
    /// The certificate of a connection.
    pub fn own(certificate: &CertificateDer<'_>) -> Self {
        Self::Own(Arc::new(certificate.to_vec()))
    }

    /// The certificate of a request from `address`, on a connection with this one. Every route decides by it.
    ///
    /// A connection with a forwarding header belongs to a proxy: its certificate never stands for the client behind it.
    /// Only the certificate that a trusted proxy passes does.
    #[must_use]
    pub fn of_request(self, proxies: &TrustedProxies, address: IpAddr, headers: &HeaderMap) -> Self {
        match (proxies.include(address), is_forwarded(proxies.header(), headers), self) {
            (true, true, connection) => match Self::passed(proxies.header(), headers) {
                Self::Nothing => connection.of_forwarder(),
                passed => passed,
            },
            (true, false, Self::Own(own)) => Self::ProxyHost(own),
            (false, true, connection) => connection.of_forwarder(),
            (_, false, connection) => connection,
        }
    }

    fn of_forwarder(self) -> Self {
        if self == Self::Nothing { Self::Nothing } else { Self::Forwarder }
    }

    /// The certificate of the host that calls one of a host's own routes.
    pub const fn of_host(&self) -> Option<&Arc<Vec<u8>>> {
        match self {
            Self::Own(der) | Self::ProxyHost(der) => Some(der),
            Self::Nothing | Self::Forwarder | Self::Passed(_) | Self::Unreadable => None,
        }
    }

    /// The certificate of a host that asks about tokens.
    pub const fn of_service(&self) -> Option<&Arc<Vec<u8>>> {
        match self {
            Self::Own(der) => Some(der),
            _ => None,
        }
    }

    fn passed(header: &str, headers: &HeaderMap) -> Self {
        let values = || headers.get_all(header).iter();
        let text = match header {
            // Each proxy appends an element: the last one is from the trusted proxy.
            ENVOY_HEADER => values().next_back(),
            // With two lines it is open which one the proxy wrote.
            _ if values().count() > 1 => return Self::Unreadable,
            _ => values().next(),
        };
        let Some(text) = text.map(HeaderValue::to_str) else { return Self::Nothing };
        let encoded = match text {
            // Caddy sends its own placeholder for a client without a certificate.
            Ok(text) if text.is_empty() || text.starts_with("{http.") => return Self::Nothing,
            Ok(text) if header == ENVOY_HEADER => element::certificate(text),
            Ok(text) => Some(Cow::Borrowed(text)),
            Err(_) => None,
        };
        encoded.and_then(|encoded| der(&encoded)).map_or(Self::Unreadable, Self::Passed)
    }

    /// Returns true if a guarded request has a certificate to judge.
    pub const fn is_shown(&self) -> bool {
        matches!(self, Self::Own(_) | Self::Passed(_) | Self::Unreadable)
    }

    /// The certificate, if its chain leads to one of these CAs at `now`. This checks signature, dates and usage, not
    /// only the name.
    pub fn is_of(&self, cas: &CaSet, now: Timestamp) -> Option<&[u8]> {
        match self {
            Self::Own(der) => Some(der),
            Self::Passed(der) => chain::leads_to(cas, der, now).then_some(der),
            Self::Nothing | Self::Forwarder | Self::ProxyHost(_) | Self::Unreadable => None,
        }
    }
}

/// Returns true if a header shows that the request was forwarded. `header` is the configured one.
fn is_forwarded(header: &str, headers: &HeaderMap) -> bool {
    headers
        .keys()
        .map(HeaderName::as_str)
        .any(|name| name == header || name.starts_with("x-forwarded-") || MARKS.contains(&name))
}

/// Decodes a certificate: percent-encoded PEM, or percent-encoded base64 of its DER. Traefik passes a chain, of which
/// the first certificate counts.
fn der(encoded: &str) -> Option<Vec<u8>> {
    let text = percent_decode(encoded).ok()?;
    if text.trim_start().starts_with("-----BEGIN") {
        return pem_to_der("CERTIFICATE", &text).ok();
    }
    STANDARD.decode(text.split(',').next()?).ok()
}

#[cfg(test)]
mod tests;
