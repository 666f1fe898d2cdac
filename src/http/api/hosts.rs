//! Hosts.

use serde::Deserialize;

use super::paging::asked;
use super::shapes::{HostItem, Revoked};
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::HostId;
use crate::service::listing::HostWords;

/// `GET /api/v1/hosts`: a page of hosts, newest first.
pub(super) async fn list(call: Call) -> Result<Reply, Problem> {
    let (paging, words) = asked::<HostWords>(&call, "hosts")?;
    let hosts = call.authority.list_hosts(&words, paging.query()?).await?;
    let now = call.authority.now();
    Ok(paging.rendered(hosts, |host| HostItem::new(host, now)))
}

/// `GET /api/v1/hosts/{id}`.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let host = call.authority.show_host(call.id("id", "host", HostId::parse)?).await?;
    Ok(Reply::ok(&HostItem::new(host, call.authority.now())))
}

#[derive(Deserialize)]
struct Change {
    roles: Vec<String>,
    #[serde(default)]
    now: bool,
}

/// `PATCH /api/v1/hosts/{id}`: change a host's roles.
pub(super) async fn change(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "host", HostId::parse)?;
    let Change { roles, now } = decode::strict(&call.body)?;
    let host = call.authority.set_roles(&call.caller(), id, &roles, now).await?;
    Ok(Reply::ok(&HostItem::new(host, call.authority.now())))
}

/// `DELETE /api/v1/hosts/{id}`: revoke a host.
pub(super) async fn revoke(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "host", HostId::parse)?;
    let changed = call.authority.revoke_host(&call.caller(), id).await?;
    Ok(Reply::ok(&Revoked { id, state: "revoked", changed }))
}
