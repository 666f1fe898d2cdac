//! What a handler is given: a request whose caller, size and path have been judged.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use super::problem::{Code, Problem};
use super::query;
use crate::access::{Actor, Permission, Rights};
use crate::id::RequestId;
use crate::ledger::Basis;
use crate::secret::Secret;
use crate::service::accounts::sessions::LiveSession;
use crate::service::{Authority, Caller, HostCaller};

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
        let missing = || Problem::of(Code::NotFound, format!("there is no such {what}"));
        parse(self.param(name)).ok_or_else(missing)
    }

    /// The query, as fields; unknown ones and those that stand twice are refused.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        query::read(query::once(&self.query)?)
    }

    /// The query, as the parameters that `these` name and all others; unknown ones and those that stand twice are refused.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn split_query<T, O>(&self, these: &[&str]) -> Result<(T, O), Problem>
    where
        T: DeserializeOwned,
        O: DeserializeOwned,
    {
        let pairs = query::once(&self.query)?.into_iter();
        let (these, others) = pairs.partition(|(name, _)| these.contains(&name.as_str()));
        Ok((query::read(these)?, query::read(others)?))
    }
}
