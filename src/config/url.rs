//! The URLs of the configuration.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};

use crate::name::DnsName;

/// `https://host[:port]`: no user, path, query or fragment, no trailing slash, the host in lower case, and no port
/// where it would be 443. One authority has one spelling, because tokens are compared with it byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    host: String,
    port: u16,
}

impl ServerUrl {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let Some(rest) = lower.strip_prefix("https://") else {
            return Err(format!("{text:?} does not begin with https://"));
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@']) {
            return Err(format!("{text:?} has more than a host and a port"));
        }
        let (host, port) =
            split_port(authority).ok_or_else(|| format!("{text:?} has no valid port: 1 to 65535"))?;
        if !is_host(host) {
            return Err(format!("{text:?} names no valid host{}", way_out(host)));
        }
        Ok(Self { host: host.to_owned(), port })
    }

    pub(super) fn of_address(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        Self { host, port: address.port() }
    }

    /// The host; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// The host; an IPv6 address with dashes, because a trust domain has no colons (SPIFFE ID section 2.1).
    pub(super) fn default_trust_domain(&self) -> String {
        self.host().replace(':', "-")
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            443 => write!(f, "https://{}", self.host),
            port => write!(f, "https://{}:{port}", self.host),
        }
    }
}

fn split_port(authority: &str) -> Option<(&str, u16)> {
    let after_host = authority.rfind(']').map_or(0, |end| end + 1);
    match authority[after_host..].rfind(':').map(|at| at + after_host) {
        None => Some((authority, 443)),
        Some(at) => {
            let port = &authority[at + 1..];
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            Some((&authority[..at], port.parse().ok().filter(|port| digits && *port > 0)?))
        }
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().is_ok();
    }
    host.parse::<std::net::Ipv4Addr>().is_ok() || DnsName::parse(host).is_ok()
}

/// Names the first character that a host name cannot have, with a way out.
fn way_out(host: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']');
    match host.chars().find(|c| !allowed(*c)) {
        None => String::new(),
        Some('_') => String::from(": it cannot have '_'; use '-', or an IP address"),
        Some(c) if c.is_ascii() => format!(": it cannot have {c:?}"),
        Some(c) => format!(": it cannot have {c:?}; write it as xn--… (RFC 5890)"),
    }
}

/// Parses the URI of a service that tokens are minted for. It is absolute and has no fragment (RFC 3986 section 4.3), and
/// is compared byte for byte (RFC 7519 section 4.1.3).
pub(super) fn audience(text: &str) -> Result<String, String> {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", ""));
    let mut letters = scheme.bytes();
    let is_scheme = letters.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    match () {
        () if text.len() > MAX_AUDIENCE_BYTES => {
            Err(format!("{text:?} is longer than {MAX_AUDIENCE_BYTES} bytes"))
        }
        () if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(format!("{text:?} has other characters than a URI may have"))
        }
        () if text.contains('#') => Err(format!("{text:?} has a fragment")),
        () if !is_scheme || rest.trim_matches('/').is_empty() => Err(format!("{text:?} is no absolute URI")),
        () => Ok(text.to_owned()),
    }
}

/// A longer audience would leave a token too little room for roles.
const MAX_AUDIENCE_BYTES: usize = 256;

/// A SPIFFE trust domain (SPIFFE ID section 2.1): lower-case letters, digits, `.`, `-`, `_`.
pub(super) fn trust_domain(text: &str) -> Result<String, String> {
    let good =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    if text.len() <= 253 && text.bytes().all(good) {
        return Ok(text.to_owned());
    }
    Err(format!("{text:?} is not a trust domain: lower-case letters, digits, '.', '-' and '_'"))
}

/// Parses a URL without TLS. Fetching a CRL to check a certificate must not need the check of another certificate (RFC
/// 5280 section 8).
pub(super) fn plain_http(text: &str) -> Result<String, String> {
    let good = text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= 1024;
    match text.strip_prefix("http://") {
        Some(rest) if good && !rest.is_empty() => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err(format!("{text:?} is not a URL that begins with http://")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_url_has_one_spelling() {
        for (text, shown) in [
            ("https://Gate.example.org/", "https://gate.example.org"),
            ("https://gate.example.org:443", "https://gate.example.org"),
            ("https://gate:8443", "https://gate:8443"),
            ("https://10.0.0.1:8443", "https://10.0.0.1:8443"),
            ("https://[::1]:8443", "https://[::1]:8443"),
        ] {
            assert_eq!(ServerUrl::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_character_that_no_host_has_is_named() {
        let refused = |text: &str| ServerUrl::parse(text).unwrap_err();
        assert!(refused("https://my_gate:8443").ends_with("it cannot have '_'; use '-', or an IP address"));
        assert!(
            refused("https://g\u{e4}te").ends_with("it cannot have '\u{e4}'; write it as xn--… (RFC 5890)")
        );
        assert!(refused("https://a b").ends_with("it cannot have ' '"));
        assert!(refused("https://gate-a.test:0").ends_with("has no valid port: 1 to 65535"));
    }

    #[test]
    fn only_host_and_port_are_accepted() {
        for wrong in [
            "http://gate:8443",
            "https://",
            "https://gate/path",
            "https://u@gate",
            "https://gate?x",
            "https://gate:",
            "https://gate:99999",
            "https://gate-a.test:0",
            "https://gate:+1",
            "https://a b",
            "https://[::1",
            "gate:8443",
        ] {
            assert!(ServerUrl::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_ipv6_trust_domain_has_no_colons() {
        let url = ServerUrl::parse("https://[2001:db8::1]:8443").unwrap();
        assert_eq!(url.host(), "2001:db8::1");
        assert!(trust_domain(&url.default_trust_domain()).is_ok());
    }
}
