//! Agent policies: gatepass's policies in the words of Kibana.

use std::cmp::Reverse;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::expect_xsrf;
use super::failed::NoSuchPolicy;
use super::keys::no_policy;
use super::kuery::{self, Term};
use super::paging::{ListQuery, PageFacts, Query};
use super::shapes::AgentPolicy;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::metrics;
use crate::http::problem::{Code, Problem, code};
use crate::http::reply::Reply;
use crate::http::request::{PolicyChangeRequest, PolicyRequest};
use crate::id::PolicyId;
use crate::name::{Description, Label};
use crate::service::{RequestError, ServiceError};
use crate::store::Policy;

const ID: &str = "Id of the policy.";

/// A page of policies.
#[derive(Serialize, ToSchema)]
struct PolicyPage {
    items: Vec<AgentPolicy>,
    #[serde(flatten)]
    page: PageFacts,
}

/// One policy.
#[derive(Serialize, ToSchema)]
#[schema(as = ShownAgentPolicy)]
struct ShownPolicy {
    item: AgentPolicy,
}

/// List agent policies
///
/// Newest change first. `kuery` has terms of `id` and `name`.
#[utoipa::path(
    get,
    path = "/api/fleet/agent_policies",
    params(ListQuery),
    responses((status = 200, description = "A page of policies.", body = PolicyPage)),
)]
pub(super) async fn get_agent_policies(call: Call) -> Result<Reply, Problem> {
    let query = Query::of(&call)?;
    let paging = query.paging()?;
    let terms = kuery::parse(query.get("kuery").unwrap_or(""))?;
    let sought = terms.into_iter().map(Sought::of).collect::<Result<Vec<_>, _>>()?;
    let policies = &call.authority.policies;
    let live = policies.policies.load();
    let meets_all = |policy: &&Arc<Policy>| sought.iter().all(|sought| sought.meets(policy));
    let mut found = live.values().filter(meets_all).cloned().collect::<Vec<_>>();
    found.sort_by_key(|policy| Reverse((policy.updated_at, policy.id)));
    let total = found.len() as u64;
    let (offset, limit) = (paging.offset() as usize, paging.per_page as usize);
    let page = policies.with_hosts(found.into_iter().skip(offset).take(limit).collect()).await?;
    let items = page.into_iter().map(AgentPolicy::from).collect();
    Ok(Reply::ok(&PolicyPage { items, page: paging.with_total(total) }))
}

/// The condition of a term.
enum Sought {
    Id(String),
    Name(String),
}

impl Sought {
    /// Reads a term. Kibana's clients may name the type of the object before the field.
    fn of(Term { field, value }: Term) -> Result<Self, Problem> {
        match field.strip_prefix("ingest-agent-policies.").unwrap_or(&field) {
            "id" => Ok(Self::Id(value)),
            "name" => Ok(Self::Name(value)),
            _ => Err(kuery::refused("has an unknown field; the fields are id, name")),
        }
    }

    fn meets(&self, policy: &Policy) -> bool {
        match self {
            Self::Id(id) => policy.id.to_string() == *id,
            Self::Name(name) => policy.terms.name.as_str() == name,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "name": "edge proxies", "namespace": "default" }))]
struct AgentPolicyRequest {
    /// The name, which no other policy has.
    #[schema(value_type = Label)]
    name: String,
    /// Any text. gatepass has one name space.
    #[schema(example = "default")]
    #[expect(dead_code, reason = "clients must send it")]
    namespace: String,
    /// Text for people.
    #[serde(default)]
    #[schema(value_type = Option<Description>)]
    description: Option<String>,
}

/// Create an agent policy
///
/// Its first enrollment token is named `Default`. Other terms have their defaults; `PATCH /api/v1/policies/{id}` changes them.
#[utoipa::path(
    post,
    path = "/api/fleet/agent_policies",
    request_body = AgentPolicyRequest,
    responses(
        (status = 200, description = "The policy.", body = ShownPolicy),
        code::BeyondLimits,
        code::PolicyExists,
        code::TooManyPolicies,
        code::Signing,
    ),
)]
pub(super) async fn create_agent_policy(call: Call) -> Result<Reply, Problem> {
    expect_xsrf(&call)?;
    let AgentPolicyRequest { name, description, .. } = decode::lenient(&call.body)?;
    let request =
        PolicyRequest { name, description: description.unwrap_or_default(), ..PolicyRequest::default() };
    let authority = &call.authority;
    let (terms, _) = request.judge((&authority.roles, &[]), Vec::new())?;
    let created = authority.policies.create_policy(&call.caller, terms, true).await;
    metrics::count("gatepass_mints_total", &created);
    let (policy, _first_token) = created?;
    Ok(Reply::ok(&ShownPolicy { item: AgentPolicy::from(policy) }))
}

