//! Requests with a host certificate: renew, whoami, leave.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bootstrap::{CSR_EXAMPLE, outcome};
use super::shapes;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::id::{HostId, Serial};
use crate::store::CertificateRecord;
use crate::wire::{Certified, EnrollAnswer, HostSummary};

#[derive(Deserialize, ToSchema)]
#[schema(as = RenewCertificateRequest)]
struct Renewal {
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
    request_body = Renewal,
    responses(
        (status = 200, description = "The new certificate.", body = EnrollAnswer),
        code::Issuing,
        code::TooManyRequests,
    ),
)]
pub(super) async fn renew_certificate(call: Call) -> Result<Reply, Problem> {
    let Renewal { csr } = decode::strict(&call.body)?;
    let host = call.host()?;
    let reached_url = call.reached_url(host.record.reached_url.as_deref());
    let enrolled = call.authority.enrollment.renew(&call.caller, host, &csr, reached_url.as_deref()).await;
    metrics::counter!("gatepass_renewals_total", "outcome" => outcome(&enrolled)).increment(1);
    Ok(Reply::ok(&shapes::enrolled(&call.authority, enrolled?)))
}

#[derive(Serialize, ToSchema)]
#[schema(as = HostIdentity)]
struct WhoAmI {
    #[serde(flatten)]
    host: HostSummary,
    serial: Serial,
    issued_at: Timestamp,
}

/// Show the presented certificate
#[utoipa::path(
    get,
    path = "/api/v1/whoami",
    responses((status = 200, description = "The host of the presented certificate.", body = WhoAmI)),
)]
pub(super) async fn whoami(call: Call) -> Result<Reply, Problem> {
    let host = call.host()?;
    call.authority.hosts.note_reached(host.id, call.reached_url(host.record.reached_url.as_deref()));
    let certified = Certified { roles: host.roles.clone(), name: host.record.facts.name.clone() };
    let CertificateRecord { serial, issued_at, .. } = host.certificate;
    let host = shapes::summary(&call.authority, host.id, certified, host.certificate);
    Ok(Reply::ok(&WhoAmI { host, serial, issued_at }))
}

#[derive(Serialize, ToSchema)]
struct HostDeparture {
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
    responses((status = 200, description = "Revoked.", body = HostDeparture)),
)]
pub(super) async fn leave(call: Call) -> Result<Reply, Problem> {
    let host_id = call.host()?.id;
    call.authority.hosts.revoke_host(&call.caller, host_id).await?;
    Ok(Reply::ok(&HostDeparture { host_id, state: "revoked" }))
}
