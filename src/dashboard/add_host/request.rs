//! The form of the wizard: its kinds, their fields, and the mint that they ask for.

use super::Field;
use crate::access::mask;
use crate::dashboard::form::Values;
use crate::http::problem::Problem;
use crate::http::request::{MintRequest, ReenrollmentRequest};
use crate::text::percent_encoded;

/// A kind of token in the wizard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    OneTime,
    Cluster,
    Rollout,
    Roles,
    Policy,
    ReEnrollment,
}

/// A text field: its name in the form, its name on the page, a hint.
pub(super) struct FieldSpec {
    field: &'static str,
    name: &'static str,
    hint: &'static str,
    required: bool,
    numeric: bool,
}

const fn text(field: &'static str, name: &'static str, hint: &'static str) -> FieldSpec {
    FieldSpec { field, name, hint, required: false, numeric: false }
}

const fn needed(field: &'static str, name: &'static str, hint: &'static str) -> FieldSpec {
    FieldSpec { required: true, ..text(field, name, hint) }
}

const fn number(field: &'static str, name: &'static str, hint: &'static str) -> FieldSpec {
    FieldSpec { numeric: true, ..text(field, name, hint) }
}

const MINUTES: FieldSpec =
    text("ttl", "Valid for", "Such as 15m or 2h. Blank: 15m unless configured otherwise");

impl Kind {
    pub(super) const ALL: [Self; 6] =
        [Self::OneTime, Self::Cluster, Self::Rollout, Self::Roles, Self::Policy, Self::ReEnrollment];

    /// The value of the field `kind`.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::OneTime => "one-time",
            Self::Cluster => "cluster",
            Self::Rollout => "rollout",
            Self::Roles => "roles",
            Self::Policy => "policy",
            Self::ReEnrollment => "re-enrollment",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OneTime => "VM or bare metal",
            Self::Cluster => "Kubernetes",
            Self::Rollout => "Rollout",
            Self::Roles => "Roles token",
            Self::Policy => "For a policy",
            Self::ReEnrollment => "Known host again",
        }
    }

    pub(super) const fn hint(self) -> &'static str {
        match self {
            Self::OneTime => "One host, 15 minutes",
            Self::Cluster => "A cluster, 365 days",
            Self::Rollout => "Many hosts, until you revoke it",
            Self::Roles => "Any number of hosts with the roles that you select",
            Self::Policy => "Hosts get this policy",
            Self::ReEnrollment => "The host keeps its id and roles",
        }
    }

    /// The sentence about the token that the form makes.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::OneTime => "Admits one host, within the time above.",
            Self::Cluster => {
                "Admits the nodes of one cluster. Without a number of nodes, anybody with the token can add any number."
            }
            Self::Rollout => {
                "Admits many hosts. Without a limit or an expiry the token works until you revoke it."
            }
            Self::Roles => {
                "Admits any number of hosts with the selected roles, for 1 hour unless you change it."
            }
            Self::Policy => "Admits any number of hosts with the policy, until it expires or you revoke it.",
            Self::ReEnrollment => {
                "Brings this one host back with a new key. When the host uses it, its former certificates and keys are revoked."
            }
        }
    }

    pub(super) const fn fields(self) -> &'static [FieldSpec] {
        match self {
            Self::OneTime => {
                const FIELDS: &[FieldSpec] = &[text("label", "Node name", "The label of the token"), MINUTES];
                FIELDS
            }
            Self::Cluster => {
                const FIELDS: &[FieldSpec] = &[
                    needed("cluster", "Cluster name", "The token admits hosts of this cluster only"),
                    number("max_uses", "Maximum number of nodes", "Blank: no limit. A limit is safer"),
                    text(
                        "ttl",
                        "Valid for",
                        "Such as 90d, at most 730d. Blank: 365d unless configured otherwise",
                    ),
                ];
                FIELDS
            }
            Self::Rollout => {
                const FIELDS: &[FieldSpec] = &[
                    needed("label", "Label", "The name of the rollout"),
                    number("max_uses", "Maximum number of hosts", "Blank: no limit. A limit is safer"),
                    number(
                        "expected_hosts",
                        "Expected hosts",
                        "The list of tokens shows when this many hosts have enrolled",
                    ),
                    text("ttl", "Valid for", "Such as 7d. Blank: until you revoke it"),
                ];
                FIELDS
            }
            Self::Roles => {
                const FIELDS: &[FieldSpec] = &[
                    text("label", "Label", "For the list of tokens"),
                    text(
                        "ttl",
                        "Valid for",
                        "Such as 2h. Blank: 1h; with the box below, until you revoke it",
                    ),
                ];
                FIELDS
            }
            Self::Policy => {
                const FIELDS: &[FieldSpec] = &[
                    text("label", "Name", "For the list of tokens"),
                    text("ttl", "Valid for", "Such as 30d. Blank: until you revoke it"),
                ];
                FIELDS
            }
            Self::ReEnrollment => {
                const FIELDS: &[FieldSpec] = &[
                    needed("host", "Host id", "On the page of the host"),
                    text("label", "Label", "The reason, such as new disk"),
                    MINUTES,
                ];
                FIELDS
            }
        }
    }
}

