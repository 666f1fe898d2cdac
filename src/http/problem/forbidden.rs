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
                format!("you are signed in, but may not do this: it takes {scope}, which the role {role} has")
            }
            (None, _) if permission == Permission::BeUser => {
                "only a user may do this, with their own password or session: no API key and no local credential"
                    .to_owned()
            }
            (None, _) => "you are signed in, but may not do this".to_owned(),
        };
        Self::of(Code::Forbidden, detail)
    }
}

/// The role that has the permission and the fewest others.
fn least_role(permission: Permission) -> UserRole {
    let has = |role: &UserRole| role.permissions().contain(permission);
    UserRole::VARIANTS.iter().copied().rev().find(has).unwrap_or(UserRole::Admin)
}
