//! Who does something.

use std::fmt;

use crate::id::{ApiKeyId, HostId, Serial, TokenId};

/// Who does something, once a credential of theirs has been checked. Its text form stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A user who signed in.
    User(String),
    /// An API key.
    ApiKey(ApiKeyId),
    /// Whoever can read the data directory of the running server: its own machine's administrator.
    Local,
    /// A host, by the certificate it presented.
    Host {
        /// The host.
        id: HostId,
        /// The certificate.
        serial: Serial,
    },
    /// Whoever presented a token; until redeeming has judged it, this says nothing about the token being good.
    Bearer,
    /// A token whose signature is good.
    Token(TokenId),
    /// Gatepass itself, on a timer or at a start.
    System,
    /// A stranger, on a route that is open to anyone.
    Anyone,
}

impl Actor {
    /// The text forms of those who are alone of their kind: no user is called so.
    pub const SINGLE: [&str; 4] = ["local", "system", "bearer", "anyone"];
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user:{name}"),
            Self::ApiKey(id) => write!(f, "api_key:{id}"),
            Self::Local => f.write_str("local"),
            Self::Host { id, .. } => write!(f, "host:{id}"),
            Self::Bearer => f.write_str("bearer"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::System => f.write_str("system"),
            Self::Anyone => f.write_str("anyone"),
        }
    }
}
