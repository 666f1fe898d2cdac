//! `/policies/{id}`: one policy, and the forms that change it.

mod delete;
mod editor;
mod restore;
mod words;

use http::Method;

use super::dialect::PAGE;
use super::form::LARGE_FORM;
use super::frame::{self, Frame};
use super::grant::{self, TokenRow};
use super::host;
use super::hosts;
use super::output::{self, OutputNames};
use super::parts::{Icon, Mark, Moment, grouped};
use super::policies;
use crate::access::{Act, Permission as P};
use crate::http::call::Call;
use crate::http::problem::{Problem, least_role};
use crate::http::reply::Reply;
use crate::http::route::Route;
use crate::id::{OutputId, PolicyId};
use crate::service::labels::ActorLabels;
use crate::service::policies::CountedPolicy;
use crate::store::{
    EndedTokens, HostFilter, HostState, ListedOutput, PageQuery, Policy, TokenFilter, TokenState, TokenType,
};

/// Number of tokens and of hosts on the page of a policy.
const NEWEST: u32 = 10;

/// The rows of policies in the table of routes.
pub(super) fn routes() -> Vec<Route> {
    let (get, post) = (|path| (Method::GET, path), |path| (Method::POST, path));
    let large = |row: Route| row.with_body_limit(LARGE_FORM);
    vec![
        Route::of(&PAGE, get("/policies"), P::ReadPolicies, policies::show),
        Route::of(&PAGE, get("/policies/new"), P::WritePolicies, editor::ask_for_one),
        large(Route::of(&PAGE, post("/policies/new"), P::WritePolicies, editor::create)),
        Route::of(&PAGE, get("/policies/{id}"), P::ReadPolicies, show),
        Route::of(&PAGE, get("/policies/{id}/edit"), P::WritePolicies, editor::show_one),
        large(Route::of(&PAGE, post("/policies/{id}/edit"), P::WritePolicies, editor::change)),
        Route::of(&PAGE, get("/policies/{id}/restore"), P::WritePolicies, restore::ask),
        Route::of(&PAGE, post("/policies/{id}/restore"), P::WritePolicies, restore::restore),
        Route::of(&PAGE, get("/policies/{id}/delete"), P::WritePolicies, delete::ask),
        Route::of(&PAGE, post("/policies/{id}/delete"), P::WritePolicies, delete::delete),
    ]
}

/// Number of revisions on the page.
const SHOWN_REVISIONS: usize = 10;

#[derive(askama::Template)]
#[template(path = "policy.html")]
struct PolicyPage<'a> {
    frame: Frame<'a>,
    id: PolicyId,
    name: String,
    description: String,
    gives: String,
    facts: Vec<(String, String)>,
    settings: Option<String>,
    schema: Option<String>,
    revision: u64,
    changed: Moment,
    changed_by: String,
    created: Moment,
    created_by: String,
    outputs: Vec<(String, String, String)>,
    hosts: String,
    host_rows: Vec<HostLine>,
    tokens: String,
    token_rows: Vec<TokenRow>,
    revisions: Vec<Revision>,
    /// Number of kept revisions that the page does not show.
    older: usize,
    /// The acts that the role and the limits of the user allow.
    writes: bool,
    mints: bool,
    role_for_changes: String,
}

/// A host of the policy, with the state of its key at each output.
struct HostLine {
    id: String,
    name: String,
    state: Mark,
    seen: Moment,
    keys: Vec<(String, Mark)>,
}

/// A revision of the policy.
struct Revision {
    number: u64,
    is_current: bool,
    at: Moment,
    by: String,
    changes: Vec<words::Change>,
    /// The one before it is no longer kept.
    is_oldest: bool,
}

