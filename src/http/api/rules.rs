//! Auto-approve rules.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::paging::{Listed, NoFilters, PageParams, Paging};
use crate::admission::Decision;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::{ApplicantRequest, RuleChangeRequest, RuleRequest};
use crate::http::revision::{self, IfMatch};
use crate::id::RuleId;
use crate::service::rules::CountedRule;
use crate::store::RuleRecord;

/// A rule in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = AutoApproveRule)]
struct RuleItem {
    #[serde(flatten)]
    rule: RuleRecord,
    /// Number of hosts that the rule admitted and that hold a slot.
    #[schema(example = 12)]
    admitted: u64,
}

impl From<CountedRule> for RuleItem {
    fn from(counted: CountedRule) -> Self {
        Self { rule: counted.record, admitted: counted.admitted }
    }
}

/// The answer with one rule, and its entity tag.
fn shown(status: StatusCode, rule: CountedRule) -> Reply {
    let revision = rule.record.rule.revision;
    revision::tagged(Reply::json(status, &RuleItem::from(rule)), revision)
}

/// List auto-approve rules
///
/// A page of rules, oldest first. The oldest rule that matches and has room admits a host.
#[utoipa::path(
    get,
    path = "/api/v1/auto-approve-rules",
    params(PageParams),
    responses((status = 200, description = "A page of rules.", body = Listed<RuleItem>)),
)]
pub(super) async fn list_rules(call: Call) -> Result<Reply, Problem> {
    let (paging, NoFilters {}) = Paging::read(&call, "auto-approve-rules")?;
    let rules = call.authority.rules.list_rules(paging.query()?).await?;
    Ok(paging.rendered(rules, RuleItem::from))
}

/// Create an auto-approve rule
///
/// The rule must be within the caller's limits. No `allowed_roles` need the limit `roles` at `any`, the cluster `*` needs
/// `clusters`, no `max_nodes` needs `max_uses`, and no `names` need `dns_names`. An example that does not hold is a 400.
#[utoipa::path(
    post,
    path = "/api/v1/auto-approve-rules",
    request_body = RuleRequest,
    responses(
        (status = 201, description = "The rule.", body = RuleItem, headers(("ETag" = String, description = "Revision of the rule, for `If-Match`."))),
        code::BeyondLimits,
        code::TooManyRules,
        code::ClockInDoubt,
    ),
)]
pub(super) async fn create_rule(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<RuleRequest>(&call.body)?;
    let terms = request.judge(&call.authority.roles, faults)?;
    Ok(shown(StatusCode::CREATED, call.authority.rules.create_rule(&call.caller, terms).await?))
}

/// Show an auto-approve rule
#[utoipa::path(
    get,
    path = "/api/v1/auto-approve-rules/{id}",
    params(("id" = RuleId, Path, description = "Id of the rule.")),
    responses((status = 200, description = "The rule.", body = RuleItem, headers(("ETag" = String, description = "Revision of the rule, for `If-Match`.")))),
)]
pub(super) async fn show_rule(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "auto-approve rule", RuleId::parse)?;
    Ok(shown(StatusCode::OK, call.authority.rules.show_rule(id).await?))
}

/// Change an auto-approve rule
///
/// The hosts that it admitted stay. The whole rule must be within the caller's limits, and so must somebody else's rule
/// before the change. An example that does not hold is a 400.
#[utoipa::path(
    patch,
    path = "/api/v1/auto-approve-rules/{id}",
    params(
        ("id" = RuleId, Path, description = "Id of the rule."),
        IfMatch,
    ),
    request_body = RuleChangeRequest,
    responses(
        (status = 200, description = "The changed rule.", body = RuleItem, headers(("ETag" = String, description = "Revision of the rule, for `If-Match`."))),
        code::BeyondLimits,
        code::Stale,
        code::Contended,
    ),
)]
pub(super) async fn change_rule(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "auto-approve rule", RuleId::parse)?;
    let (request, faults) = decode::native::<RuleChangeRequest>(&call.body)?;
    let edit = request.judge(&call.authority.roles, faults)?;
    let IfMatch(expected) = IfMatch::of(&call.head);
    Ok(shown(StatusCode::OK, call.authority.rules.change_rule(&call.caller, id, edit, expected).await?))
}

#[derive(Serialize, ToSchema)]
struct DeletedRule {
    id: RuleId,
}

/// Delete an auto-approve rule
///
/// The hosts that it admitted stay. Somebody else's rule must be within the caller's limits.
#[utoipa::path(
    delete,
    path = "/api/v1/auto-approve-rules/{id}",
    params(
        ("id" = RuleId, Path, description = "Id of the rule."),
        IfMatch,
    ),
    responses(
        (status = 200, description = "Deleted.", body = DeletedRule),
        code::BeyondLimits,
        code::Stale,
        code::Contended,
    ),
)]
pub(super) async fn delete_rule(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "auto-approve rule", RuleId::parse)?;
    let IfMatch(expected) = IfMatch::of(&call.head);
    call.authority.rules.delete_rule(&call.caller, id, expected).await?;
    Ok(Reply::ok(&DeletedRule { id }))
}

/// Try the auto-approve rules
///
/// This changes nothing. The answer has the rule that would admit the host, and the reasons of every other rule.
#[utoipa::path(
    post,
    path = "/api/v1/auto-approve-rules/test",
    request_body = ApplicantRequest,
    responses((status = 200, description = "The decision.", body = Decision)),
)]
pub(super) async fn test_rules(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<ApplicantRequest>(&call.body)?;
    let known = (&*call.authority.roles, &*call.authority.policies.policies);
    let (applicant, policy) = request.judge(known, faults)?;
    Ok(Reply::ok(&call.authority.rules.test_rules(&applicant, policy).await?))
}
