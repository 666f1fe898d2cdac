//! The four roles of users.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::permission::{Permission as P, Permissions};

/// The role of a user. (A *role* alone is one that a token gives a host.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserRole {
    /// Everything.
    Admin,
    /// Mints and revokes tokens, administers hosts and policies, reads the ledger.
    Operator,
    /// Reads everything, the ledger too.
    Analyst,
    /// Reads tokens, hosts and policies.
    Viewer,
}

impl UserRole {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Operator, Self::Analyst, Self::Viewer];

    /// The name, as requests, lists and the store have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Analyst => "analyst",
            Self::Viewer => "viewer",
        }
    }

    /// The role of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// The permissions of users with this role.
    pub const fn permissions(self) -> Permissions {
        const VIEWER: Permissions = Permissions::of(&[P::Read, P::ReadTokens, P::ReadHosts, P::ReadPolicies]);
        const ANALYST: Permissions = VIEWER.and(Permissions::of(&[P::ReadLedger]));
        match self {
            Self::Admin => Permissions::ALL,
            Self::Operator => {
                ANALYST.and(Permissions::of(&[P::WriteTokens, P::WriteHosts, P::WritePolicies]))
            }
            Self::Analyst => ANALYST,
            Self::Viewer => VIEWER,
        }
    }
}

impl fmt::Display for UserRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
