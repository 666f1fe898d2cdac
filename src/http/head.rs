//! A request without its body, and the other end of its connection.

use http::HeaderMap;
use http::header::HOST;
use http::request::Parts;

use super::tls::Peer;

/// Marks a request of an HTTP/1 connection that has sent a target with a fragment. Its parser drops the fragment, and with it
/// a demand.
#[derive(Clone, Copy, Debug)]
pub(super) struct CutTarget;

/// A request without its body, and the other end of its connection.
pub struct Head {
    /// The other end of the connection.
    pub peer: Peer,
    /// The parameters of the path template, percent-decoded.
    pub(super) params: Vec<(String, String)>,
    pub(super) parts: Parts,
}

impl Head {
    /// The request headers.
    pub const fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The requested host and port as the client wrote them; empty without them.
    ///
    /// `:authority` of HTTP/2 and the absolute form of HTTP/1.1 come before the Host field (RFC 9113 section 8.3.1, RFC
    /// 9112 section 3.2.2).
    pub fn host(&self) -> &str {
        let named = || self.headers().get(HOST)?.to_str().ok();
        self.parts.uri.authority().map(http::uri::Authority::as_str).or_else(named).unwrap_or("")
    }

    /// True if the script of an open page asks for its changes. It does not extend the session, because the user may
    /// be away.
    pub fn is_refresh(&self) -> bool {
        self.headers().contains_key("x-page-refresh")
    }

    /// The path as received.
    pub fn path(&self) -> &str {
        self.parts.uri.path()
    }

    /// The query as received; empty without one.
    pub fn raw_query(&self) -> &str {
        self.parts.uri.query().unwrap_or("")
    }

    /// The path parameter `name`; empty if the template has no such name.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(param, _)| param == name).map_or("", |(_, value)| value)
    }
}
