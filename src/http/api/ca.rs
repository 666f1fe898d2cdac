//! The certificate authority.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::id::{Fingerprint, hex};
use crate::service::ca::revocation::CaRevocation;
use crate::service::ca::rotation::Extent;
use crate::service::{Authority, ServiceError};

#[derive(Serialize, ToSchema)]
pub(super) struct CaStatus {
    root: RootCa,
    /// Issuing CAs, the current one first.
    issuing: Vec<IssuingCa>,
    /// Revoked issuing CAs, the newest last.
    revoked: Vec<RevokedIssuingCa>,
    server: ServerCertificate,
    /// Number of live hosts. Each gets its next certificate from the current issuing CA.
    #[schema(example = 120)]
    live_hosts: u64,
    /// Number of live persistent tokens. Each pins the root of its time.
    #[schema(example = 3)]
    live_persistent_tokens: u64,
    /// Upcoming expiries.
    #[schema(example = json!([]))]
    warnings: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct RootCa {
    fingerprint: Fingerprint,
    #[schema(example = "CN=gatepass root")]
    subject: String,
    expires_at: Timestamp,
    /// Place of the private key: in the keys directory, or removed.
    #[schema(pattern = "^(here|removed)$", example = "here")]
    key: &'static str,
}

#[derive(Serialize, ToSchema)]
struct IssuingCa {
    /// Subject key identifier, in hexadecimal; it names the CRL.
    #[schema(pattern = "^[0-9a-f]+$", example = "5f3e1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f")]
    ski: String,
    #[schema(example = "CN=gatepass issuing CA")]
    subject: String,
    expires_at: Timestamp,
    current: bool,
}

#[derive(Serialize, ToSchema)]
struct RevokedIssuingCa {
    /// Subject key identifier, in hexadecimal.
    #[schema(pattern = "^[0-9a-f]+$", example = "5f3e1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f")]
    ski: String,
    revoked_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
struct ServerCertificate {
    #[schema(required)]
    expires_at: Option<Timestamp>,
}

/// Show the CA
#[utoipa::path(
    get,
    path = "/api/v1/ca",
    responses((status = 200, description = "The current CA.", body = CaStatus)),
)]
pub(super) async fn show_ca(call: Call) -> Result<Reply, Problem> {
    Ok(Reply::ok(&status(&call.authority).await?))
}

/// Reads the state of the CA.
pub(super) async fn status(authority: &Authority) -> Result<CaStatus, ServiceError> {
    let cas = authority.cas.load();
    let current = cas.current();
    let issuing = cas.all().enumerate().map(|(place, ca)| IssuingCa {
        ski: hex(ca.issuing_ski()),
        subject: ca.issuing_subject(),
        expires_at: ca.issuing_not_after(),
        current: place == 0,
    });
    let revoked = cas.revoked().iter();
    let revoked = revoked.map(|ca| RevokedIssuingCa { ski: ca.ski.clone(), revoked_at: ca.revoked_at });
    let (live_hosts, live_persistent_tokens) = authority.ca.in_use().await?;
    Ok(CaStatus {
        root: RootCa {
            fingerprint: current.root_fingerprint(),
            subject: current.root_subject(),
            expires_at: current.root_not_after(),
            key: if authority.ca.root_key_here() { "here" } else { "removed" },
        },
        issuing: issuing.collect(),
        revoked: revoked.collect(),
        live_hosts,
        live_persistent_tokens,
        server: ServerCertificate { expires_at: authority.health.server_certificate_expires_at() },
        warnings: authority.health.expiry_warnings(),
    })
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = RotateCaRequest)]
struct CaRotation {
    /// True: create a new root too.
    root: bool,
}

/// Rotate the CA
///
/// Creates an issuing CA under the same root, or with `root` a new root too.
#[utoipa::path(
    post,
    path = "/api/v1/ca/rotate",
    request_body = CaRotation,
    responses(
        (status = 200, description = "The current CA.", body = CaStatus),
        code::RootKeyAway,
        code::RootExpired,
        code::CaImported,
        code::ClockInDoubt,
        code::KeysUnavailable,
    ),
)]
pub(super) async fn rotate_ca(call: Call) -> Result<Reply, Problem> {
    let CaRotation { root } = decode::strict(&call.body)?;
    let extent = if root { Extent::Root } else { Extent::Issuing };
    call.authority.ca.rotate(&call.caller, extent).await?;
    show_ca(call).await
}

#[derive(Deserialize, ToSchema)]
#[schema(as = RevokeIssuingCaRequest)]
struct CaRevocationOrder {
    /// Subject key identifier of the issuing CA, in hexadecimal.
    #[schema(pattern = "^[0-9a-f]+$", example = "5f3e1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f")]
    ski: String,
    /// True: only count the hosts.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Serialize, ToSchema)]
struct RevokedCaHosts {
    /// False if the CA was revoked before.
    changed: bool,
    /// Number of live hosts that are revoked with it.
    #[schema(example = 4)]
    hosts: u64,
}

/// Revoke an issuing CA
///
/// The CRL of its root lists it, its hosts are revoked, and its private key is destroyed. The current issuing CA cannot be
/// revoked.
#[utoipa::path(
    post,
    path = "/api/v1/ca/revoke",
    request_body = CaRevocationOrder,
    responses(
        (status = 200, description = "The number of its hosts.", body = RevokedCaHosts),
        code::NotFound,
        code::RootKeyAway,
        code::IssuingCaInUse,
        code::CaImported,
        code::ClockInDoubt,
        code::KeysUnavailable,
    ),
)]
pub(super) async fn revoke_issuing_ca(call: Call) -> Result<Reply, Problem> {
    let CaRevocationOrder { ski, dry_run } = decode::strict(&call.body)?;
    let ca = &call.authority.ca;
    let CaRevocation { changed, hosts } = match dry_run {
        true => ca.count_revocation(&ski).await?,
        false => ca.revoke(&call.caller, &ski).await?,
    };
    Ok(Reply::ok(&RevokedCaHosts { changed, hosts }))
}
