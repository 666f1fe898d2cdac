//! Policies.

mod revisions;

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

pub(super) use self::revisions::*;
use super::paging::{Listed, NoFilters, PageParams, Paging};
use super::tokens::create::{self, NewToken};
use crate::http::call::Call;
use crate::http::decode;
use crate::http::metrics;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::{PolicyChangeRequest, PolicyRequest};
use crate::http::revision::{self, IfMatch};
use crate::id::PolicyId;
use crate::service::policies::CountedPolicy;
use crate::store::Policy;

/// Maximum size of a body with settings and schema in bytes.
pub(super) const BODY_LIMIT: usize = 128 * 1024;

/// A policy with its hosts.
#[derive(Serialize, ToSchema)]
#[schema(as = Policy)]
struct PolicyItem {
    #[serde(flatten)]
    policy: Policy,
    /// Number of hosts that have the policy and are not revoked.
    #[schema(example = 12)]
    hosts: u64,
}

impl From<CountedPolicy> for PolicyItem {
    fn from(counted: CountedPolicy) -> Self {
        Self { policy: Arc::unwrap_or_clone(counted.policy), hosts: counted.hosts }
    }
}

/// The answer with one policy, and its entity tag.
fn shown(policy: CountedPolicy) -> Reply {
    let revision = policy.policy.revision;
    revision::tagged(Reply::ok(&PolicyItem::from(policy)), revision)
}

/// List policies
///
/// A page of policies, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/policies",
    params(PageParams),
    responses((status = 200, description = "A page of policies.", body = Listed<PolicyItem>)),
)]
pub(super) async fn list_policies(call: Call) -> Result<Reply, Problem> {
    let (paging, NoFilters {}) = Paging::read(&call, "policies")?;
    let policies = call.authority.policies.list_policies(paging.query()?).await?;
    Ok(paging.rendered(policies, PolicyItem::from))
}

/// A new policy, and its first token.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedPolicy)]
struct NewPolicy<'a> {
    #[serde(flatten)]
    policy: PolicyItem,
    /// The first token, `Default`; absent if none was wanted.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    first_token: Option<NewToken<'a>>,
}

/// Create a policy
///
/// Its first token, `Default`, is persistent, unlimited, and gives the policy's roles. It is shown once. The caller needs
/// `tokens:write` for it and limits that allow it, or sets `first_token` to false. Only an admin may set a longer
/// `certificate_lifetime` than the configured one.
#[utoipa::path(
    post,
    path = "/api/v1/policies",
    request_body = PolicyRequest,
    responses(
        (status = 201, description = "The policy, and its first token.", body = NewPolicy<'static>, headers(("ETag" = String, description = "Revision of the policy, for `If-Match`."))),
        code::BeyondLimits,
        code::PolicyExists,
        code::TooManyPolicies,
        code::Signing,
        code::Contended,
    ),
)]
pub(super) async fn create_policy(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<PolicyRequest>(&call.body)?;
    let (authority, caller) = (&call.authority, &call.caller);
    let known = authority.trust.load();
    let (terms, first_token) = request.judge((&authority.roles, &known.audiences), faults)?;
    let created = authority.policies.create_policy(caller, terms, first_token).await;
    if first_token {
        metrics::count("gatepass_mints_total", &created);
    }
    let (policy, minted) = created?;
    let first_token = match &minted {
        Some(minted) => Some(create::shown_first(authority, minted).with_warning(authority).await),
        None => None,
    };
    let revision = policy.policy.revision;
    let answer = NewPolicy { policy: policy.into(), first_token };
    Ok(revision::tagged(Reply::json(StatusCode::CREATED, &answer), revision))
}

/// Show a policy
#[utoipa::path(
    get,
    path = "/api/v1/policies/{id}",
    params(("id" = PolicyId, Path, description = "Id of the policy.")),
    responses((status = 200, description = "The policy.", body = PolicyItem, headers(("ETag" = String, description = "Revision of the policy, for `If-Match`.")))),
)]
pub(super) async fn show_policy(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "policy", PolicyId::parse)?;
    Ok(shown(call.authority.policies.show_policy(id).await?))
}

/// Change a policy
///
/// Hosts follow at their next check-in, and certificates at the next renewal. A host keeps a role that the policy loses.
#[utoipa::path(
    patch,
    path = "/api/v1/policies/{id}",
    params(
        ("id" = PolicyId, Path, description = "Id of the policy."),
        IfMatch,
    ),
    request_body = PolicyChangeRequest,
    responses(
        (status = 200, description = "The changed policy.", body = PolicyItem, headers(("ETag" = String, description = "Revision of the policy, for `If-Match`."))),
        code::BeyondLimits,
        code::PolicyExists,
        code::Stale,
        code::Contended,
    ),
)]
pub(super) async fn change_policy(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "policy", PolicyId::parse)?;
    let (request, faults) = decode::native::<PolicyChangeRequest>(&call.body)?;
    let authority = &call.authority;
    let known = authority.trust.load();
    let edit = request.judge((&authority.roles, &known.audiences), faults)?;
    let IfMatch(expected) = IfMatch::of(&call.head);
    Ok(shown(authority.policies.change_policy(&call.caller, id, edit, expected).await?))
}

#[derive(Serialize, ToSchema)]
struct DeletedPolicy {
    id: PolicyId,
    /// Number of live tokens that were revoked.
    #[schema(example = 1)]
    tokens_revoked: u64,
}

/// Delete a policy
///
/// Its live tokens are revoked. A policy that hosts have is in use, and stays: 409 with their number.
#[utoipa::path(
    delete,
    path = "/api/v1/policies/{id}",
    params(
        ("id" = PolicyId, Path, description = "Id of the policy."),
        IfMatch,
    ),
    responses(
        (status = 200, description = "Deleted.", body = DeletedPolicy),
        code::BeyondLimits,
        code::PolicyInUse,
        code::Stale,
        code::Contended,
    ),
)]
pub(super) async fn delete_policy(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "policy", PolicyId::parse)?;
    let IfMatch(expected) = IfMatch::of(&call.head);
    let tokens_revoked = call.authority.policies.delete_policy(&call.caller, id, expected).await?;
    Ok(Reply::ok(&DeletedPolicy { id, tokens_revoked }))
}
