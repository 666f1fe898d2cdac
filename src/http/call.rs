//! The request that a handler gets: its caller, size and path have been checked.

use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::head::Head;
use super::problem::{Code, Problem};
use super::query;
use crate::access::Permission;
use crate::secret::Secret;
use crate::service::accounts::sessions::LiveSession;
use crate::service::{Authority, Caller, HostCaller};

/// The credential of an admitted request. The rights that it gives are in the [`Caller`].
pub enum Presented {
    /// No credential, or one that the handler checks.
    Nothing,
    /// A password, an API key or the local credential.
    Account,
    /// The secret of a session.
    Session(LiveSession),
    /// The certificate of a host.
    Host(Box<HostCaller>),
    /// A token to redeem. Its signature is good; redeeming verifies it.
    Token {
        /// The token.
        secret: Secret<String>,
        /// It has not ended, as far as memory knows.
        is_live: bool,
    },
}

/// An admitted request, without its body.
pub struct Admitted {
    /// The use cases.
    pub authority: Arc<Authority>,
    /// The caller: actor, rights, address and request id.
    pub caller: Caller,
    /// The credential.
    pub presented: Presented,
    /// The request itself.
    pub head: Head,
    /// The newest ledger entry of that moment, for pages that follow the changes after it.
    pub newest: u64,
}

/// An admitted request. Cloning it is cheap.
#[derive(Clone)]
pub struct Call {
    pub(super) admitted: Arc<Admitted>,
    /// The bytes of the body.
    pub body: Bytes,
}

impl Deref for Call {
    type Target = Admitted;

    fn deref(&self) -> &Admitted {
        &self.admitted
    }
}

impl Admitted {
    /// Returns true if the caller also has this permission, for parts of a response that need more than the route.
    pub fn may(&self, permission: Permission) -> bool {
        permission.allows(&self.caller.actor, &self.caller.rights)
    }

    /// Rejects a caller without this permission, for options that need more than the route.
    ///
    /// # Errors
    /// 403.
    pub fn demand(&self, permission: Permission) -> Result<(), Problem> {
        match self.may(permission) {
            true => Ok(()),
            false => Err(Problem::forbidden(permission, &self.caller.actor)),
        }
    }

    /// The session of the request, if it has one.
    pub const fn live_session(&self) -> Option<&LiveSession> {
        match &self.presented {
            Presented::Session(session) => Some(session),
            _ => None,
        }
    }

    /// The session of the request.
    ///
    /// # Errors
    /// 400: the request has another credential.
    pub fn session(&self) -> Result<&LiveSession, Problem> {
        let missing = || Problem::bad_request("this route needs a session: sign in for one first");
        self.live_session().ok_or_else(missing)
    }

    /// The host of the request.
    ///
    /// # Errors
    /// 401: the route does not demand a host, which is a mistake in the table of routes.
    pub fn host(&self) -> Result<&HostCaller, Problem> {
        match &self.presented {
            Presented::Host(host) => Ok(host),
            _ => Err(Problem::unauthenticated("a host certificate is needed")),
        }
    }

    /// The URL at which the request reached the server, unless it is `known` or has none of the server's names.
    pub fn reached_url(&self, known: Option<&str>) -> Option<String> {
        self.authority.names.reached(self.head.host(), known)
    }

    /// The token in the `Authorization` header, on routes that redeem.
    pub const fn token(&self) -> Option<&Secret<String>> {
        match &self.presented {
            Presented::Token { secret, .. } => Some(secret),
            _ => None,
        }
    }

    /// The path parameter `name` as an id.
    ///
    /// # Errors
    /// 404: it is not an id.
    pub fn id<T>(&self, name: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Problem> {
        let missing = || Problem::of(Code::NotFound, format!("{what} not found"));
        parse(self.head.param(name)).ok_or_else(missing)
    }

    /// The query as fields. Unknown and repeated parameters are rejected.
    ///
    /// # Errors
    /// 400 with the parameter's name.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        query::read(query::once(self.head.raw_query())?)
    }

    /// The query as two sets of fields: the parameters in `these`, and the others. Unknown and repeated parameters are rejected.
    ///
    /// # Errors
    /// 400 with the parameter's name.
    pub fn split_query<T, O>(&self, these: &[&str]) -> Result<(T, O), Problem>
    where
        T: DeserializeOwned,
        O: DeserializeOwned,
    {
        let pairs = query::once(self.head.raw_query())?.into_iter();
        let (these, others) = pairs.partition(|(name, _)| these.contains(&name.as_str()));
        Ok((query::read(these)?, query::read(others)?))
    }
}
