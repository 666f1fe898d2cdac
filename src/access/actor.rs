//! Actors.

use std::fmt;

use crate::id::{ApiKeyId, HostId, Serial, TokenId};

/// The party that acts, once its credential has been checked. The ledger holds its text form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A user who signed in.
    User(String),
    /// A script that uses an API key.
    ApiKey(ApiKeyId),
    /// An administrator of the server's own machine, who can read the data directory of the running server.
    Local,
    /// A host, by the certificate it presented.
    Host {
        /// The host.
        id: HostId,
        /// The certificate.
        serial: Serial,
    },
    /// A host, by its opaque key.
    OpaqueKey(HostId),
    /// The bearer of a token. Until redeeming has checked it, the token may be bad.
    Bearer,
    /// A token whose signature is good.
    Token(TokenId),
    /// Gatepass itself, on a timer or at a start.
    System,
    /// A stranger, on a route that is open to anyone.
    Anyone,
}

impl Actor {
    /// The text forms of actors without an id. No user may have such a name.
    pub const SINGLE: [&str; 4] = ["local", "system", "bearer", "anyone"];
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user:{name}"),
            Self::ApiKey(id) => write!(f, "api_key:{id}"),
            Self::Local => f.write_str("local"),
            Self::Host { id, .. } => write!(f, "host:{id}"),
            Self::OpaqueKey(id) => write!(f, "opaque_key:{id}"),
            Self::Bearer => f.write_str("bearer"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::System => f.write_str("system"),
            Self::Anyone => f.write_str("anyone"),
        }
    }
}
