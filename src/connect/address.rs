//! The server's URL: `https://host[:port][/prefix]`.

use std::borrow::Cow;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use hyper::Uri;
use rustls::pki_types::ServerName;
use tokio::time::timeout;

use super::proxy::Proxy;
use super::{ConnectError, LocalAddress};

/// A parsed server URL.
#[derive(Debug)]
pub(crate) struct ServerAddress {
    /// `host[:port]`, without the port where it is 443.
    authority: String,
    /// The host in lower case, without brackets and without the dot of the root.
    host: String,
    port: u16,
    name: ServerName<'static>,
    prefix: String,
    route: Route,
}

/// The way to the server.
#[derive(Debug, Default)]
pub(super) enum Route {
    /// To the addresses of its name.
    #[default]
    Direct,
    /// To an address of this machine, instead of the name's.
    Local(LocalAddress),
    /// Through a proxy, which looks the name up.
    Proxy(Arc<Proxy>),
}

impl ServerAddress {
    pub(crate) fn parse(url: &str) -> Result<Self, ConnectError> {
        let url = url.trim();
        let refuse = |why: &str| ConnectError::Url {
            url: without_userinfo(url),
            why: why.to_owned(),
            instead: instead(url),
        };
        if let Some(character) = url.chars().find(|character| !character.is_ascii()) {
            return Err(refuse(&format!(
                "it has {character:?}, which is written as xn--… in a host (RFC 5890)"
            )));
        }
        let uri: Uri = url.parse().map_err(|_| refuse("it is not a URL"))?;
        if !uri.scheme_str().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) {
            return Err(refuse("it does not begin with https://"));
        }
        let authority = uri.authority().ok_or_else(|| refuse("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("it holds a user name or password, which belong elsewhere"));
        }
        if uri.query().is_some() {
            return Err(refuse("it has a query"));
        }
        let port = port_of(authority, 443).ok_or_else(|| refuse("its port is not 1 to 65535"))?;
        let host = host(authority.host());
        let name = ServerName::try_from(host.clone())
            .map_err(|_| refuse("its host is neither a DNS name nor an IP address"))?;
        let prefix = uri.path().trim_end_matches('/').to_owned();
        let authority = match (bracketed(&host), port) {
            (host, 443) => host,
            (host, port) => format!("{host}:{port}"),
        };
        Ok(Self { authority, host, port, name, prefix, route: Route::Direct })
    }

    /// `https://host[:port][/prefix]`, in its one spelling.
    pub(super) fn url(&self) -> String {
        format!("https://{}{}", self.authority, self.prefix)
    }

    /// The same server by another way.
    pub(super) fn by(self, route: Route) -> Self {
        Self { route, ..self }
    }

    pub(super) const fn route(&self) -> &Route {
        &self.route
    }

    /// The server in errors: the address of this machine, else `host[:port]`, and the proxy on the way.
    pub(super) fn label(&self) -> Cow<'_, str> {
        match &self.route {
            Route::Local(local) => Cow::Owned(local.address.to_string()),
            Route::Proxy(proxy) => Cow::Owned(format!("{} through the proxy {proxy}", self.authority)),
            Route::Direct => Cow::Borrowed(&self.authority),
        }
    }

    /// `host[:port]`, as the Host field carries it (RFC 9110 section 7.2).
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The name that the server's certificate must hold.
    pub(crate) const fn name(&self) -> &ServerName<'static> {
        &self.name
    }

    /// The request target in origin form (RFC 9112 section 3.2.1).
    pub(crate) fn target(&self, path_and_query: &str) -> Result<Uri, ConnectError> {
        let target = format!("{}{path_and_query}", self.prefix);
        let origin_form = path_and_query.starts_with('/').then(|| target.parse().ok()).flatten();
        origin_form.ok_or_else(|| self.malformed_target(path_and_query))
    }

    /// The path is not repeated: on some routes it may hold a token.
    pub(super) fn malformed_target(&self, path_and_query: &str) -> ConnectError {
        ConnectError::Target { server: self.label().into_owned(), length: path_and_query.len() }
    }

    /// Gives `work` with the server at most `span`.
    pub(super) async fn within<T>(
        &self,
        span: Duration,
        work: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        let late = |_| Err(ConnectError::TimedOut { server: self.label().into_owned(), span });
        timeout(span, work).await.unwrap_or_else(late)
    }
}

