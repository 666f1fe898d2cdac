//! Limits of users and API keys, in words and in forms. An empty list allows none, as in the API.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::Limits;
use crate::access::limits::{Allowed, Most};
use crate::dashboard::form::{self, RoleChoice, Values};
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::id::PolicyId;

/// The word for no limit.
const ANY: &str = "any";
/// The prefix of the boxes that choose policies.
const POLICY: &str = "policy.";
/// The lists, each with the box that stands for no limit.
const LISTS: [(&str, &str); 4] = [
    ("roles", "any_role"),
    ("dns_names", "any_name"),
    ("clusters", "any_cluster"),
    ("policies", "any_policy"),
];

/// The fields of a form with limits.
pub(super) struct LimitFields {
    pub(super) max_ttl: String,
    pub(super) max_uses: String,
    pub(super) any_name: bool,
    pub(super) dns_names: String,
    pub(super) any_cluster: bool,
    pub(super) clusters: String,
    pub(super) persistent: bool,
    pub(super) any_role: bool,
    pub(super) roles: Vec<RoleChoice>,
    pub(super) any_policy: bool,
    pub(super) policies: Vec<PolicyChoice>,
}

/// A box that chooses a policy.
pub(super) struct PolicyChoice {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) chosen: bool,
}

impl LimitFields {
    /// The fields with these values. A role or a policy that is ticked stays on the form, also if the user may not give it.
    pub(super) fn of(call: &Call, values: &Values) -> Self {
        Self {
            max_ttl: values.text("max_ttl"),
            max_uses: values.text("max_uses"),
            any_name: values.is_on("any_name"),
            dns_names: values.text("dns_names"),
            any_cluster: values.is_on("any_cluster"),
            clusters: values.text("clusters"),
            persistent: values.is_on("persistent"),
            any_role: values.is_on("any_role"),
            roles: form::roles(call, values),
            any_policy: values.is_on("any_policy"),
            policies: policies(call, values),
        }
    }
}

/// The policies that the user may give, and those that are ticked.
fn policies(call: &Call, values: &Values) -> Vec<PolicyChoice> {
    let own = &call.caller.rights.limits.policies;
    let ticked = |id: &str| values.is_on(&format!("{POLICY}{id}"));
    let names = names(call).into_iter().map(|(id, name)| (own.allows(&id), id.to_string(), name));
    let offered = names.filter(|(allowed, id, _)| *allowed || ticked(id));
    let mut choices =
        offered.map(|(_, id, name)| PolicyChoice { chosen: ticked(&id), id, name }).collect::<Vec<_>>();
    choices.sort_by(|one, other| one.name.cmp(&other.name));
    let is_shown = |id: &&str| !choices.iter().any(|choice| choice.id == *id);
    let former = values.pairs().filter_map(|(name, _)| name.strip_prefix(POLICY)).filter(is_shown);
    let former = former.map(|id| PolicyChoice { id: id.to_owned(), name: id.to_owned(), chosen: true });
    let former = former.collect::<Vec<_>>();
    choices.extend(former);
    choices
}

/// The name of each policy.
fn names(call: &Call) -> BTreeMap<PolicyId, String> {
    let all = call.authority.policies.policies.load();
    all.values().map(|policy| (policy.id, policy.terms.name.to_string())).collect()
}

/// The values of a form that shows these limits.
pub(super) fn pairs(limits: &Limits) -> Vec<(String, String)> {
    let shown = serde_json::to_value(limits).unwrap_or_default();
    let names = |list: &str| {
        let names = shown[list].as_array().map_or(&[][..], Vec::as_slice);
        names.iter().filter_map(Value::as_str).collect::<Vec<_>>()
    };
    let ticked = |name: String| (name, "on".to_owned());
    let mut pairs = vec![
        ("max_ttl".to_owned(), limits.max_ttl.to_string()),
        ("max_uses".to_owned(), limits.max_uses.to_string()),
        ("dns_names".to_owned(), names("dns_names").join("\n")),
        ("clusters".to_owned(), names("clusters").join("\n")),
    ];
    pairs.extend(
        LISTS.iter().filter(|(list, _)| shown[list] == ANY).map(|(_, any)| ticked((*any).to_owned())),
    );
    pairs.extend(names("roles").into_iter().map(|role| ticked(format!("role.{role}"))));
    pairs.extend(names("policies").into_iter().map(|policy| ticked(format!("{POLICY}{policy}"))));
    pairs.extend(limits.persistent.then(|| ticked("persistent".to_owned())));
    pairs
}

