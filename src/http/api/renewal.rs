//! Requests with a host certificate: renew, whoami, leave.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bootstrap::CSR_EXAMPLE;
use super::shapes;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::metrics;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::judge_report;
use crate::id::{HostId, Serial};
use crate::service::HostCaller;
use crate::store::CertificateRecord;
use crate::wire::{CertificateLife, Certified, EnrollAnswer, HostReport, HostSummary};

#[derive(Deserialize, ToSchema)]
#[schema(as = RenewCertificateRequest)]
struct Renewal {
    /// A certificate request, PKCS#10 in PEM: P-256, P-384 or Ed25519.
    #[schema(max_length = 8192, example = json!(CSR_EXAMPLE))]
    csr: String,
}

/// Renew a certificate
///
/// With a new key or the same. The certificate has the current roles of the host. It supersedes the presented one, which
/// is valid for `hosts.overlap` after the first use of the new one.
#[utoipa::path(
    post,
    path = "/api/v1/renew",
    request_body = Renewal,
    responses(
        (status = 200, description = "The new certificate.", body = EnrollAnswer),
        code::NodeLimitExceeded,
        code::Issuing,
        code::TooManyRequests,
    ),
)]
pub(super) async fn renew_certificate(call: Call) -> Result<Reply, Problem> {
    let Renewal { csr } = decode::strict(&call.body)?;
    let host = call.host()?;
    let reached_url = call.reached_url(host.record.reached_url.as_deref());
    let enrolled = call.authority.enrollment.renew(&call.caller, host, &csr, reached_url.as_deref()).await;
    metrics::count("gatepass_renewals_total", &enrolled);
    let enrolled = enrolled?;
    call.authority.hosts.note_contact(&call.caller, host.id, reached_url).await;
    Ok(Reply::ok(&shapes::enrolled(&call.authority, enrolled)))
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
///
/// `renew_after` is not later than now if an administrator changed the host's roles or policy: a renewal brings the change.
#[utoipa::path(
    get,
    path = "/api/v1/whoami",
    responses((status = 200, description = "The host of the presented certificate.", body = WhoAmI)),
)]
pub(super) async fn whoami(call: Call) -> Result<Reply, Problem> {
    let (host, now) = (call.host()?, call.authority.time.now());
    // The last contact is the newest certificate's holder: a copy of the host may hold a superseded one.
    if host.record.is_current(host.certificate.serial) {
        let reached_url = call.reached_url(host.record.reached_url.as_deref());
        call.authority.hosts.note_contact(&call.caller, host.id, reached_url).await;
    }
    let certified = Certified { roles: host.roles.clone(), name: host.record.facts.name.clone() };
    let CertificateRecord { serial, issued_at, .. } = host.certificate;
    let mut summary = shapes::summary(&call.authority, host.id, certified, host.certificate);
    summary.life = life_of(host, now);
    // A host with a wrong clock compares `renew_after` with the date: both are by one clock.
    Ok(Reply::ok(&WhoAmI { host: summary, serial, issued_at }).header("date", &now.to_http_date()))
}

/// Report facts of the host
///
/// Gatepass keeps them for lists, marked as unverified. It decides nothing by them. A new report takes the place of the
/// previous one, at most once a minute. The first reported label stays: only an administrator changes it. The answer is that of
/// `GET`.
#[utoipa::path(
    post,
    path = "/api/v1/whoami",
    request_body = HostReport,
    responses((status = 200, description = "The host of the presented certificate.", body = WhoAmI)),
)]
pub(super) async fn report_host(call: Call) -> Result<Reply, Problem> {
    let (report, faults) = decode::native(&call.body)?;
    let report = judge_report(report, faults)?;
    call.authority.hosts.keep_report(call.host()?, report).await?;
    whoami(call).await
}

/// The life of the presented certificate. A host renews now if the next certificate has other roles or another policy.
pub(super) fn life_of(host: &HostCaller, now: Timestamp) -> CertificateLife {
    let (expires_at, renew_after) = (host.certificate.not_after, host.certificate.renew_after());
    match host.has_former_terms() {
        true => CertificateLife { expires_at, renew_after: renew_after.min(now.whole_second()) },
        false => CertificateLife { expires_at, renew_after },
    }
}

#[derive(Serialize, ToSchema)]
struct HostDeparture {
    host_id: HostId,
    #[schema(pattern = "^revoked$", example = "revoked")]
    state: &'static str,
}

/// Leave
///
/// The host revokes itself, its certificates and its keys. It presents its newest certificate.
#[utoipa::path(
    post,
    path = "/api/v1/leave",
    responses((status = 200, description = "Revoked.", body = HostDeparture)),
)]
pub(super) async fn leave(call: Call) -> Result<Reply, Problem> {
    let host = call.host()?;
    call.authority.hosts.leave(&call.caller, host).await?;
    let host_id = host.id;
    Ok(Reply::ok(&HostDeparture { host_id, state: "revoked" }))
}
