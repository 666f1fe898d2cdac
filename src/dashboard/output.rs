//! `/outputs/{id}`: one output, and the forms that change it. The list of outputs is on the page of policies.

mod delete;
mod editor;

use std::collections::BTreeMap;

use http::Method;

use super::dialect::PAGE;
use super::form::LARGE_FORM;
use super::frame::{self, Frame};
use super::grant;
use super::host;
use super::parts::{Icon, Mark, Moment, grouped};
use crate::access::{Act, Permission as P};
use crate::http::call::Call;
use crate::http::problem::{Problem, least_role};
use crate::http::reply::Reply;
use crate::http::route::Route;
use crate::id::{OutputId, PolicyId};
use crate::service::labels::ActorLabels;
use crate::store::{KeyCounts, ListedOutput, MOST_OUTPUTS, Output, OutputKind, PageQuery, SecretField};

/// The rows of outputs in the table of routes.
pub(super) fn routes() -> Vec<Route> {
    let (get, post) = (|path| (Method::GET, path), |path| (Method::POST, path));
    let large = |row: Route| row.with_body_limit(LARGE_FORM);
    vec![
        Route::of(&PAGE, get("/outputs/new"), P::WritePolicies, editor::ask_for_one),
        large(Route::of(&PAGE, post("/outputs/new"), P::WritePolicies, editor::create)),
        Route::of(&PAGE, get("/outputs/{id}"), P::ReadPolicies, show),
        Route::of(&PAGE, get("/outputs/{id}/edit"), P::WritePolicies, editor::show_one),
        large(Route::of(&PAGE, post("/outputs/{id}/edit"), P::WritePolicies, editor::change)),
        Route::of(&PAGE, get("/outputs/{id}/delete"), P::WritePolicies, delete::ask),
        Route::of(&PAGE, post("/outputs/{id}/delete"), P::WritePolicies, delete::delete),
    ]
}

/// The names of outputs by their ids.
pub(super) struct OutputNames(BTreeMap<OutputId, String>);

impl OutputNames {
    pub(super) fn of(outputs: &[ListedOutput]) -> Self {
        let name = |listed: &ListedOutput| (listed.output.id, listed.output.name.to_string());
        Self(outputs.iter().map(name).collect())
    }

    /// The names of these outputs. A deleted one has the end of its id.
    pub(super) fn joined(&self, ids: &[OutputId]) -> String {
        let name = |id| self.0.get(id).cloned().unwrap_or_else(|| grant::short(&id.to_string()));
        match ids {
            [] => "none".to_owned(),
            ids => ids.iter().map(name).collect::<Vec<_>>().join(", "),
        }
    }
}

/// Every output, by name.
pub(super) async fn all(call: &Call) -> Result<Vec<ListedOutput>, Problem> {
    let mut outputs = call.authority.outputs.list_outputs(PageQuery::new(None, MOST_OUTPUTS)).await?.items;
    outputs.sort_by(|one, other| one.output.name.cmp(&other.output.name));
    Ok(outputs)
}

/// The type of an output in words.
pub(super) const fn kind_name(kind: OutputKind) -> &'static str {
    match kind {
        OutputKind::Elasticsearch => "Elasticsearch",
        OutputKind::RemoteElasticsearch => "Remote Elasticsearch",
        OutputKind::Kafka => "Kafka",
        OutputKind::Logstash => "Logstash",
    }
}

/// A secret in words.
const fn secret_name(field: SecretField) -> &'static str {
    match field {
        SecretField::ServiceToken => "Service token",
        SecretField::Password => "Password",
        SecretField::Key => "Private key",
        SecretField::ApiKey => "API key",
    }
}

#[derive(askama::Template)]
#[template(path = "output.html")]
struct OutputPage<'a> {
    frame: Frame<'a>,
    id: OutputId,
    name: String,
    kind: &'static str,
    facts: Vec<(&'static str, String)>,
    secrets: Vec<&'static str>,
    roles: Option<String>,
    revision: u64,
    changed: Moment,
    changed_by: String,
    policies: Vec<(PolicyId, String)>,
    /// The keys of hosts by state; `None` for an output without such keys.
    keys: Option<Vec<(Mark, String)>>,
    invalidations: Option<(String, Moment)>,
    writes: bool,
    role_for_changes: String,
}

/// Shows the output.
async fn show(call: Call) -> Result<Reply, Problem> {
    let ListedOutput { output, secrets, .. } = found(&call).await?;
    let (id, now) = (output.id, call.authority.time.now());
    let counts = call.authority.output_keys.count().await?.remove(&id).unwrap_or_default();
    let waiting = counts.oldest_invalidation.map(|at| (grouped(counts.invalidations), Moment::new(at, now)));
    let frame = Frame::of(&call, output.name.to_string(), "/policies").await?;
    frame::ok(&OutputPage {
        id,
        name: output.name.to_string(),
        kind: kind_name(output.kind),
        facts: facts(&output),
        secrets: secrets.into_iter().map(secret_name).collect(),
        roles: output.settings.role_descriptors.as_ref().map(super::edit::json),
        revision: output.revision,
        changed: Moment::new(output.updated_at, now),
        changed_by: grant::actor(&output.updated_by, &ActorLabels::default()),
        policies: policies(&call, id),
        keys: output.kind.is_elasticsearch().then(|| keys(&counts)),
        invalidations: waiting,
        writes: frame.may.write_policies && call.caller.may(Act::ManageOutputs).is_ok(),
        role_for_changes: least_role(P::WritePolicies).to_string(),
        frame,
    })
}

/// The output of this path.
async fn found(call: &Call) -> Result<ListedOutput, Problem> {
    let id = call.id("id", "output", OutputId::parse)?;
    Ok(call.authority.outputs.show_output(id).await?)
}

/// The policies that have the output, by name.
fn policies(call: &Call, id: OutputId) -> Vec<(PolicyId, String)> {
    let all = call.authority.policies.policies.load();
    let with = all.values().filter(|policy| policy.terms.outputs.contains(&id));
    let mut with = with.map(|policy| (policy.id, policy.terms.name.to_string())).collect::<Vec<_>>();
    with.sort_by(|(_, one), (_, other)| one.cmp(other));
    with
}

/// The fields that the output has. No secret is among them.
fn facts(output: &Output) -> Vec<(&'static str, String)> {
    let settings = &output.settings;
    let given = |text: &Option<String>| text.as_ref().map(|_| "set".to_owned());
    let facts = [
        ("Addresses", Some(settings.hosts.join(", "))),
        ("Trusted CAs", Some(given(&settings.ca).unwrap_or_else(|| "the CAs of the system".to_owned()))),
        ("Authentication", settings.auth.map(|auth| <&str>::from(auth).replace('_', " and "))),
        ("SASL mechanism", settings.sasl_mechanism.map(|mechanism| <&str>::from(mechanism).to_owned())),
        ("User name", settings.username.clone()),
        ("Certificate", given(&settings.certificate)),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The states of keys with their numbers.
fn keys(counts: &KeyCounts) -> Vec<(Mark, String)> {
    let number = |(state, number): (&_, &u64)| (host::key_mark(Some(*state)), grouped(*number));
    counts.states.iter().filter(|(_, number)| **number > 0).map(number).collect()
}