impl FieldSpec {
    /// The field with its value.
    pub(super) fn filled(&self, values: &Values) -> Field {
        let Self { field, name, hint, required, numeric } = *self;
        Field { name, field, hint, value: values.get(field).unwrap_or("").to_owned(), required, numeric }
    }
}

/// The values of the wizard's form.
pub(super) struct Asked(Values);

impl Asked {
    /// These pairs, from a body or from a link that fills the form in.
    pub(super) fn of(pairs: Vec<(String, String)>) -> Self {
        Self(Values::of(pairs))
    }

    /// The values of every kind.
    pub(super) const fn values(&self) -> &Values {
        &self.0
    }

    /// The kind; one host by default.
    pub(super) fn kind(&self) -> Kind {
        self.known_kind().unwrap_or(Kind::OneTime)
    }

    /// The kind that the form names.
    pub(super) fn known_kind(&self) -> Option<Kind> {
        let asked = self.0.get("kind")?;
        Kind::ALL.into_iter().find(|kind| kind.as_str() == asked)
    }

    /// A number. One that cannot be read becomes 0, which every field refuses.
    fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name).map(|text| text.parse().unwrap_or(0))
    }

    /// The mint that the form asks for.
    ///
    /// # Errors
    /// 400: a token for a policy names none. It would be a roles token without a limit.
    pub(super) fn request(&self) -> Result<MintRequest, Problem> {
        let kind = self.kind();
        let values = &self.0;
        if kind == Kind::Policy && values.get("policy").is_none() {
            return Err(Problem::invalid_field("policy", "select a policy"));
        }
        let preset = (kind != Kind::Policy).then(|| kind.as_str().to_owned());
        let persistent =
            (kind == Kind::Policy || (kind == Kind::Roles && values.is_on("persistent"))).then_some(true);
        let label = values.get("label").or_else(|| values.get("cluster")).unwrap_or("").to_owned();
        let mut request = MintRequest {
            preset,
            roles: (kind != Kind::Policy).then(|| values.roles()),
            policy: values.owned("policy").filter(|_| kind == Kind::Policy),
            persistent,
            ttl: values.owned("ttl"),
            max_uses: self.number("max_uses").map(Some),
            expected_hosts: self.number("expected_hosts"),
            dns_names: (kind == Kind::OneTime && values.is_on("dns"))
                .then(|| label.clone())
                .into_iter()
                .collect(),
            label,
            ..MintRequest::default()
        };
        request.bind.cluster = values.owned("cluster").filter(|_| kind == Kind::Cluster);
        Ok(request)
    }

    /// The re-enrollment that the form asks for.
    pub(super) fn reenrollment(&self) -> ReenrollmentRequest {
        let values = &self.0;
        ReenrollmentRequest {
            ttl: values.owned("ttl"),
            label: values.get("label").unwrap_or("").to_owned(),
            ..ReenrollmentRequest::default()
        }
    }

    /// The address of the form with these values.
    pub(super) fn address(&self) -> String {
        let is_kept = |name: &str, value: &str| {
            !["csrf_token", "key"].contains(&name) && !mask::holds_secret(name) && !mask::holds_secret(value)
        };
        let kept = self.0.pairs().filter(|(name, value)| is_kept(name, value));
        let pairs = kept.map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)));
        format!("/add-host?{}", pairs.collect::<Vec<_>>().join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Asked {
        Asked::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn each_kind_asks_for_its_preset() {
        for kind in Kind::ALL {
            let request = values(&[("kind", kind.as_str()), ("policy", "p")]).request().unwrap();
            let expected = if kind == Kind::Policy { None } else { Some(kind.as_str()) };
            assert_eq!(request.preset.as_deref(), expected);
            assert_eq!(request.policy.is_some(), kind == Kind::Policy);
            assert_eq!(request.persistent, (kind == Kind::Policy).then_some(true));
        }
    }

    #[test]
    fn a_node_name_becomes_a_dns_name_on_request() {
        let plain = values(&[("label", " web-15 "), ("role.proxy", "on"), ("ttl", "")]).request().unwrap();
        assert_eq!((plain.label.as_str(), plain.dns_names.len(), plain.ttl), ("web-15", 0, None));
        assert_eq!(plain.roles, Some(vec!["proxy".to_owned()]));
        let named = values(&[("label", "web-15"), ("dns", "on")]).request().unwrap();
        assert_eq!(named.dns_names, ["web-15"]);
    }

    #[test]
    fn a_number_that_cannot_be_read_is_refused_later() {
        let request = values(&[("kind", "rollout"), ("max_uses", "many")]).request().unwrap();
        assert_eq!(request.max_uses, Some(Some(0)));
    }

    #[test]
    fn a_token_for_a_policy_names_one() {
        assert!(values(&[("kind", "policy"), ("label", "all")]).request().is_err());
    }

    #[test]
    fn the_same_settings_have_an_address_without_secrets() {
        let values = values(&[
            ("csrf_token", "x"),
            ("key", "y"),
            ("kind", "rollout"),
            ("label", "a b&c"),
            ("host", "gpk_0123"),
        ]);
        assert_eq!(values.address(), "/add-host?kind=rollout&label=a%20b%26c");
    }
}
