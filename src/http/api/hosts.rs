//! Hosts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::{Listed, PageParams, Paging};
use super::shapes::{HostItem, Revoked};
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::HostWords;
use crate::id::HostId;
use crate::name::Role;

/// List hosts
///
/// A page of hosts, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/hosts",
    params(PageParams, HostWords),
    responses((status = 200, description = "A page of hosts.", body = Listed<HostItem>)),
)]
pub(super) async fn list_hosts(call: Call) -> Result<Reply, Problem> {
    let (paging, words) = Paging::read::<HostWords>(&call, "hosts")?;
    let (page, now) = (paging.query()?, call.authority.time.now());
    let hosts = call.authority.hosts.list_hosts(words.judge(now)?, page).await?;
    Ok(paging.rendered(hosts, |host| HostItem::new(host, now)))
}

/// Show a host
#[utoipa::path(
    get,
    path = "/api/v1/hosts/{id}",
    params(("id" = HostId, Path, description = "Id of the host.")),
    responses((status = 200, description = "The host.", body = HostItem)),
)]
pub(super) async fn show_host(call: Call) -> Result<Reply, Problem> {
    let host = call.authority.hosts.show_host(call.id("id", "host", HostId::parse)?).await?;
    Ok(Reply::ok(&HostItem::new(host, call.authority.time.now())))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ChangeHostRequest)]
struct HostChange {
    /// All roles of the host.
    #[schema(value_type = Vec<Role>, max_items = 32)]
    roles: Vec<String>,
    /// True: revoke certificates with a removed role immediately.
    #[serde(default)]
    now: bool,
}

/// Change a host's roles
///
/// Effective with the next certificate. With `now`, certificates with a removed role are revoked immediately. Former and
/// new roles must be within the caller's limits.
#[utoipa::path(
    patch,
    path = "/api/v1/hosts/{id}",
    params(("id" = HostId, Path, description = "Id of the host.")),
    request_body = HostChange,
    responses((status = 200, description = "The changed host.", body = HostItem), code::BeyondLimits, code::HostRevoked),
)]
pub(super) async fn change_host(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "host", HostId::parse)?;
    let HostChange { roles, now } = decode::strict(&call.body)?;
    let host = call.authority.hosts.set_roles(&call.caller, id, &roles, now).await?;
    Ok(Reply::ok(&HostItem::new(host, call.authority.time.now())))
}

#[derive(Serialize, ToSchema)]
struct RevokedHost {
    id: HostId,
    #[serde(flatten)]
    revoked: Revoked,
}

/// Revoke a host
///
/// Its certificates and keys are refused immediately. A caller with limits revokes hosts that its tokens admitted, and
/// hosts within its limits.
#[utoipa::path(
    delete,
    path = "/api/v1/hosts/{id}",
    params(("id" = HostId, Path, description = "Id of the host.")),
    responses((status = 200, description = "Revoked.", body = RevokedHost), code::BeyondLimits),
)]
pub(super) async fn revoke_host(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "host", HostId::parse)?;
    let changed = call.authority.hosts.revoke_host(&call.caller, id).await?;
    Ok(Reply::ok(&RevokedHost { id, revoked: Revoked { state: "revoked", changed } }))
}
