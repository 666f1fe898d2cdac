//! The terms of a policy in words, and the changes of a version.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::admission::PolicyTerms;
use crate::dashboard::grant;
use crate::dashboard::output::OutputNames;
use crate::span::show_span;

/// Maximum length of a value in the list of versions, in characters.
const LONGEST: usize = 80;

/// Maximum number of changes that a version shows.
const MOST: usize = 20;

/// A term that a version changed. The last one may stand for all others: it has no values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) name: String,
    pub(super) before: String,
    pub(super) after: String,
}

/// The sentence that says what hosts get from a policy. `configured` is the lifetime of a certificate without a policy.
pub(super) fn sentence(terms: &PolicyTerms, configured: Duration) -> String {
    let number = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {many}")),
    };
    let roles = match terms.roles.len() {
        0 => "no roles".to_owned(),
        1 => format!("the role {}", grant::roles(&terms.roles)),
        _ => format!("the roles {}", grant::roles(&terms.roles)),
    };
    let certificates = format!("certificates for {}", show_span(terms.lifetime(configured)));
    let rest = [
        number(terms.settings.len(), "setting", "settings"),
        number(terms.outputs.len(), "output", "outputs"),
        number(terms.audiences.len(), "service", "services"),
    ];
    let mut parts = [Some(roles), Some(certificates)].into_iter().chain(rest).flatten().collect::<Vec<_>>();
    let last = parts.pop().unwrap_or_default();
    format!("Its hosts get {} and {last}.", parts.join(", "))
}

/// The terms that the page shows in a list.
pub(super) fn facts(terms: &PolicyTerms, configured: Duration, names: &OutputNames) -> Vec<(String, String)> {
    let shown = |name: &String| !["Name", "Description", "Schema", "Outputs"].contains(&name.as_str());
    let all = all(terms, configured, names);
    all.into_iter().filter(|(name, _)| shown(name) && !name.starts_with("Setting ")).collect()
}

/// The terms that differ between two versions.
pub(super) fn changes(
    (before, after): (&PolicyTerms, &PolicyTerms),
    configured: Duration,
    names: &OutputNames,
) -> Vec<Change> {
    let (was, is) = (all(before, configured, names), all(after, configured, names));
    let by_name = |terms: &[(String, String)]| terms.iter().cloned().collect::<BTreeMap<_, _>>();
    let (old, new) = (by_name(&was), by_name(&is));
    let of = |terms: &BTreeMap<String, String>, name: &str| cut(terms.get(name).map_or("none", |text| text));
    let gone = was.iter().filter(|(name, _)| !new.contains_key(name));
    let every = is.iter().chain(gone).map(|(name, _)| name);
    let differ = every.filter(|name| old.get(*name) != new.get(*name)).collect::<Vec<_>>();
    let change = |name: &&String| Change { name: cut(name), before: of(&old, name), after: of(&new, name) };
    let mut changes = differ.iter().take(MOST).map(change).collect::<Vec<_>>();
    if differ.len() > MOST {
        let name = format!("and {} more", differ.len() - MOST);
        changes.push(Change { name, before: String::new(), after: String::new() });
    }
    changes
}

