//! The request to a direct row: open to anyone, and borrowed from the connection's own task.

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderMap;

use super::tls::Peer;
use crate::service::Authority;

/// The values of a path template's parameters, percent-decoded. Empty ones cost nothing.
#[derive(Clone, Debug, Default)]
pub struct Params<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Params<'a> {
    /// Pairs names with values.
    pub fn new(pairs: impl Iterator<Item = (&'a str, Cow<'a, str>)>) -> Self {
        Self(pairs.collect())
    }

    /// Returns the value of `name`; empty if the template has no such name.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(param, _)| *param == name).map_or("", |(_, value)| value)
    }

    /// Copies the pairs for a task that outlives the request's bytes.
    pub fn into_owned(self) -> Vec<(String, String)> {
        self.0.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
    }
}

/// A request to a direct row. It is borrowed, and its body is not read.
#[derive(Clone, Copy)]
pub struct DirectRequest<'a> {
    /// The authority that answers.
    pub authority: &'a Arc<Authority>,
    /// The other end of the connection.
    pub peer: &'a Peer,
    /// The headers of the request.
    pub headers: &'a HeaderMap,
    /// The requested host and port as the client wrote them; empty without them.
    pub host: &'a str,
    /// The query as received; empty without one.
    pub query: &'a str,
    pub(super) params: &'a Params<'a>,
}

impl<'a> DirectRequest<'a> {
    /// The path parameter `name`.
    pub fn param(&self, name: &str) -> &'a str {
        self.params.get(name)
    }
}
