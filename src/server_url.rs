//! URLs and names of a server.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::name::DnsName;

/// `https://host[:port]`: no user, path, query or fragment, no trailing slash, the host in lower case, and no port
/// where it would be 443. One authority has one spelling, because tokens are compared with it byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    /// The host as it is written.
    host: String,
    name: ServerName,
    port: u16,
}

impl ServerUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// The first mistake, with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
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
        let name = name_of(host).ok_or_else(|| format!("{text:?} names no valid host{}", way_out(host)))?;
        Ok(Self { host: host.to_owned(), name, port })
    }

    /// The URL of an address.
    pub fn of_address(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        Self { host, name: ServerName::Address(address.ip()), port: address.port() }
    }

    /// The URL of a server that a request reached: of the `:authority` or the `Host` field (RFC 9110 section 7.2).
    pub fn of_authority(authority: &str) -> Option<Self> {
        Self::parse(&format!("https://{authority}")).ok()
    }

    /// The host; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// Host and port, with the one spelling of an IP address.
    pub fn authority(&self) -> String {
        let Self { name, port, .. } = self;
        match name {
            ServerName::Address(IpAddr::V6(address)) => format!("[{address}]:{port}"),
            _ => format!("{name}:{port}"),
        }
    }

    /// The host as a name of a server.
    pub const fn server_name(&self) -> &ServerName {
        &self.name
    }

    /// The host; an IPv6 address with dashes, because a trust domain has no colons (SPIFFE ID section 2.1).
    pub fn default_trust_domain(&self) -> String {
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

/// A name of a server: the host of one of its URLs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerName {
    /// A DNS name.
    Dns(DnsName),
    /// An IP address.
    Address(IpAddr),
}

impl ServerName {
    /// Parses a DNS name in either case, or an IP address without brackets.
    ///
    /// # Errors
    /// The mistake, with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let name = DnsName::parse(&text.to_ascii_lowercase());
        name.map(Self::Dns)
            .map_err(|_| format!("{text:?} is neither a DNS name nor an IP address{}", way_out(text)))
    }

    /// The DNS name, if it is one.
    pub const fn dns(&self) -> Option<&DnsName> {
        match self {
            Self::Dns(name) => Some(name),
            Self::Address(_) => None,
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => name.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

fn name_of(host: &str) -> Option<ServerName> {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().ok().map(|address| ServerName::Address(address.into()));
    }
    let address = host.parse::<Ipv4Addr>().ok().map(|address| ServerName::Address(address.into()));
    address.or_else(|| DnsName::parse(host).ok().map(ServerName::Dns))
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
    fn a_urls_host_is_a_name_or_an_address() {
        let name = |text: &str| ServerUrl::parse(text).unwrap().server_name().clone();
        assert_eq!(name("https://Gate:8443"), ServerName::Dns(DnsName::parse("gate").unwrap()));
        assert_eq!(name("https://[2001:DB8::1]").to_string(), "2001:db8::1");
        assert_eq!(name("https://10.0.0.1:8443").dns(), None);
        assert!(ServerName::parse("my_gate").unwrap_err().ends_with("use '-', or an IP address"));
        assert!(ServerName::parse("[::1]").is_err() && ServerName::parse("*.example.org").is_err());
    }

    #[test]
    fn an_authority_is_the_url_that_it_stands_for() {
        let of = |text: &str| ServerUrl::of_authority(text).map(|url| url.to_string());
        assert_eq!(of("GATE:443").as_deref(), Some("https://gate"));
        assert_eq!(of("[::1]:8443").as_deref(), Some("https://[::1]:8443"));
        for wrong in ["", "a b", "gate:0", "gate/x", "u@gate"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
