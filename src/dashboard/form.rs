//! The fields of forms, from a body or from a link that fills a form in.

use std::collections::BTreeSet;

use crate::access::mask;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::name::Role;

/// Maximum size in bytes of a form with JSON or certificates: escapes make it longer than the body of the API.
pub(super) const LARGE_FORM: usize = 256 * 1024;

/// The group of the boxes that choose roles.
const ROLE: &str = "role";

/// The values of a form.
pub(super) struct Values(Vec<(String, String)>);

impl Values {
    /// These pairs. Values without text count as missing. Browsers send the lines of a text area with CR LF.
    pub(super) fn of(pairs: Vec<(String, String)>) -> Self {
        let trimmed = pairs.into_iter().map(|(name, value)| (name, value.trim().replace("\r\n", "\n")));
        Self(trimmed.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The sent values, for a form that is shown again: a credential in a wrong field is masked (I7). The mask stays in its field,
    /// since an empty list could stand for everything. Stored values need none: they may look like a credential.
    pub(super) fn repeatable(&self) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !mask::holds_secret(name));
        Self(kept.map(|(name, value)| (name.clone(), mask::mask(value))).collect())
    }

    /// Returns true if a page may not repeat one of the values.
    pub(super) fn hold_secret(&self) -> bool {
        self.0.iter().any(|(name, value)| mask::holds_secret(name) || mask::holds_secret(value))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The text of a field; empty without one.
    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or("").to_owned()
    }

    /// True if a box is ticked.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// The lines of a text area.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        let lines = self.get(name).unwrap_or("").split(['\n', ',']).map(str::trim);
        lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// The names of the ticked boxes of a group. Each is a field of its own: a form may not repeat a field.
    pub(super) fn boxes(&self, group: &str) -> Vec<String> {
        let name = |name: &'_ String| Some(name.strip_prefix(group)?.strip_prefix('.')?.to_owned());
        self.0.iter().filter_map(|(field, _)| name(field)).collect()
    }

    /// The chosen roles.
    pub(super) fn roles(&self) -> Vec<String> {
        self.boxes(ROLE)
    }

    /// True if the box of this role is ticked.
    pub(super) fn has_role(&self, role: &Role) -> bool {
        self.is_on(&format!("{ROLE}.{role}"))
    }

    /// These values for a form that is shown again. A field that the form left as `shown` gets its value of `now`: the subject
    /// may have changed. So does a field with a credential in it (I7).
    pub(super) fn carried(&self, shown: &Self, now: &Self) -> Self {
        let names = [self, shown, now].into_iter().flat_map(|values| values.0.iter().map(|(name, _)| name));
        let names = names.filter(|name| !mask::holds_secret(name)).collect::<BTreeSet<_>>();
        let carried = names.into_iter().filter_map(|name| {
            let typed = self.get(name);
            let is_left = typed == shown.get(name) || typed.is_some_and(mask::holds_secret);
            let value = if is_left { now.get(name) } else { typed };
            Some((name.clone(), value?.to_owned()))
        });
        Self(carried.collect())
    }

    /// A number from 1 on; `None` for an empty field.
    ///
    /// # Errors
    /// 400: it is no such number.
    pub(super) fn positive(&self, name: &'static str) -> Result<Option<u32>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.parse::<u32>() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(Problem::invalid_field(name, "a number from 1 on, or nothing for no limit")),
        }
    }

    /// The revision of the subject that the form showed; without one, a number that no subject reaches.
    pub(super) fn revision(&self) -> u64 {
        const NONE: u64 = i64::MAX as u64;
        self.get("revision").and_then(|revision| revision.parse().ok()).unwrap_or(NONE).min(NONE)
    }

    /// Names and values.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A choice of a select field.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) name: String,
    pub(super) selected: bool,
}

/// A box that chooses a role.
pub(super) struct RoleChoice {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) chosen: bool,
}

/// The roles that the user may give, and those that are ticked: a form must not drop what it does not show.
pub(super) fn roles(call: &Call, values: &Values) -> Vec<RoleChoice> {
    let limits = &call.caller.rights.limits.roles;
    let mut choices =
        choices(call, |role| limits.allows(role) || values.has_role(role), |role| values.has_role(role));
    let is_shown = |name: &String| choices.iter().any(|choice| choice.name == *name);
    let former = values.roles().into_iter().filter(|name| !is_shown(name)).collect::<Vec<_>>();
    choices.extend(former.into_iter().map(|name| RoleChoice {
        name,
        description: "Not in the list of roles any longer".to_owned(),
        chosen: true,
    }));
    choices
}

/// The roles of the catalogue that are `offered`, with the `chosen` ones ticked.
pub(super) fn choices(
    call: &Call,
    offered: impl Fn(&Role) -> bool,
    chosen: impl Fn(&Role) -> bool,
) -> Vec<RoleChoice> {
    let choice = |(role, description): (&Role, &str)| RoleChoice {
        name: role.to_string(),
        description: description.to_owned(),
        chosen: chosen(role),
    };
    call.authority.roles.iter().filter(|(role, _)| offered(role)).map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        Values::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn lines_and_roles_are_lists() {
        let values = values(&[
            ("addresses", "10.0.0.0/8\r\n\r\n192.0.2.0/24, ::1/128"),
            ("role.proxy", "on"),
            ("role.web", "on"),
        ]);
        assert_eq!(values.lines("addresses"), ["10.0.0.0/8", "192.0.2.0/24", "::1/128"]);
        assert_eq!(values.roles(), ["proxy", "web"]);
        assert!(values.lines("names").is_empty());
    }

    #[test]
    fn a_form_shown_again_keeps_what_was_typed() {
        let shown =
            values(&[("name", "edge"), ("labels", "a=1"), ("role.proxy", "on"), ("note", "gps_kept")]);
        let now = values(&[("name", "edge"), ("labels", "a=2"), ("role.web", "on"), ("note", "gps_kept")]);
        let sent =
            values(&[("name", "core"), ("labels", "a=1"), ("role.proxy", "on"), ("note", "gps_typed")]);
        let carried = sent.carried(&shown, &now);
        let fields = ["name", "labels", "role.proxy", "role.web", "note"].map(|name| carried.get(name));
        assert_eq!(fields, [Some("core"), Some("a=2"), None, Some("on"), Some("gps_kept")]);
    }

    #[test]
    fn a_limit_is_a_number_or_nothing() {
        assert_eq!(values(&[("max", " ")]).positive("max").unwrap(), None);
        assert_eq!(values(&[("max", "5")]).positive("max").unwrap(), Some(5));
        for wrong in ["0", "-1", "many", "1.5"] {
            assert!(values(&[("max", wrong)]).positive("max").is_err(), "{wrong}");
        }
    }
}
