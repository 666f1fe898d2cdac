//! The bodies that create and change a user.

use serde::Deserialize;
use strum::VariantArray as _;
use utoipa::ToSchema;

use super::valid;
use crate::access::{Actor, Limits, UserRole};
use crate::http::openapi::schemas::Password;
use crate::name::UserName;
use crate::secret::Secret;
use crate::service::accounts::users::{UserChangeOrder, UserOrder, check_password};
use crate::service::tokens::order::Catalogue;
use crate::service::{FieldError, RequestError};
use crate::token::present;

/// The body that creates a user, as it was sent.
#[derive(Deserialize, ToSchema)]
#[schema(as = CreateUserRequest, example = json!({ "username": "ops", "password": "correct horse battery staple", "role": "operator" }))]
pub struct UserRequest {
    /// The user name.
    #[schema(value_type = UserName, required)]
    #[serde(default)]
    pub username: String,
    /// First password of the user.
    #[schema(value_type = Password, required)]
    #[serde(default)]
    pub password: Secret<String>,
    /// The user role.
    #[schema(value_type = UserRole, required)]
    #[serde(default)]
    pub role: String,
    /// The limits; absent = none.
    #[schema(value_type = crate::access::limits::RequestedLimits)]
    #[serde(default, deserialize_with = "present")]
    pub limits: Option<Limits>,
    /// The caller's own password. A session needs it to give admin rights.
    #[schema(value_type = String, format = "password", nullable = false)]
    #[serde(default, deserialize_with = "present")]
    pub current_password: Option<Secret<String>>,
}

impl UserRequest {
    /// Judges every field.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
    pub fn judge(
        self,
        catalogue: &Catalogue,
        mut faults: Vec<FieldError>,
    ) -> Result<UserOrder, RequestError> {
        let Self { username, password, role, limits, current_password: _ } = self;
        let name = valid("username", UserName::parse(&username), &mut faults);
        if Actor::SINGLE.contains(&username.as_str()) {
            faults.push(FieldError::new("username", "is reserved for gatepass itself: choose another name"));
        }
        check_password("password", &password, &username, &mut faults);
        let role = known_role(&role, &mut faults);
        let limits = limits.unwrap_or(Limits::ANY);
        catalogue.check_limits(&limits, &mut faults);
        match (name, role) {
            (Some(name), Some(role)) if faults.is_empty() => Ok(UserOrder { name, password, role, limits }),
            _ => Err(RequestError::Fields(faults)),
        }
    }
}

/// The body that changes a user, as it was sent. An absent field stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ChangeUserRequest, example = json!({ "role": "viewer", "disabled": false }))]
pub struct UserChangeRequest {
    /// The user role.
    #[schema(value_type = UserRole)]
    #[serde(deserialize_with = "present")]
    pub role: Option<String>,
    /// Bounds on the acts of the user.
    #[schema(value_type = crate::access::limits::RequestedLimits)]
    #[serde(deserialize_with = "present")]
    pub limits: Option<Limits>,
    /// A disabled user may not sign in, and their sessions and API keys are refused.
    #[schema(value_type = bool)]
    #[serde(deserialize_with = "present")]
    pub disabled: Option<bool>,
    /// The caller's own password. A session needs it to give admin rights.
    #[schema(value_type = String, format = "password", nullable = false, default = json!(null))]
    #[serde(deserialize_with = "present")]
    pub current_password: Option<Secret<String>>,
}

impl UserChangeRequest {
    /// Judges every field.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
    pub fn judge(
        self,
        catalogue: &Catalogue,
        mut faults: Vec<FieldError>,
    ) -> Result<UserChangeOrder, RequestError> {
        let Self { role, limits, disabled, current_password: _ } = self;
        let role = role.and_then(|role| known_role(&role, &mut faults));
        if let Some(limits) = &limits {
            catalogue.check_limits(limits, &mut faults);
        }
        match faults.is_empty() {
            true => Ok(UserChangeOrder { role, limits, disabled, version: None }),
            false => Err(RequestError::Fields(faults)),
        }
    }
}

fn known_role(text: &str, faults: &mut Vec<FieldError>) -> Option<UserRole> {
    let role = text.parse().ok();
    if role.is_none() {
        let names = UserRole::VARIANTS.iter().map(UserRole::as_str).collect::<Vec<_>>();
        faults.push(FieldError::new("role", format!("one of {}", names.join(", "))));
    }
    role
}