/// The host of an authority in its one spelling.
fn host(text: &str) -> String {
    let host = text.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    host.parse::<IpAddr>().map_or_else(|_| host.to_owned(), |address| address.to_string())
}

/// The port of an authority, or `usual` without one; `None` if it is not 1 to 65535. The parser of URLs skips such a port.
pub(super) fn port_of(authority: &Authority, usual: u16) -> Option<u16> {
    let text = authority.as_str();
    let place = text.rsplit_once('@').map_or(text, |(_, place)| place);
    match authority.port_u16() {
        None if place == authority.host() => Some(usual),
        port => port.filter(|port| *port > 0),
    }
}

/// A host as it stands in an authority.
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// The URL that the writer of `url` may have meant.
fn instead(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let is_https = url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    let meant = (!is_https && !rest.contains('@')).then(|| ServerAddress::parse(&format!("https://{rest}")));
    meant.and_then(Result::ok).map_or_else(|| String::from("https://host:port"), |meant| meant.url())
}

/// A URL without user name and password.
fn without_userinfo(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        (None, Some((_, rest))) => format!("…@{rest}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_host_port_and_prefix() {
        let address = ServerAddress::parse("https://gate.example.org:8443/enrolling/").unwrap();
        assert_eq!((address.host(), address.port()), ("gate.example.org", 8443));
        assert_eq!(address.target("/livez?a=1").unwrap(), "/enrolling/livez?a=1");
        let address = ServerAddress::parse("https://[::1]").unwrap();
        assert_eq!((address.host(), address.port(), address.authority()), ("::1", 443, "[::1]"));
    }

    #[test]
    fn a_url_has_one_spelling() {
        for (text, url) in [
            ("HTTPS://Gate:0443/", "https://gate"),
            (" https://gate.:8443\n", "https://gate:8443"),
            ("https://Gate.Example.ORG./Enrolling/", "https://gate.example.org/Enrolling"),
            ("https://[2001:DB8:0::1]:08443", "https://[2001:db8::1]:8443"),
            ("https://10.0.0.1", "https://10.0.0.1"),
        ] {
            assert_eq!(ServerAddress::parse(text).unwrap().url(), url);
        }
    }

    #[test]
    fn the_meant_url_is_offered() {
        for (text, offered) in [
            ("Gate.example.org:8443", "write https://gate.example.org:8443"),
            ("http://gate.example.org:8443/", "write https://gate.example.org:8443"),
            ("https://gate:0", "write https://host:port"),
            ("https://gate:99999", "write https://host:port"),
            ("https://[::1]:99999", "write https://host:port"),
            ("https://b\u{fc}ro.example.org", "xn--"),
            ("http://me:hunter2@gate", "write https://host:port"),
        ] {
            let refused = ServerAddress::parse(text).unwrap_err().to_string();
            assert!(refused.contains(offered) && !refused.contains("hunter2"), "{text}: {refused}");
        }
    }

    #[test]
    fn only_https_urls_of_a_host_are_accepted() {
        for wrong in
            ["", "gate.example.org", "http://gate.example.org", "https://", "https://a?b=c", "https://a b"]
        {
            assert!(matches!(ServerAddress::parse(wrong), Err(ConnectError::Url { .. })), "{wrong}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_not_repeated() {
        let error = ServerAddress::parse("https://admin:hunter2@gate.example.org").unwrap_err().to_string();
        assert!(error.contains("user name or password") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn only_a_path_is_accepted_as_target() {
        let address = ServerAddress::parse("https://gate.example.org").unwrap();
        for wrong in ["livez", "", "/a b", "https://elsewhere.example.org/"] {
            let error = address.target(wrong).unwrap_err();
            assert!(matches!(error, ConnectError::Target { .. }), "{wrong}");
        }
    }
}
