//! The problem of a caller without a permission.

use strum::VariantArray as _;

use super::{Code, Problem};
use crate::access::{Actor, Permission, UserRole};

impl Problem {
    /// 403. An API key gets the missing scope, a user the role that has it.
    pub fn forbidden(permission: Permission, actor: &Actor) -> Self {
        let detail = match (permission.scope(), actor) {
            (Some(scope), Actor::ApiKey(_)) => format!("this API key lacks the scope {scope}"),
            (Some(scope), _) => {
                let role = least_role(permission);
                format!("this needs the scope {scope}, which the role {role} has: ask an admin for that role")
            }
            (None, _) if permission == Permission::BeUser => {
                "this needs a user's password or session: an API key or the local credential is not enough"
                    .to_owned()
            }
            (None, _) => "the caller is signed in but not allowed to do this".to_owned(),
        };
        Self::of(Code::Forbidden, detail)
    }
}

/// The role that has the permission and the fewest others.
pub fn least_role(permission: Permission) -> UserRole {
    let has = |role: &UserRole| role.permissions().contain(permission);
    UserRole::VARIANTS.iter().copied().rev().find(has).unwrap_or(UserRole::Admin)
}
