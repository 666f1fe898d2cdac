//! Requests that a proxy makes for somebody else: whose address and whose client certificate count.

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

/// The header whose form is Envoy's; in every other one stands a percent-encoded certificate.
pub const ENVOY_HEADER: &str = "x-forwarded-client-cert";

/// What a proxy adds to requests that are not its own.
const MARKS: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-uri", "x-original-uri", ENVOY_HEADER];

/// The client certificate that a request shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// None.
    Nothing,
    /// That of the connection, DER; the handshake has checked its chain.
    Own(Arc<Vec<u8>>),
    /// One that a trusted proxy passed, DER. Its chain is to be checked: see [`Shown::is_of`].
    Passed(Vec<u8>),
    /// A trusted proxy passed something else than one whole certificate.
    Unreadable,
}

impl Shown {
    /// What a request from `address` shows, on a connection with this client certificate.
    ///
    /// The connection of a proxy is the proxy's own: its certificate never speaks for who is behind it. What a proxy that
    /// is not trusted passes counts for nothing, and its own certificate counts for nothing either where a header shows that
    /// it asks for somebody else.
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
            // Each proxy adds an element behind those that it was sent: the last one is of the proxy that is trusted.
            ENVOY_HEADER => values().next_back(),
            // Of two lines nobody could tell which one the proxy wrote.
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

    /// The certificate, if its chain leads to one of these CAs at `now`: a signature, dates and usage, not only a name.
    pub fn is_of(&self, cas: &CaSet, now: Timestamp) -> Option<&[u8]> {
        match self {
            Self::Own(der) => Some(der),
            Self::Passed(der) => chain::leads_to(cas, der, now).then_some(der),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

/// The certificate in percent-encoded PEM, or in percent-encoded base64 of its DER, before the first comma, as Traefik
/// passes a chain.
fn der(encoded: &str) -> Option<Vec<u8>> {
    let text = percent_decode(encoded);
    if text.trim_start().starts_with("-----BEGIN") {
        return pem_to_der("CERTIFICATE", &text).ok();
    }
    STANDARD.decode(text.split(',').next()?).ok()
}

#[cfg(test)]
mod tests;