/// Show an agent policy
#[utoipa::path(
    get,
    path = "/api/fleet/agent_policies/{id}",
    params(("id" = PolicyId, Path, description = ID)),
    responses((status = 200, description = "The policy.", body = ShownPolicy), NoSuchPolicy),
)]
pub(super) async fn get_agent_policy(call: Call) -> Result<Reply, Problem> {
    let text = call.head.param("id");
    let id = PolicyId::parse(text).ok_or_else(|| no_policy(text))?;
    let policy = call.authority.policies.show_policy(id).await.map_err(|error| unknown(error, text))?;
    Ok(Reply::ok(&ShownPolicy { item: AgentPolicy::from(policy) }))
}

/// Change an agent policy
///
/// Its name and description.
#[utoipa::path(
    put,
    path = "/api/fleet/agent_policies/{id}",
    params(("id" = PolicyId, Path, description = ID)),
    request_body = AgentPolicyRequest,
    responses(
        (status = 200, description = "The policy.", body = ShownPolicy),
        NoSuchPolicy,
        code::BeyondLimits,
        code::PolicyExists,
    ),
)]
pub(super) async fn update_agent_policy(call: Call) -> Result<Reply, Problem> {
    expect_xsrf(&call)?;
    let text = call.head.param("id");
    let AgentPolicyRequest { name, description, .. } = decode::lenient(&call.body)?;
    let id = PolicyId::parse(text).ok_or_else(|| no_policy(text))?;
    let authority = &call.authority;
    let request = PolicyChangeRequest { name: Some(name), description, ..PolicyChangeRequest::default() };
    let edit = request.judge((&authority.roles, &[]), Vec::new())?;
    let changed = authority.policies.change_policy(&call.caller, id, edit, None).await;
    let policy = changed.map_err(|error| unknown(error, text))?;
    Ok(Reply::ok(&ShownPolicy { item: AgentPolicy::from(policy) }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeleteAgentPolicy)]
struct PolicyDeletionRequest {
    /// The policy to delete.
    #[schema(value_type = PolicyId)]
    agent_policy_id: String,
}

/// The policy that was deleted, as far as Kibana shows it.
#[derive(Serialize, ToSchema)]
struct DeletedPolicy {
    id: PolicyId,
    #[schema(value_type = String, example = "edge proxies")]
    name: Label,
}

/// Delete an agent policy
///
/// Its enrollment tokens are deleted with it. A policy that a host has stays: 400.
#[utoipa::path(
    post,
    path = "/api/fleet/agent_policies/delete",
    request_body = PolicyDeletionRequest,
    responses(
        (status = 200, description = "Deleted.", body = DeletedPolicy),
        NoSuchPolicy,
        code::BeyondLimits,
    ),
)]
pub(super) async fn delete_agent_policy(call: Call) -> Result<Reply, Problem> {
    expect_xsrf(&call)?;
    let PolicyDeletionRequest { agent_policy_id: text } = decode::lenient(&call.body)?;
    let id = PolicyId::parse(&text).ok_or_else(|| no_policy(&text))?;
    let policies = &call.authority.policies;
    let before = policies.show_policy(id).await.map_err(|error| unknown(error, &text))?;
    match policies.delete_policy(&call.caller, id, None).await {
        Ok(_) => Ok(Reply::ok(&DeletedPolicy { id, name: before.policy.terms.name.clone() })),
        // Kibana answers 400 here.
        Err(ServiceError::Request(in_use @ RequestError::PolicyInUse { .. })) => {
            Err(Problem::of(Code::InvalidRequest, in_use.to_string()))
        }
        Err(error) => Err(unknown(error, &text)),
    }
}

/// The problem of a failed use case. An unknown policy has Kibana's sentence.
fn unknown(error: ServiceError, id: &str) -> Problem {
    match error {
        ServiceError::Request(RequestError::NotFound { .. }) => no_policy(id),
        error => error.into(),
    }
}
