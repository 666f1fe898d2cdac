//! The terms of a policy as fields of the form, and back.

use std::collections::BTreeMap;

use crate::admission::{PolicyTerms, RenewAt};
use crate::approval::Approval;
use crate::dashboard::edit::{self, Edit};
use crate::dashboard::form::Values;
use crate::http::request::PolicyChangeRequest;
use crate::service::FieldError;
use crate::span::show_span;

/// The terms as the form shows them.
pub(super) fn values_of(terms: &PolicyTerms) -> Values {
    let labels = terms.labels.iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>();
    let mut pairs = vec![
        ("name".to_owned(), terms.name.to_string()),
        ("description".to_owned(), terms.description.to_string()),
        ("certificate_lifetime".to_owned(), terms.certificate_lifetime.map(show_span).unwrap_or_default()),
        ("renew_at".to_owned(), terms.renew_at.to_string()),
        ("approval".to_owned(), terms.approval.to_string()),
        ("labels".to_owned(), labels.join("\n")),
        ("schema".to_owned(), terms.schema.as_ref().map(edit::json).unwrap_or_default()),
    ];
    if !terms.settings.is_empty() {
        pairs.push(("settings".to_owned(), edit::json(&terms.settings)));
    }
    let flags =
        [("ephemeral_hosts", terms.ephemeral_hosts), ("api_key_credential", terms.api_key_credential)];
    let roles = terms.roles.iter().map(|role| format!("role.{role}"));
    let audiences = terms.audiences.iter().map(|audience| format!("audience.{audience}"));
    let outputs = terms.outputs.iter().map(|output| format!("output.{output}"));
    let on = flags.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name.to_owned());
    pairs.extend(on.chain(roles).chain(audiences).chain(outputs).map(|name| (name, "on".to_owned())));
    Values::of(pairs)
}

/// The change that the form asks for, and the faults of fields that cannot be read.
pub(super) fn asked(shown: &Values, sent: &Values) -> (PolicyChangeRequest, Vec<FieldError>) {
    let mut edit = Edit::new(shown, sent);
    let request = PolicyChangeRequest {
        name: edit.needed("name"),
        description: edit.needed("description"),
        certificate_lifetime: edit.text("certificate_lifetime"),
        renew_at: edit
            .text("renew_at")
            .map(|share| share.map_or_else(standard_share, |share| share_of(&share))),
        roles: edit.boxes("role"),
        approval: edit.text("approval").map(|mode| mode.unwrap_or_else(|| Approval::Off.to_string())),
        labels: edit.needed("labels").map(|text| labels(&text, &mut edit)),
        ephemeral_hosts: edit.flag("ephemeral_hosts"),
        api_key_credential: edit.flag("api_key_credential"),
        settings: edit.object("settings").map(Option::unwrap_or_default),
        schema: edit.object("schema"),
        audiences: edit.boxes("audience"),
        outputs: edit.boxes("output"),
    };
    (request, edit.faults)
}

fn standard_share() -> f64 {
    f64::from(RenewAt::default().hundredths()) / 100.0
}

/// A share. A text that is no number becomes 0, which is refused.
fn share_of(text: &str) -> f64 {
    text.parse().unwrap_or(0.0)
}

/// The labels, one `NAME=TEXT` a line.
fn labels(text: &str, edit: &mut Edit<'_>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, text) = line.split_once('=').unwrap_or((line, ""));
        if !line.contains('=') {
            edit.fault("labels", "write one NAME=TEXT a line");
        } else if labels.insert(name.trim().to_owned(), text.trim().to_owned()).is_some() {
            edit.fault("labels", format!("{name} is repeated"));
        }
    }
    labels
}
