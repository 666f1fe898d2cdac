//! The earlier revisions of a policy.

use crate::http::api::paging::{Listed, whole};
use crate::http::call::Call;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::revision::IfMatch;
use crate::id::PolicyId;
use crate::store::Policy;

/// List a policy's revisions
///
/// The last 100, newest first, the current one included.
#[utoipa::path(
    get,
    path = "/api/v1/policies/{id}/revisions",
    params(("id" = PolicyId, Path, description = "Id of the policy.")),
    responses((status = 200, description = "The revisions.", body = Listed<Policy>)),
)]
pub(in crate::http::api) async fn list_policy_revisions(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "policy", PolicyId::parse)?;
    Ok(whole(call.authority.policies.policy_revisions(id).await?))
}

/// Restore a policy's revision
///
/// The policy gets the terms of that revision again, as a new revision. Its roles and audiences must still exist.
#[utoipa::path(
    post,
    path = "/api/v1/policies/{id}/revisions/{revision}/restore",
    params(
        ("id" = PolicyId, Path, description = "Id of the policy."),
        ("revision" = u64, Path, description = "Number of the revision.", example = 3),
        IfMatch,
    ),
    responses(
        (status = 200, description = "The changed policy.", body = super::PolicyItem, headers(("ETag" = String, description = "Revision of the policy, for `If-Match`."))),
        code::BeyondLimits,
        code::PolicyExists,
        code::Stale,
        code::Contended,
    ),
)]
pub(in crate::http::api) async fn restore_policy_revision(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "policy", PolicyId::parse)?;
    let number = |text: &str| text.parse().ok().filter(|number| i64::try_from(*number).is_ok());
    let revision: u64 = call.id("revision", "revision", number)?;
    let IfMatch(expected) = IfMatch::of(&call.head);
    let restored = call.authority.policies.restore_policy(&call.caller, id, revision, expected).await?;
    Ok(super::shown(restored))
}
