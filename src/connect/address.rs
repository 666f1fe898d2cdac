//! The server's URL: `https://host[:port][/prefix]`.

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use hyper::Uri;
use rustls::pki_types::ServerName;
use tokio::time::timeout;

use super::{ConnectError, LocalAddress};

/// A parsed server URL.
#[derive(Debug)]
pub(super) struct ServerAddress {
    authority: String,
    host: String,
    port: u16,
    name: ServerName<'static>,
    prefix: String,
    local: Option<LocalAddress>,
}

impl ServerAddress {
    pub(super) fn parse(url: &str) -> Result<Self, ConnectError> {
        let refuse = |why| ConnectError::Url { url: without_userinfo(url), why };
        let uri: Uri = url.parse().map_err(|_| refuse("it is not a URL"))?;
        if uri.scheme_str() != Some("https") {
            return Err(refuse("it does not begin with https://"));
        }
        let authority = uri.authority().ok_or_else(|| refuse("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("it holds a user name or password, which belong elsewhere"));
        }
        if uri.query().is_some() {
            return Err(refuse("it has a query"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone())
            .map_err(|_| refuse("its host is no DNS name or IP address"))?;
        Ok(Self {
            authority: authority.as_str().to_owned(),
            host,
            port: authority.port_u16().unwrap_or(443),
            name,
            prefix: uri.path().trim_end_matches('/').to_owned(),
            local: None,
        })
    }

    /// `https://host[:port][/prefix]`, as it was parsed.
    pub(super) fn url(&self) -> String {
        format!("https://{}{}", self.authority, self.prefix)
    }

    /// The same server at an address of this machine.
    pub(super) fn at(self, local: LocalAddress) -> Self {
        Self { local: Some(local), ..self }
    }

    /// The address of this machine to connect to, instead of the host's addresses.
    pub(super) const fn local(&self) -> Option<LocalAddress> {
        self.local
    }

    /// The server in errors: the address of this machine, else `host[:port]`.
    pub(super) fn label(&self) -> Cow<'_, str> {
        match self.local {
            Some(local) => Cow::Owned(local.address.to_string()),
            None => Cow::Borrowed(&self.authority),
        }
    }

    /// `host[:port]`, as the Host field carries it (RFC 9110 section 7.2).
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// The name that the server's certificate must hold.
    pub(super) const fn name(&self) -> &ServerName<'static> {
        &self.name
    }

    /// The request target in origin form (RFC 9112 section 3.2.1).
    pub(super) fn target(&self, path_and_query: &str) -> Result<Uri, ConnectError> {
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
