//! The four roles of users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::permission::{Permission as P, Permissions};

/// The role of a user. (A *role* alone is one that a token gives a host.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[derive(strum::Display, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
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
    /// The name, as requests, lists and the store have it.
    pub fn as_str(&self) -> &'static str {
        self.into()
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