/// The limits of a form, read as the API reads them.
///
/// # Errors
/// 400 with the first wrong field.
pub(super) fn read(values: &Values) -> Result<Limits, Problem> {
    #[derive(Deserialize)]
    struct Asked {
        limits: Limits,
    }
    let policies = values.pairs().filter_map(|(name, _)| name.strip_prefix(POLICY)).collect::<Vec<_>>();
    let mut limits = json!({
        "roles": values.roles(),
        "dns_names": values.lines("dns_names"),
        "clusters": values.lines("clusters"),
        "policies": policies,
        "persistent": values.is_on("persistent"),
    });
    for (list, any) in LISTS {
        if values.is_on(any) {
            limits[list] = json!(ANY);
        }
    }
    // A blank amount is the least, as in the API.
    if let Some(text) = values.get("max_ttl") {
        limits["max_ttl"] = json!(text);
    }
    if let Some(text) = values.get("max_uses") {
        limits["max_uses"] = text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number));
    }
    let body = json!({ "limits": limits }).to_string();
    Ok(decode::strict::<Asked>(body.as_bytes())?.limits)
}

/// The limits, each with its name.
pub(super) fn rows(call: &Call, limits: &Limits) -> Vec<(&'static str, String)> {
    if *limits == Limits::ANY {
        return vec![("Limits", "none".to_owned())];
    }
    let names = names(call);
    let name = |id: &PolicyId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
    let policies = match &limits.policies {
        Allowed::Only(policies) if !policies.is_empty() => {
            policies.iter().map(name).collect::<Vec<_>>().join(", ")
        }
        others => others.to_string(),
    };
    vec![
        ("Roles", limits.roles.to_string()),
        ("Life of a token", amount(limits.max_ttl.to_string(), limits.max_ttl == Most::Any)),
        ("Uses of a token", amount(limits.max_uses.to_string(), limits.max_uses == Most::Any)),
        ("Persistent tokens", if limits.persistent { "yes" } else { "no" }.to_owned()),
        ("DNS names", limits.dns_names.to_string()),
        ("Clusters", limits.clusters.to_string()),
        ("Policies", policies),
    ]
}

fn amount(text: String, is_any: bool) -> String {
    if is_any { text } else { format!("at most {text}") }
}

/// The limits in a cell of a list.
pub(super) fn short(limits: &Limits) -> String {
    if *limits == Limits::ANY {
        return "none".to_owned();
    }
    let uses = match limits.max_uses {
        Most::Any => "any number of uses".to_owned(),
        Most::UpTo(1) => "1 use".to_owned(),
        Most::UpTo(most) => format!("{most} uses"),
    };
    let life = amount(limits.max_ttl.to_string(), limits.max_ttl == Most::Any);
    format!("roles: {}; life: {life}; {uses}", limits.roles)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        Values::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_form_keeps_the_limits_it_shows() {
        let policy = PolicyId::parse("0198c0de-e1e2-7f50-9162-738495a6b7c8").unwrap();
        let some = json!({ "roles": ["proxy"], "dns_names": ["*.eu.example.org", "a.example.org"], "max_ttl": "36h", "max_uses": 3,
            "persistent": true, "clusters": ["any", "none"], "policies": [policy] });
        let some = serde_json::from_value::<Limits>(some).unwrap();
        for limits in [Limits::ANY, Limits::LEAST, some] {
            assert_eq!(read(&Values::of(pairs(&limits))).unwrap(), limits);
        }
    }

    #[test]
    fn an_empty_form_gives_the_least() {
        assert_eq!(read(&values(&[])).unwrap(), Limits::LEAST);
        assert_eq!(read(&values(&[("clusters", " \r\n"), ("max_uses", "")])).unwrap(), Limits::LEAST);
    }

    #[test]
    fn a_wrong_limit_is_named() {
        for (name, value) in
            [("max_ttl", "soon"), ("max_uses", "0"), ("max_uses", "many"), ("dns_names", "*")]
        {
            let problem = read(&values(&[(name, value)])).err().unwrap();
            assert_eq!(problem.status().as_u16(), 400, "{name}");
            assert!(problem.fields[0].field.starts_with(&format!("limits.{name}")), "{:?}", problem.fields);
        }
    }
}