/// Every term with its name, and every setting as a term of its own.
fn all(terms: &PolicyTerms, configured: Duration, names: &OutputNames) -> Vec<(String, String)> {
    let PolicyTerms {
        name,
        description,
        certificate_lifetime,
        renew_at,
        roles,
        approval,
        labels,
        ephemeral_hosts,
        api_key_credential,
        settings,
        schema,
        audiences,
        outputs,
    } = terms;
    let lifetime = match certificate_lifetime {
        Some(span) => show_span(*span),
        None if *ephemeral_hosts => show_span(PolicyTerms::EPHEMERAL_LIFETIME),
        None => format!("{}, as configured", show_span(configured)),
    };
    let labels = labels.iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>();
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    let terms = [
        ("Name", name.to_string()),
        ("Description", or_none(description.to_string())),
        ("Roles", grant::roles(roles)),
        ("Certificates", format!("valid for {lifetime}")),
        ("Renew after", format!("{} % of the certificate's life", renew_at.hundredths())),
        ("Approval", approval.to_string()),
        ("Ephemeral hosts", if *ephemeral_hosts { "yes" } else { "no" }.to_owned()),
        ("Opaque keys", if *api_key_credential { "allowed" } else { "not allowed" }.to_owned()),
        ("Labels", or_none(labels.join(", "))),
        ("Services", or_none(audiences.join(", "))),
        ("Outputs", names.joined(outputs)),
        ("Schema", schema.as_ref().map_or_else(|| "none".to_owned(), compact)),
    ];
    let terms = terms.into_iter().map(|(name, value)| (name.to_owned(), value));
    let settings = settings.iter().map(|(name, value)| (format!("Setting {name}"), compact(value)));
    terms.chain(settings).collect()
}

fn compact(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| Value::Null.to_string())
}

/// The beginning of a long value.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admission::RenewAt;
    use crate::approval::Approval;
    use crate::name::{Description, Label, Labels, Role};

    const CONFIGURED: Duration = Duration::from_secs(30 * 86_400);

    fn terms(roles: &[&str], settings: Value) -> PolicyTerms {
        let Value::Object(settings) = settings else { panic!("an object") };
        PolicyTerms {
            name: Label::parse("edge").unwrap(),
            description: Description::default(),
            certificate_lifetime: None,
            renew_at: RenewAt::default(),
            roles: roles.iter().map(|role| Role::parse(role).unwrap()).collect(),
            approval: Approval::Off,
            labels: Labels::default(),
            ephemeral_hosts: false,
            api_key_credential: false,
            settings,
            schema: None,
            audiences: Vec::new(),
            outputs: Vec::new(),
        }
    }

    #[test]
    fn the_sentence_names_roles_and_certificates() {
        let none = sentence(&terms(&[], json!({})), CONFIGURED);
        assert_eq!(none, "Its hosts get no roles and certificates for 30d.");
        let ephemeral = PolicyTerms { ephemeral_hosts: true, ..terms(&["proxy", "web"], json!({ "a": 1 })) };
        let some = sentence(&ephemeral, CONFIGURED);
        assert_eq!(some, "Its hosts get the roles proxy, web, certificates for 24h and 1 setting.");
    }

    #[test]
    fn a_revision_lists_each_changed_term() {
        let before = terms(&["proxy"], json!({ "level": "info", "old": true }));
        let after = terms(&["proxy"], json!({ "level": "x".repeat(100), "limit": 5 }));
        let names = OutputNames::of(&[]);
        let changes = changes((&before, &after), CONFIGURED, &names);
        let short = changes.iter().map(|change| (change.name.as_str(), change.before.as_str()));
        let expected = [("Setting level", "\"info\""), ("Setting limit", "none"), ("Setting old", "true")];
        assert_eq!(short.collect::<Vec<_>>(), expected);
        assert_eq!(changes[0].after.chars().count(), LONGEST + 1);
        assert_eq!(changes[2].after, "none");
        let lifetime = PolicyTerms { certificate_lifetime: Some(CONFIGURED), ..before.clone() };
        let changes = super::changes((&before, &lifetime), CONFIGURED, &names);
        assert_eq!((changes.len(), changes[0].before.as_str()), (1, "valid for 30d, as configured"));
    }

    #[test]
    fn many_changes_are_cut() {
        let many = (0..1000).map(|number| (format!("setting{number:04}"), json!(true)));
        let (none, many) = (terms(&[], json!({})), terms(&[], Value::Object(many.collect())));
        let changes = changes((&none, &many), CONFIGURED, &OutputNames::of(&[]));
        assert_eq!((changes.len(), changes[MOST].name.as_str()), (MOST + 1, "and 980 more"));
    }
}
