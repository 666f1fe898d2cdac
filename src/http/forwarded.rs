//! Requests of a proxy for another client: the address and the client certificate that count.

mod chain;
mod client;
mod element;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};

pub use self::client::client;
use super::query::percent_decode;
use crate::ca::pem_to_der;
use crate::clock::Timestamp;
use crate::service::ca::set::CaSet;
use crate::service::verification::proxies::TrustedProxies;

/// Envoy's header. Every other header holds a percent-encoded certificate.
pub const ENVOY_HEADER: &str = "x-forwarded-client-cert";

/// The headers that a proxy adds to requests of others.
const MARKS: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-uri", "x-original-uri", ENVOY_HEADER];

/// The client certificate of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownCertificate {
    /// No certificate.
    Nothing,
    /// The certificate of the connection, DER. The handshake has verified its chain.
    Own(Arc<Vec<u8>>),
    /// A certificate that a trusted proxy passed, DER. Its chain is not verified yet: see [`ShownCertificate::is_of`].
    Passed(Vec<u8>),
    /// A trusted proxy passed something other than one whole certificate.
    Unreadable,
}

impl ShownCertificate {
    /// The certificate of a request from `address`, on a connection with this client certificate.
    ///
    /// The connection of a proxy belongs to the proxy: its certificate never stands for the client behind it. A
    /// certificate that an untrusted proxy passes does not count. Its own certificate does not count either if a
    /// header shows that it asks for another client.
    pub fn by(
        proxies: &TrustedProxies,
        address: IpAddr,
        headers: &HeaderMap,
        connection: Option<&Arc<Vec<u8>>>,
    ) -> Self {
        if proxies.include(address) {
            return Self::passed(proxies.header(), headers);
        }
        match connection {
            Some(own) if !MARKS.iter().any(|mark| headers.contains_key(*mark)) => Self::Own(Arc::clone(own)),
            _ => Self::Nothing,
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
            Ok("") => return Self::Nothing,
            Ok(text) if header == ENVOY_HEADER => element::certificate(text),
            Ok(text) => Some(Cow::Borrowed(text)),
            Err(_) => None,
        };
        encoded.and_then(|encoded| der(&encoded)).map_or(Self::Unreadable, Self::Passed)
    }

    /// The certificate, if its chain leads to one of these CAs at `now`. This checks signature, dates and usage, not
    /// only the name.
    pub fn is_of(&self, cas: &CaSet, now: Timestamp) -> Option<&[u8]> {
        match self {
            Self::Own(der) => Some(der),
            Self::Passed(der) => chain::leads_to(cas, der, now).then_some(der),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

/// Decodes a certificate: percent-encoded PEM, or percent-encoded base64 of its DER. Traefik passes a chain, of which
/// the first certificate counts.
fn der(encoded: &str) -> Option<Vec<u8>> {
    let text = percent_decode(encoded);
    if text.trim_start().starts_with("-----BEGIN") {
        return pem_to_der("CERTIFICATE", &text).ok();
    }
    STANDARD.decode(text.split(',').next()?).ok()
}

#[cfg(test)]
mod tests;
