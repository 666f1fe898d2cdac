//! The orders of a mint and the catalogue of roles that they are judged by.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::access::Act;
use crate::access::limits::{Allowed, Limits};
use crate::clock::Timestamp;
use crate::name::{Label, Role};
use crate::service::FieldError;
use crate::store::minting;
use crate::token::{MAX_ROLES, Terms};

/// The longest life of a persistent token that asks for one. Otherwise it lives until revoked.
pub const MAX_PERSISTENT_TTL: Duration = Duration::from_secs(3650 * 86_400);

/// The roles and their descriptions.
#[derive(Clone, Debug, Default)]
pub struct Catalogue(BTreeMap<Role, String>);

impl Catalogue {
    /// A catalogue of these roles and descriptions.
    pub fn new(roles: impl IntoIterator<Item = (Role, String)>) -> Self {
        Self(roles.into_iter().collect())
    }

    /// Every role with its description, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Role, &str)> {
        self.0.iter().map(|(role, description)| (role, description.as_str()))
    }

    /// The roles named by `texts`, each once. Unknown ones go to `faults`.
    pub fn pick(&self, texts: &[String], faults: &mut Vec<FieldError>) -> Vec<Role> {
        if texts.len() > MAX_ROLES {
            faults.push(FieldError::new(
                "roles",
                format!("{} roles; at most {MAX_ROLES} fit a token", texts.len()),
            ));
            return Vec::new();
        }
        let mut unknown = Unknown { catalogue: self, told: false };
        let mut roles = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            match Role::parse(text).ok().filter(|role| self.0.contains_key(role)) {
                Some(role) if roles.contains(&role) => {}
                Some(role) => roles.push(role),
                None => faults.push(FieldError::new(format!("roles[{place}]"), unknown.tell(text))),
            }
        }
        roles
    }

    /// Checks every role that `limits` name. Unknown ones go to `faults`.
    pub fn check_limits(&self, limits: &Limits, faults: &mut Vec<FieldError>) {
        let Allowed::Only(roles) = &limits.roles else { return };
        let mut unknown = Unknown { catalogue: self, told: false };
        for role in roles.iter().filter(|role| !self.0.contains_key(*role)) {
            faults.push(FieldError::new("limits.roles", unknown.tell(role.as_str())));
        }
    }
}

/// Reports unknown roles, and with the first of them every known one.
struct Unknown<'a> {
    catalogue: &'a Catalogue,
    told: bool,
}

impl Unknown<'_> {
    fn tell(&mut self, text: &str) -> String {
        let shown = text.chars().take(64).collect::<String>();
        if std::mem::replace(&mut self.told, true) {
            return format!("unknown role {shown:?}");
        }
        let known = self.catalogue.0.keys().map(Role::as_str).collect::<Vec<_>>().join(", ");
        format!("unknown role {shown:?}; the roles are: {known}")
    }
}

/// A mint that may go ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintOrder {
    /// The terms; every role is in the catalogue.
    pub terms: Terms,
    /// The token's label.
    pub label: Label,
    /// It is the emergency token.
    pub emergency: bool,
}

impl MintOrder {
    /// The act that minting it at `now` is.
    pub fn act(&self, now: Timestamp) -> Act<'_> {
        let lasts = self.terms.expires_at.map(|at| at.since(now.whole_second()));
        minting(&self.terms, lasts)
    }
}
