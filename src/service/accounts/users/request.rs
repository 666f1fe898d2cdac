//! What is asked for about users, judged all at once.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::password;
use crate::access::{Actor, Limits, UserRole};
use crate::name::UserName;
use crate::secret::Secret;
use crate::service::tokens::order::{Catalogue, fault, present};
use crate::service::{FieldError, RequestError};

/// A user as it was asked for.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "username": "ops", "password": "correct horse battery staple", "role": "operator" }))]
pub struct UserRequest {
    /// The name.
    #[schema(value_type = UserName, required)]
    #[serde(default)]
    pub username: String,
    /// The password.
    #[schema(value_type = String, required, format = "password", min_length = 12, max_length = 128)]
    #[serde(default)]
    pub password: Secret<String>,
    /// What the user is for.
    #[schema(value_type = UserRole, required)]
    #[serde(default)]
    pub role: String,
    /// How far the user's acts may go; absent = without limits.
    #[schema(value_type = crate::access::limits::LimitsAsked)]
    #[serde(default, deserialize_with = "present")]
    pub limits: Option<Limits>,
}

/// A user that may be created, as far as the request goes.
pub struct UserOrder {
    /// The name.
    pub name: UserName,
    /// The password.
    pub password: Secret<String>,
    /// What the user is for.
    pub role: UserRole,
    /// How far the user's acts may go.
    pub limits: Limits,
}

impl UserRequest {
    /// Judges every field.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with everything that is wrong, `faults` of the decoding among it.
    pub fn judge(
        self,
        catalogue: &Catalogue,
        mut faults: Vec<FieldError>,
    ) -> Result<UserOrder, RequestError> {
        let Self { username, password, role, limits } = self;
        let name = UserName::parse(&username).map_err(|error| faults.push(fault("username", &error))).ok();
        if Actor::SINGLE.contains(&username.as_str()) {
            faults.push(FieldError::new("username", "gatepass itself is called so: choose another name"));
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

/// A change of a user as it was asked for; what is absent stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(example = json!({ "role": "viewer", "disabled": false }))]
pub struct UserChangeRequest {
    /// What the user is for.
    #[schema(value_type = UserRole)]
    #[serde(deserialize_with = "present")]
    pub role: Option<String>,
    /// How far the user's acts may go.
    #[schema(value_type = crate::access::limits::LimitsAsked)]
    #[serde(deserialize_with = "present")]
    pub limits: Option<Limits>,
    /// Whether the user may do nothing.
    #[schema(value_type = bool)]
    #[serde(deserialize_with = "present")]
    pub disabled: Option<bool>,
}

/// A change that may go ahead, as far as the request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserChangeOrder {
    /// What the user is for.
    pub role: Option<UserRole>,
    /// How far the user's acts may go.
    pub limits: Option<Limits>,
    /// Whether the user may do nothing.
    pub disabled: Option<bool>,
}

impl UserChangeRequest {
    /// Judges every field.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with everything that is wrong, `faults` of the decoding among it.
    pub fn judge(
        self,
        catalogue: &Catalogue,
        mut faults: Vec<FieldError>,
    ) -> Result<UserChangeOrder, RequestError> {
        let Self { role, limits, disabled } = self;
        let role = role.and_then(|role| known_role(&role, &mut faults));
        if let Some(limits) = &limits {
            catalogue.check_limits(limits, &mut faults);
        }
        match faults.is_empty() {
            true => Ok(UserChangeOrder { role, limits, disabled }),
            false => Err(RequestError::Fields(faults)),
        }
    }
}

/// A new password, as `field`, for the user of this name.
pub(super) fn check_password(
    field: &str,
    password: &Secret<String>,
    user: &str,
    faults: &mut Vec<FieldError>,
) {
    if let Err(error) = password::check(password, user) {
        faults.push(FieldError::new(field, error.to_string()));
    }
}

fn known_role(text: &str, faults: &mut Vec<FieldError>) -> Option<UserRole> {
    let role = UserRole::parse(text);
    if role.is_none() {
        let names = UserRole::ALL.map(UserRole::as_str).join(", ");
        faults.push(FieldError::new("role", format!("one of {names}")));
    }
    role
}
