//! The orders of a mint and the catalogue of roles that they are judged by.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::access::Act;
use crate::access::limits::{Allowed, Limits};
use crate::clock::Timestamp;
use crate::name::{Label, Role};
use crate::service::FieldError;
use crate::store::{ListKind, TokenKind, minting};
use crate::token::{MAX_ROLES, Terms};

/// The longest life of a persistent token that asks for one. Otherwise it lives until revoked.
pub const MAX_PERSISTENT_TTL: Duration = Duration::from_secs(3650 * 86_400);

/// The likeness of two names, at most 1, from which one is offered for the other.
const LIKENESS: f64 = 0.85;

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
        self.pick_as("roles", texts, faults)
    }

    /// The same for the roles of another field.
    pub fn pick_as(&self, field: &str, texts: &[String], faults: &mut Vec<FieldError>) -> Vec<Role> {
        if texts.len() > MAX_ROLES {
            let message = format!("{} roles; at most {MAX_ROLES} fit a token", texts.len());
            faults.push(FieldError::new(field, message));
            return Vec::new();
        }
        let mut unknown = Unknown { catalogue: self, told: false };
        let mut roles = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            match Role::parse(text).ok().filter(|role| self.0.contains_key(role)) {
                Some(role) if roles.contains(&role) => {}
                Some(role) => roles.push(role),
                None => faults.push(FieldError::new(format!("{field}[{place}]"), unknown.tell(text))),
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
        let meant = self.closest(&shown).map_or_else(String::new, |role| format!("; did you mean {role}?"));
        if std::mem::replace(&mut self.told, true) {
            return format!("unknown role {shown:?}{meant}");
        }
        let known = self.catalogue.0.keys().map(Role::as_str).collect::<Vec<_>>().join(", ");
        match meant.is_empty() {
            true => format!("unknown role {shown:?}; the roles are: {known}"),
            false => format!("unknown role {shown:?}{meant} The roles are: {known}"),
        }
    }

    /// The role whose name is closest to `text`, if it is close enough for a typing mistake.
    fn closest(&self, text: &str) -> Option<&str> {
        let text = text.trim().to_lowercase();
        let names = self.catalogue.0.keys().map(Role::as_str);
        let near = names.map(|name| (strsim::jaro_winkler(&text, name), name));
        near.filter(|(likeness, _)| *likeness >= LIKENESS)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, name)| name)
    }
}

/// A mint that may go ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintOrder {
    /// The terms; every role is in the catalogue.
    pub terms: Terms,
    /// The token's label.
    pub label: Label,
    /// The token's kind.
    pub kind: TokenKind,
    /// Number of hosts that a rollout is for.
    pub expected_hosts: Option<u32>,
}

impl MintOrder {
    /// The act that minting it at `now` is.
    pub fn act(&self, now: Timestamp) -> Act<'_> {
        let lasts = self.terms.expires_at.map(|at| at.since(now.whole_second()));
        minting(&self.terms, lasts)
    }

    /// The kind of the status list for its token.
    pub(super) const fn list_kind(&self) -> ListKind {
        if self.terms.persistent { ListKind::Persistent } else { ListKind::Ephemeral }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_role_is_offered() {
        let names = ["allocator", "coordinator", "proxy", "director"];
        let catalogue = Catalogue::new(names.map(|name| (Role::parse(name).unwrap(), String::new())));
        let tell = |texts: &[&str]| {
            let mut faults = Vec::new();
            let texts = texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            catalogue.pick(&texts, &mut faults);
            faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>()
        };
        let roles = "roles are: allocator, coordinator, director, proxy";
        for (typed, meant) in
            [("proxi", "proxy"), ("Proxy", "proxy"), ("alocator", "allocator"), ("dierctor", "director")]
        {
            assert_eq!(
                tell(&[typed]),
                [format!("unknown role {typed:?}; did you mean {meant}? The {roles}")]
            );
        }
        assert_eq!(
            tell(&["web", "prxy"]),
            [
                format!("unknown role \"web\"; the {roles}"),
                String::from("unknown role \"prxy\"; did you mean proxy?"),
            ]
        );
    }
}
