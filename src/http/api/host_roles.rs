//! `POST /api/v1/hosts/set-roles`: give many hosts other roles, after a dry run.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::together::{DryRunCount, hosts_order};
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::HostWords;
use crate::http::request::object::object_or_null;
use crate::name::Role;
use crate::service::selection::Selection;
use crate::service::together::Which;

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SetHostRolesRequest, example = json!({
    "roles": ["proxy"], "filter": { "cluster": "eu-1" }, "dry_run": true,
}))]
struct HostsRoles {
    /// All roles of the hosts.
    #[schema(required, value_type = Vec<Role>, max_items = 32)]
    roles: Option<Vec<String>>,
    /// True: revoke certificates with a removed role immediately.
    now: bool,
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

/// The answer of a change of roles or a dry run.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = BulkRoles)]
enum RolesTogether {
    Counted(DryRunCount),
    Done(ChangedCount),
}

/// The answer of a change of roles.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkRolesResult)]
struct ChangedCount {
    #[schema(example = false)]
    dry_run: bool,
    /// Number of hosts that changed.
    #[schema(example = 3)]
    changed: u64,
    /// Number of revoked and deleted hosts, which stay as they are.
    #[schema(example = 0)]
    ended: u64,
    /// Number of unknown ids.
    #[schema(nullable = false, example = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<u64>,
}

/// Set the roles of many hosts
///
/// Effective with their next certificates, or immediately with `now`. Selected by ids, by a filter, or all. Without ids,
/// `hosts:read` and the `selection` of a dry run are required too. A filter does not match hosts beyond the caller's limits. If
/// the policy of a host does not have a new role, no host changes. Hosts that have ended are skipped.
#[utoipa::path(
    post,
    path = "/api/v1/hosts/set-roles",
    request_body = HostsRoles,
    responses(
        (status = 200, description = "The number of hosts that changed, or of a dry run.", body = RolesTogether),
        code::BeyondLimits,
        code::CountChanged,
        code::RolesNotInPolicy,
    ),
)]
pub(super) async fn set_host_roles(call: Call) -> Result<Reply, Problem> {
    let HostsRoles { roles, now, ids, filter, all, expect, dry_run } = decode::strict(&call.body)?;
    let missing = || Problem::invalid_field("roles", "missing: give all roles of the hosts; [] for none");
    let roles = roles.ok_or_else(missing)?;
    let order = hosts_order(&call, (ids, filter, all), dry_run, expect)?;
    let (hosts, caller) = (&call.authority.hosts, &call.caller);
    Ok(Reply::ok(&if dry_run {
        RolesTogether::Counted(DryRunCount::of(hosts.count_roles(caller, &order, &roles).await?, false))
    } else {
        let done = hosts.set_roles_of(caller, &order, (&roles, now)).await?;
        let unknown = matches!(order.which, Which::Ids(_)).then_some(done.unknown);
        RolesTogether::Done(ChangedCount { dry_run, changed: done.changed, ended: done.ended, unknown })
    }))
}
