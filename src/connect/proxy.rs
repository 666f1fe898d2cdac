//! HTTP proxies: a tunnel to the server by CONNECT (RFC 9110 section 9.3.6), with TLS from end to end inside it.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::address::{bracketed, port_of};
use super::dial;
use crate::secret::Secret;

/// Longest head of a proxy's answer in bytes.
const MOST_HEAD_BYTES: usize = 16 << 10;

/// A proxy, and the variable that names it.
pub(super) struct Proxy {
    variable: String,
    host: String,
    port: u16,
    /// `Basic …` for the proxy alone.
    credentials: Option<Secret<String>>,
}

/// Variables of proxies for any protocol, which often name a proxy that is not for HTTP.
const FOR_ALL: [&str; 2] = ["all_proxy", "ALL_PROXY"];

/// The reason why a proxy opens no tunnel.
#[derive(Debug, thiserror::Error)]
pub(super) enum TunnelError {
    /// The proxy cannot be reached, or breaks off.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The proxy refuses.
    #[error("it answers {status} to CONNECT{}", hint(*status))]
    Refused { status: u16 },
    /// The answer is not HTTP.
    #[error("it does not answer as an HTTP proxy")]
    NotHttp,
}

fn hint(status: u16) -> &'static str {
    match status {
        407 => ": give its user and password in the variable, http://USER:PASSWORD@HOST:PORT",
        403 => ": its rules do not allow this server and port",
        _ => "",
    }
}

impl Proxy {
    /// Reads the value of `variable`: `[http://][user:password@]host[:port]`.
    fn parse(variable: &str, value: &str) -> Result<Self, String> {
        let refuse = |why: &str| format!("{variable} does not name a proxy: {why}; write http://HOST:PORT");
        let value = value.trim();
        let whole = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
        let whole = Secret::new(whole);
        let uri: Uri = whole.expose().parse().map_err(|_| refuse("it is not a URL"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(refuse("a proxy over TLS is not supported")),
            Some("socks4" | "socks4a" | "socks5" | "socks5h") => {
                return Err(refuse("a SOCKS proxy is not supported"));
            }
            _ => return Err(refuse("its scheme is unknown")),
        }
        let authority = uri.authority().ok_or_else(|| refuse("it names no host"))?;
        let credentials = authority.as_str().rsplit_once('@').map(|(user, _)| credentials(user));
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = port_of(authority, 80).ok_or_else(|| refuse("its port is not 1 to 65535"))?;
        Ok(Self { variable: variable.to_owned(), host, port, credentials })
    }

    /// Opens a tunnel to `host:port`.
    pub(super) async fn tunnel(&self, host: &str, port: u16) -> Result<TcpStream, TunnelError> {
        let mut tcp = dial::connect(&self.host, self.port).await?;
        tcp.write_all(self.request(host, port).expose().as_bytes()).await?;
        match status(&head(&mut tcp).await?).ok_or(TunnelError::NotHttp)? {
            200..=299 => Ok(tcp),
            status => Err(TunnelError::Refused { status }),
        }
    }

    fn request(&self, host: &str, port: u16) -> Secret<String> {
        let host = bracketed(host);
        let agent = concat!("gatepass/", env!("CARGO_PKG_VERSION"));
        let credentials = Secret::new(self.credentials.as_ref().map_or_else(String::new, |credentials| {
            format!("Proxy-Authorization: {}\r\n", credentials.expose())
        }));
        Secret::new(format!(
            "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {agent}\r\n{}\r\n",
            credentials.expose()
        ))
    }
}

/// The proxy in errors, without its credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({})", bracketed(&self.host), self.port, self.variable)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The credentials of a URL's user information, percent-decoded, as Basic (RFC 7617).
fn credentials(user: &str) -> Secret<String> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let (name, password) = (decoded(name), decoded(password));
    let pair = Secret::new([name.as_slice(), b":", password.as_slice()].concat());
    let encoded = Secret::new(STANDARD.encode(pair.expose()));
    Secret::new(format!("Basic {}", encoded.expose()))
}

/// Percent-decodes `text` (RFC 3986 section 2.1).
fn decoded(text: &str) -> zeroize::Zeroizing<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let escaped = more.get(..2).filter(|_| *first == b'%');
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    bytes.into()
}

/// The head of the answer. The bytes after it belong to the tunnel, so it is read byte by byte.
async fn head(tcp: &mut TcpStream) -> Result<Vec<u8>, TunnelError> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MOST_HEAD_BYTES {
            return Err(TunnelError::NotHttp);
        }
        head.push(tcp.read_u8().await?);
    }
    Ok(head)
}

/// The status code of an answer's head (RFC 9112 section 4).
fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// The proxies of the environment, and the servers that are reached without one.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    proxy: Option<Result<Arc<Proxy>, String>>,
    direct: Vec<DirectRule>,
}

