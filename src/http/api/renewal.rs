//! What a host does with its certificate: renew, ask who it is, leave.

use serde::{Deserialize, Serialize};

use super::bootstrap::outcome;
use super::shapes::Identity;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::{HostId, Serial};
use crate::name::{DnsName, Role};
use crate::service::renew_after;

#[derive(Deserialize)]
struct Request {
    csr: String,
}

/// `POST /api/v1/renew`.
pub(super) async fn renew(call: Call) -> Result<Reply, Problem> {
    let Request { csr } = decode::strict(&call.body)?;
    let enrolled = call.authority.renew(&call.caller(), call.host()?, &csr).await;
    metrics::counter!("gatepass_renewals_total", "outcome" => outcome(&enrolled)).increment(1);
    Ok(Reply::ok(&Identity::from(enrolled?)))
}

#[derive(Serialize)]
struct WhoAmI<'a> {
    host_id: HostId,
    roles: &'a [Role],
    name: Option<&'a DnsName>,
    serial: Serial,
    issued_at: Timestamp,
    expires_at: Timestamp,
    renew_after: Timestamp,
}

/// `GET /api/v1/whoami`: what the presented certificate says.
pub(super) async fn whoami(call: Call) -> Result<Reply, Problem> {
    let host = call.host()?;
    let issued_at = host.issued_at;
    Ok(Reply::ok(&WhoAmI {
        host_id: host.id,
        roles: &host.roles,
        name: host.record.name.as_ref(),
        serial: host.serial,
        issued_at,
        expires_at: host.not_after,
        renew_after: renew_after(issued_at, host.not_after),
    }))
}

#[derive(Serialize)]
struct Left {
    host_id: HostId,
    state: &'static str,
}

/// `POST /api/v1/leave`: the host revokes itself.
pub(super) async fn leave(call: Call) -> Result<Reply, Problem> {
    let host_id = call.host()?.id;
    call.authority.revoke_host(&call.caller(), host_id).await?;
    Ok(Reply::ok(&Left { host_id, state: "revoked" }))
}
