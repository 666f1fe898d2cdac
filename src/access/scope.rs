//! The scopes of API keys.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::permission::{Permission as P, Permissions};

/// The purpose of an API key. Every scope also lets its key see roles, signing keys, CA and clock, which are no secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// List and show tokens, ask what one says.
    #[serde(rename = "tokens:read")]
    TokensRead,
    /// Mint and revoke tokens, within the key's limits.
    #[serde(rename = "tokens:write")]
    TokensWrite,
    /// List and show hosts.
    #[serde(rename = "hosts:read")]
    HostsRead,
    /// Change and revoke hosts.
    #[serde(rename = "hosts:write")]
    HostsWrite,
    /// List and show policies.
    #[serde(rename = "policies:read")]
    PoliciesRead,
    /// Change policies.
    #[serde(rename = "policies:write")]
    PoliciesWrite,
    /// Read and export the ledger.
    #[serde(rename = "ledger:read")]
    LedgerRead,
    /// Everything an admin may.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 8] = [
        Self::TokensRead,
        Self::TokensWrite,
        Self::HostsRead,
        Self::HostsWrite,
        Self::PoliciesRead,
        Self::PoliciesWrite,
        Self::LedgerRead,
        Self::Admin,
    ];

    /// The name, as requests, lists and the store have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokensRead => "tokens:read",
            Self::TokensWrite => "tokens:write",
            Self::HostsRead => "hosts:read",
            Self::HostsWrite => "hosts:write",
            Self::PoliciesRead => "policies:read",
            Self::PoliciesWrite => "policies:write",
            Self::LedgerRead => "ledger:read",
            Self::Admin => "admin",
        }
    }

    /// The scope of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    /// The permissions of a key with this scope.
    pub const fn permissions(self) -> Permissions {
        let one = match self {
            Self::TokensRead => P::ReadTokens,
            Self::TokensWrite => P::WriteTokens,
            Self::HostsRead => P::ReadHosts,
            Self::HostsWrite => P::WriteHosts,
            Self::PoliciesRead => P::ReadPolicies,
            Self::PoliciesWrite => P::WritePolicies,
            Self::LedgerRead => P::ReadLedger,
            Self::Admin => return Permissions::ALL,
        };
        Permissions::of(&[P::Read, one])
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_share_the_names_of_permissions() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
            let given = scope.permissions();
            let names = given.beyond(Permissions::of(&[P::Read])).filter_map(P::scope).collect::<Vec<_>>();
            assert!(names.contains(&scope.as_str()), "{scope}");
            assert!(scope == Scope::Admin || names.len() == 1, "{scope}: {names:?}");
        }
        assert_eq!(Scope::parse("tokens"), None);
    }
}