impl Proxies {
    /// The proxies in `HTTPS_PROXY`, else `ALL_PROXY`, and the exceptions in `NO_PROXY`. `get` returns the value of a variable;
    /// lower-case names come first, as in curl.
    pub fn from_variables<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, get(name)?)));
        let named = first(["https_proxy", "HTTPS_PROXY"]).or_else(|| first(FOR_ALL));
        let except = first(["no_proxy", "NO_PROXY"]).map_or("", |(_, except)| except);
        Self {
            proxy: named.map(|(name, value)| Proxy::parse(name, value).map(Arc::new)),
            direct: except.split([',', ' ']).filter_map(DirectRule::parse).collect(),
        }
    }

    /// The proxy for a server, if there is one. Loopback addresses are never reached through a proxy.
    pub(super) fn for_server(&self, host: &str, port: u16) -> Result<Option<Arc<Proxy>>, String> {
        let direct = is_loopback(host) || self.direct.iter().any(|rule| rule.covers(host, port));
        match &self.proxy {
            Some(Err(why)) if !direct && FOR_ALL.iter().any(|name| why.starts_with(name)) => {
                // Other programs of this machine may need it; a server was reached without it so far.
                tracing::warn!("{why}; {host} is reached without a proxy");
                Ok(None)
            }
            Some(proxy) if !direct => proxy.clone().map(Some),
            _ => Ok(None),
        }
    }
}

/// Returns true for a host that leads every machine to itself.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// An entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum DirectRule {
    Everything,
    /// A network or an address.
    Network(ipnet::IpNet),
    /// A domain with the names below it, on one port or all.
    Domain(String, Option<u16>),
}

impl DirectRule {
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.trim().to_ascii_lowercase();
        let address = entry.trim_start_matches('[').trim_end_matches(']');
        match entry.as_str() {
            "" => return None,
            "*" => return Some(Self::Everything),
            _ => {}
        }
        if let Ok(network) = address.parse() {
            return Some(Self::Network(network));
        }
        if let Ok(address) = address.parse::<IpAddr>() {
            return Some(Self::Network(address.into()));
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().ok()),
            None => (entry.as_str(), None),
        };
        let name = name.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.');
        Some(Self::Domain(name.to_owned(), port))
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.to_ascii_lowercase();
        match self {
            Self::Everything => true,
            Self::Network(network) => host.parse().is_ok_and(|address: IpAddr| network.contains(&address)),
            Self::Domain(name, on) => {
                let below = host
                    .strip_suffix(name.as_str())
                    .is_some_and(|left| left.is_empty() || left.ends_with('.'));
                below && on.is_none_or(|on| on == port)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &'static str)]) -> Proxies {
        Proxies::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
        })
    }

    fn label(variables: &[(&str, &'static str)], host: &str) -> Option<String> {
        proxies(variables).for_server(host, 8443).unwrap().map(|proxy| proxy.to_string())
    }

    #[test]
    fn the_first_variable_names_the_proxy() {
        let all = [("ALL_PROXY", "all:1"), ("HTTPS_PROXY", "http://upper:2"), ("https_proxy", "lower:3")];
        assert_eq!(label(&all, "gate.example.org").as_deref(), Some("lower:3 (https_proxy)"));
        assert_eq!(label(&all[..2], "gate.example.org").as_deref(), Some("upper:2 (HTTPS_PROXY)"));
        assert_eq!(label(&all[..1], "gate.example.org").as_deref(), Some("all:1 (ALL_PROXY)"));
        assert_eq!(
            label(&[("HTTPS_PROXY", "[2001:db8::1]")], "gate").as_deref(),
            Some("[2001:db8::1]:80 (HTTPS_PROXY)")
        );
        assert_eq!(label(&[], "gate.example.org"), None);
    }

    #[test]
    fn loopback_and_exceptions_are_reached_directly() {
        for host in ["localhost", "a.localhost", "127.0.0.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(label(&[("HTTPS_PROXY", "p:1")], host), None, "{host}");
        }
        for (except, host, direct) in [
            ("*", "gate.example.org", true),
            ("example.org", "gate.example.org", true),
            (".example.org", "GATE.example.org", true),
            ("*.example.org", "gate.example.org", true),
            ("a, example.org:8443", "gate.example.org", true),
            ("example.org:443", "gate.example.org", false),
            ("ample.org", "gate.example.org", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("[2001:db8::1]", "2001:db8::1", true),
            ("", "gate.example.org", false),
        ] {
            let proxies = [("HTTPS_PROXY", "p:1"), ("NO_PROXY", except)];
            assert_eq!(label(&proxies, host).is_none(), direct, "{except:?} {host}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named() {
        for (value, why) in [
            ("https://p:1", "over TLS"),
            ("socks5://p:1", "SOCKS"),
            ("ftp://p", "scheme"),
            ("http://user:hunter2@p q", "not a URL"),
            ("http://user:hunter2@p:99999", "port"),
        ] {
            let refused = proxies(&[("HTTPS_PROXY", value)]).for_server("gate", 443).err().unwrap();
            assert!(refused.starts_with("HTTPS_PROXY") && refused.contains(why), "{refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        assert_eq!(label(&[("ALL_PROXY", "socks5://p:1")], "gate"), None, "it is for other programs");
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let proxy = Proxy::parse("HTTPS_PROXY", "http://us%40er:hunter%3a2@proxy:3128").unwrap();
        assert_eq!(proxy.to_string(), "proxy:3128 (HTTPS_PROXY)");
        let request = proxy.request("2001:db8::1", 443);
        let basic = STANDARD.encode("us@er:hunter:2");
        assert!(
            request.expose().starts_with("CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n")
        );
        assert!(request.expose().contains(&format!("\r\nProxy-Authorization: Basic {basic}\r\n")));
        let plain = Proxy::parse("HTTPS_PROXY", "proxy").unwrap().request("gate", 443);
        assert!(!plain.expose().contains("Proxy-Authorization"));
    }
}
