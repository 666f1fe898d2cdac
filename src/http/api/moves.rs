//! `POST /api/v1/hosts/move`: give many hosts another policy, after a dry run.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::hosts::target;
use super::together::{DryRunCount, hosts_order};
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::HostWords;
use crate::http::request::object::object_or_null;
use crate::id::PolicyId;
use crate::service::selection::Selection;
use crate::service::together::Which;
use crate::token::present;

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = MoveHostsRequest, example = json!({
    "policy": null, "filter": { "cluster": "eu-1" }, "dry_run": true,
}))]
struct HostsMove {
    /// Policy of the hosts; `null`: none.
    #[schema(required, value_type = Option<PolicyId>)]
    #[serde(deserialize_with = "present")]
    policy: Option<Option<String>>,
    /// True: roles that the policy does not have are taken from the hosts.
    drop_roles: bool,
    /// Ids, at most 1000; not together with `filter`.
    #[schema(max_items = 1000)]
    ids: Option<Vec<String>>,
    /// The filter of the list.
    #[serde(deserialize_with = "object_or_null")]
    filter: Option<HostWords>,
    /// Selects all.
    all: bool,
    /// The `selection` of a dry run; required without `ids`.
    #[schema(value_type = Option<String>, example = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")]
    expect: Option<Selection>,
    /// Counts only.
    dry_run: bool,
}

/// The answer of a move or a dry run.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = BulkMove)]
enum MovedTogether {
    Counted(DryRunCount),
    Done(MovedCount),
}

/// The answer of a move.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkMoveResult)]
struct MovedCount {
    #[schema(example = false)]
    dry_run: bool,
    /// Number of hosts that changed.
    #[schema(example = 3)]
    moved: u64,
    /// Number of revoked and deleted hosts, which stay as they are.
    #[schema(example = 0)]
    ended: u64,
    /// Number of unknown ids.
    #[schema(nullable = false, example = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<u64>,
}

/// Move many hosts to another policy
///
/// Effective with their next certificates. Selected by ids, by a filter, or all. Without ids, `hosts:read` and the `selection` of
/// a dry run are required too. A filter does not match hosts beyond the caller's limits. If a host has a role that the policy
/// does not have, no host moves, unless `drop_roles` takes the role away. Hosts that have ended are skipped.
#[utoipa::path(
    post,
    path = "/api/v1/hosts/move",
    request_body = HostsMove,
    responses(
        (status = 200, description = "The number of hosts that changed, or of a dry run.", body = MovedTogether),
        code::BeyondLimits,
        code::CountChanged,
        code::RolesNotInPolicy,
    ),
)]
pub(super) async fn move_hosts(call: Call) -> Result<Reply, Problem> {
    let HostsMove { policy, drop_roles, ids, filter, all, expect, dry_run } = decode::strict(&call.body)?;
    let missing = || Problem::invalid_field("policy", "missing: give the id of a policy, or null for none");
    let to = target(policy.ok_or_else(missing)?.as_deref(), drop_roles)?;
    let order = hosts_order(&call, (ids, filter, all), dry_run, expect)?;
    let (hosts, caller) = (&call.authority.hosts, &call.caller);
    Ok(Reply::ok(&if dry_run {
        MovedTogether::Counted(DryRunCount::of(hosts.count_moves(caller, &order, to).await?, false))
    } else {
        let done = hosts.move_hosts(caller, &order, to).await?;
        let unknown = matches!(order.which, Which::Ids(_)).then_some(done.unknown);
        MovedTogether::Done(MovedCount { dry_run, moved: done.moved, ended: done.ended, unknown })
    }))
}
