//! Requests with a host certificate: renew, whoami, leave.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bootstrap::{CSR_EXAMPLE, outcome};
use super::shapes::Identity;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::id::{HostId, Serial};
use crate::name::{DnsName, Role};
use crate::service::renew_after;
use crate::store::CertificateRecord;

#[derive(Deserialize, ToSchema)]
#[schema(as = Renewal)]
struct Request {
    /// A certificate request, PKCS#10 in PEM: P-256, P-384 or Ed25519.
    #[schema(max_length = 8192, example = json!(CSR_EXAMPLE))]
    csr: String,
}

/// Renew a certificate
///
/// With a new key or the same. The certificate has the current roles of the host.
#[utoipa::path(
    post,
    path = "/api/v1/renew",
    operation_id = "renew",
    tag = tags::ENROLLING,
    request_body = Request,
    responses(
        (status = 200, description = "The new certificate.", body = Identity),
        code::Issuing,
        code::TooManyRequests,
    ),
)]
pub(super) async fn renew(call: Call) -> Result<Reply, Problem> {
    let Request { csr } = decode::strict(&call.body)?;
    let enrolled = call.authority.enrollment.renew(&call.caller, call.host()?, &csr).await;
    metrics::counter!("gatepass_renewals_total", "outcome" => outcome(&enrolled)).increment(1);
    Ok(Reply::ok(&Identity::from(enrolled?)))
}

#[derive(Serialize, ToSchema)]
struct WhoAmI<'a> {
    host_id: HostId,
    roles: &'a [Role],
    #[schema(required)]
    name: Option<&'a DnsName>,
    serial: Serial,
    issued_at: Timestamp,
    expires_at: Timestamp,
    renew_after: Timestamp,
}

/// Show the presented certificate
#[utoipa::path(
    get,
    path = "/api/v1/whoami",
    operation_id = "whoami",
    tag = tags::ENROLLING,
    responses((status = 200, description = "The host of the presented certificate.", body = WhoAmI<'static>)),
)]
pub(super) async fn whoami(call: Call) -> Result<Reply, Problem> {
    let host = call.host()?;
    let CertificateRecord { serial, issued_at, not_after, .. } = host.certificate;
    Ok(Reply::ok(&WhoAmI {
        host_id: host.id,
        roles: &host.roles,
        name: host.record.facts.name.as_ref(),
        serial,
        issued_at,
        expires_at: not_after,
        renew_after: renew_after(host.certificate),
    }))
}

#[derive(Serialize, ToSchema)]
struct Left {
    host_id: HostId,
    #[schema(pattern = "^revoked$", example = "revoked")]
    state: &'static str,
}

/// Leave
///
/// The host revokes itself, its certificates and its keys.
#[utoipa::path(
    post,
    path = "/api/v1/leave",
    operation_id = "leave",
    tag = tags::ENROLLING,
    responses((status = 200, description = "Revoked.", body = Left)),
)]
pub(super) async fn leave(call: Call) -> Result<Reply, Problem> {
    let host_id = call.host()?.id;
    call.authority.hosts.revoke_host(&call.caller, host_id).await?;
    Ok(Reply::ok(&Left { host_id, state: "revoked" }))
}
