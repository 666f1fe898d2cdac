//! What a direct row is given: a request that anyone may make, as it stands in the connection's own task.

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderMap;

use super::tls::Peer;
use crate::service::Authority;

/// The values of a path template's parameters, percent-decoded. Empty ones cost nothing.
#[derive(Clone, Debug, Default)]
pub struct Params<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Params<'a> {
    /// These names with these values.
    pub fn new(pairs: impl Iterator<Item = (&'a str, Cow<'a, str>)>) -> Self {
        Self(pairs.collect())
    }

    /// The value of `name`; empty if the template has none of that name.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(param, _)| *param == name).map_or("", |(_, value)| value)
    }

    /// The same, for a task that outlives the request's own bytes.
    pub fn into_owned(self) -> Vec<(String, String)> {
        self.0.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
    }
}

/// A request to a direct row. Nothing of it is copied; its body is not read.
#[derive(Clone, Copy)]
pub struct Inquiry<'a> {
    /// The authority it is for.
    pub authority: &'a Arc<Authority>,
    /// Who is at the other end of the connection.
    pub peer: &'a Peer,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The host (and port) that the request is for, as the client spells it; empty if it names none.
    pub host: &'a str,
    /// The query, as it came; empty if there is none.
    pub query: &'a str,
    pub(super) params: &'a Params<'a>,
}

impl<'a> Inquiry<'a> {
    /// The path parameter `name`.
    pub fn param(&self, name: &str) -> &'a str {
        self.params.get(name)
    }
}