/// Shows the policy.
async fn show(call: Call) -> Result<Reply, Problem> {
    let CountedPolicy { policy, hosts } = found(&call).await?;
    let (id, terms, now) = (policy.id, &policy.terms, call.authority.time.now());
    let listed = output::all(&call).await?;
    let names = OutputNames::of(&listed);
    let frame = Frame::of(&call, terms.name.to_string(), "/policies").await?;
    let tokens = call.authority.policies.count_tokens(vec![id]).await?.iter().sum::<u64>();
    let limits = &call.caller.rights.limits;
    let mints = frame.may.write_tokens && limits.persistent && limits.policies.allows(&id);
    let by = |actor: &str| grant::actor(actor, &ActorLabels::default());
    let lifetime = call.authority.policies.lifetime;
    let (revisions, older) = revisions(&call, &policy, &names).await?;
    frame::ok(&PolicyPage {
        id,
        name: terms.name.to_string(),
        description: terms.description.to_string(),
        gives: words::sentence(terms, lifetime),
        facts: words::facts(terms, lifetime, &names),
        settings: (!terms.settings.is_empty()).then(|| super::edit::json(&terms.settings)),
        schema: terms.schema.as_ref().map(super::edit::json),
        revision: policy.revision,
        changed: Moment::new(policy.updated_at, now),
        changed_by: by(&policy.updated_by),
        created: Moment::new(policy.created_at, now),
        created_by: by(&policy.created_by),
        outputs: outputs(&policy, &listed),
        hosts: grouped(hosts),
        host_rows: if frame.may.read_hosts { host_rows(&call, id).await? } else { Vec::new() },
        tokens: grouped(tokens),
        token_rows: if frame.may.read_tokens { token_rows(&call, id).await? } else { Vec::new() },
        revisions,
        older,
        writes: frame.may.write_policies && call.caller.may(Act::ChangePolicy(id)).is_ok(),
        mints,
        role_for_changes: least_role(P::WritePolicies).to_string(),
        frame,
    })
}

/// The policy of this path.
async fn found(call: &Call) -> Result<CountedPolicy, Problem> {
    let id = call.id("id", "policy", PolicyId::parse)?;
    Ok(call.authority.policies.show_policy(id).await?)
}

/// The id, the name and the type of each output of the policy, in its order.
fn outputs(policy: &Policy, listed: &[ListedOutput]) -> Vec<(String, String, String)> {
    let of = |id: &OutputId| listed.iter().find(|listed| listed.output.id == *id);
    let outputs = policy.terms.outputs.iter().filter_map(of);
    let row = |ListedOutput { output, .. }: &ListedOutput| {
        let about = format!("{}, {}", output::kind_name(output.kind), output.settings.hosts.join(", "));
        (output.id.to_string(), output.name.to_string(), about)
    };
    outputs.map(row).collect()
}

/// The newest hosts of the policy that are not revoked.
async fn host_rows(call: &Call, id: PolicyId) -> Result<Vec<HostLine>, Problem> {
    let (authority, now) = (&call.authority, call.authority.time.now());
    let states = Some(HostState::NOT_REVOKED.to_vec());
    let filter = HostFilter { policy: Some(id), states, ..HostFilter::every(None, now) };
    let mut rows = Vec::new();
    for found in authority.hosts.list_hosts(filter, PageQuery::new(None, NEWEST)).await?.items {
        let keys = authority.output_keys.states_of_host(found.id).await?;
        rows.push(HostLine {
            id: found.id.to_string(),
            name: grant::host_name(&found),
            state: hosts::state_mark(found.state(now)),
            seen: Moment::new(found.contact.at, now),
            keys: keys.into_iter().map(|key| (key.name.to_string(), host::key_mark(key.state))).collect(),
        });
    }
    Ok(rows)
}

/// The newest tokens of the policy that admit hosts.
async fn token_rows(call: &Call, id: PolicyId) -> Result<Vec<TokenRow>, Problem> {
    let (tokens, now) = (&call.authority.tokens, call.authority.time.now());
    let states = Some(TokenState::LIVE.to_vec());
    let every = TokenFilter::every(TokenType::Enrollment, EndedTokens::All, now);
    let filter = TokenFilter { policy: Some(id), states, ..every };
    let found = tokens.list_tokens(filter, PageQuery::new(None, NEWEST)).await?.items;
    let labels = tokens.minter_labels(&found).await?;
    Ok(found.iter().map(|token| TokenRow::new(token, &labels, now)).collect())
}

/// The newest revisions, each with its changes to the one before, and the number of older ones.
async fn revisions(
    call: &Call,
    policy: &Policy,
    names: &OutputNames,
) -> Result<(Vec<Revision>, usize), Problem> {
    let kept = call.authority.policies.policy_revisions(policy.id).await?;
    let (lifetime, now) = (call.authority.policies.lifetime, call.authority.time.now());
    let revision = |(place, revision): (usize, &Policy)| {
        let before = kept.get(place + 1);
        let changes = before.map(|before| words::changes((&before.terms, &revision.terms), lifetime, names));
        Revision {
            number: revision.revision,
            is_current: revision.revision == policy.revision,
            at: Moment::new(revision.updated_at, now),
            by: grant::actor(&revision.updated_by, &ActorLabels::default()),
            changes: changes.unwrap_or_default(),
            is_oldest: before.is_none() && revision.revision > 1,
        }
    };
    let shown = kept.iter().take(SHOWN_REVISIONS).enumerate().map(revision).collect();
    Ok((shown, kept.len().saturating_sub(SHOWN_REVISIONS)))
}
