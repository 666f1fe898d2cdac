//! What a handler is given: a request whose caller, size and path have been judged.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::access::{Actor, Permission, Rights};
use crate::id::RequestId;
use crate::ledger::Basis;
use crate::secret::Secret;
use crate::service::sessions::LiveSession;
use crate::service::{Authority, Caller, FieldError, HostCaller};

/// A judged request.
#[derive(Clone)]
pub struct Call {
    /// The authority it is for.
    pub authority: Arc<Authority>,
    /// Who calls.
    pub actor: Actor,
    /// What they may do.
    pub rights: Rights,
    /// What their rights were read from, if they can be taken away.
    pub basis: Option<Basis>,
    /// The host, on routes that need a host certificate.
    pub host: Option<Arc<HostCaller>>,
    /// The token that came in the `Authorization` header, on routes that are for tokens.
    pub bearer: Option<Arc<Secret<String>>>,
    /// The session that it came with.
    pub session: Option<Arc<LiveSession>>,
    /// From where: the client's address, also behind trusted proxies.
    pub address: IpAddr,
    /// Who is at the other end of the connection: the client, or the last proxy before us.
    pub neighbour: IpAddr,
    /// The client certificate of the connection, DER; only its chain has been judged.
    pub certificate: Option<Arc<Vec<u8>>>,
    /// The request's id; it is in the answer's `x-request-id` too.
    pub request: RequestId,
    /// The values of the path template's parameters, percent-decoded.
    pub params: Vec<(String, String)>,
    /// The query, as it came.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap<HeaderValue>,
    /// The body.
    pub body: Bytes,
}

impl Call {
    /// Who calls, for use cases and the ledger.
    pub fn caller(&self) -> Caller {
        let (actor, rights) = (self.actor.clone(), self.rights.clone());
        let basis = self.basis.clone();
        Caller { actor, rights, basis, address: Some(self.address), request: Some(self.request) }
    }

    /// Whether the caller also has this permission, for what a route does only if asked.
    pub fn may(&self, permission: Permission) -> bool {
        permission.allows(&self.actor, &self.rights)
    }

    /// Refuses a caller without this permission, for what a route does only if asked.
    ///
    /// # Errors
    /// 403.
    pub fn demand(&self, permission: Permission) -> Result<(), Problem> {
        match self.may(permission) {
            true => Ok(()),
            false => Err(Problem::forbidden(permission, &self.actor)),
        }
    }

    /// The session that it came with.
    ///
    /// # Errors
    /// 400: it came with another credential.
    pub fn session(&self) -> Result<&LiveSession, Problem> {
        self.session
            .as_deref()
            .ok_or_else(|| Problem::bad_request("this takes a session, and you came with another credential"))
    }

    /// The path parameter `name`.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(param, _)| param == name).map_or("", |(_, value)| value)
    }

    /// The host that calls.
    ///
    /// # Errors
    /// 401 if the route's row does not ask for one: a mistake of the table that must not open a door.
    pub fn host(&self) -> Result<&HostCaller, Problem> {
        self.host.as_deref().ok_or_else(|| Problem::unauthenticated("a host certificate is needed"))
    }

    /// The path parameter `name` as an id; what is no id names nothing.
    ///
    /// # Errors
    /// 404.
    pub fn id<T>(&self, name: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Problem> {
        let missing =
            || Problem::new(http::StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"));
        parse(self.param(name)).ok_or_else(missing)
    }

    /// The query, as fields; unknown ones are refused.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        parse_query(decode_query(&self.query))
    }

    /// The query, as the parameters that `these` name and all others; unknown ones are refused.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn split_query<T, O>(&self, these: &[&str]) -> Result<(T, O), Problem>
    where
        T: DeserializeOwned,
        O: DeserializeOwned,
    {
        let pairs = decode_query(&self.query).into_iter();
        let (these, others) = pairs.partition(|(name, _)| these.contains(&name.as_str()));
        Ok((parse_query(these)?, parse_query(others)?))
    }
}

fn parse_query<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, Problem> {
    let pairs = pairs.into_iter().map(|(name, value)| (name, serde_json::Value::String(value)));
    serde_path_to_error::deserialize(serde_json::Value::Object(pairs.collect())).map_err(|error| {
        let place = error.path().to_string();
        let field = if place == "." { "query".to_owned() } else { place };
        Problem::invalid_fields(vec![FieldError::new(field, error.into_inner().to_string())])
    })
}

/// `name=value` pairs of a query or a form, percent-decoded.
pub fn decode_query(query: &str) -> Vec<(String, String)> {
    decode_pairs(query, |text| percent_decode(&text.replace('+', " ")).into_owned())
}

/// `name=value` pairs between `&`, names and values as `decode` makes them.
pub fn decode_pairs(text: &str, decode: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Decodes `%XX`; what is no such escape, or not UTF-8 afterwards, is kept or replaced, never refused here.
pub fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let escaped = text.get(place + 1..place + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[place], escaped) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                place += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                place += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_broken_ones_kept() {
        assert_eq!(percent_decode("a%20b%2Fc"), "a b/c");
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz%e4"), "%zz\u{fffd}");
        assert_eq!(percent_decode("%\u{fc}x"), "%\u{fc}x");
    }

    #[test]
    fn a_query_is_split_into_decoded_pairs() {
        let pairs = decode_query("limit=10&label=two+words&&flag");
        let expected = [("limit", "10"), ("label", "two words"), ("flag", "")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
