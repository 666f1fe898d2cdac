//! `POST /api/v1/hosts/{id}/release` and `POST /api/v1/hosts/release`: end quarantines.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::hosts::ShownHost;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::revision::IfMatch;
use crate::id::{HostId, Serial};
use crate::store::{HostRelease, KeptCertificate};

/// Maximum number of hosts in a request; more do not fit the body.
const MOST_HOSTS: usize = 500;

#[derive(Deserialize, ToSchema)]
#[schema(as = ReleaseHostRequest)]
struct Release {
    /// Serial number of the certificate that stays: `certificate.serial` or `quarantine.serial` of the host.
    serial: Serial,
}

/// Release a host from quarantine
///
/// The certificate that stays becomes the host's newest. The others are revoked, and their keys stay refused. Roles, name and
/// cluster of the host must be within the caller's limits.
#[utoipa::path(
    post,
    path = "/api/v1/hosts/{id}/release",
    params(
        ("id" = HostId, Path, description = "Id of the host."),
        IfMatch,
    ),
    request_body = Release,
    responses(
        ShownHost,
        code::BeyondLimits,
        code::HostRevoked,
        code::HostNotQuarantined,
        code::Stale,
    ),
)]
pub(super) async fn release_host(call: Call) -> Result<Reply, Problem> {
    let (host, IfMatch(revision)) = (call.id("id", "host", HostId::parse)?, IfMatch::of(&call.head));
    let Release { serial } = decode::strict(&call.body)?;
    let kept = KeptCertificate { host, serial, revision };
    ShownHost::reply(&call, call.authority.hosts.release_host(&call.caller, kept).await?).await
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ReleaseHostsRequest)]
struct Releases {
    /// The hosts, at most 500.
    #[schema(max_items = 500)]
    hosts: Vec<HostToRelease>,
}

/// A host with the certificate that stays.
#[derive(Deserialize, ToSchema)]
struct HostToRelease {
    id: HostId,
    serial: Serial,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReleasedHosts)]
struct ReleasedHosts {
    /// Number of released hosts.
    #[schema(example = 2)]
    released: usize,
    /// The hosts of the request, in its order.
    hosts: Vec<ReleasedHost>,
}

/// The outcome for one host.
#[derive(Serialize, ToSchema)]
struct ReleasedHost {
    id: HostId,
    outcome: HostRelease,
}

/// Release many hosts from quarantine
///
/// Each with the certificate that stays, in one transaction. A host that cannot be released is left as it is, and `outcome`
/// has the reason.
#[utoipa::path(
    post,
    path = "/api/v1/hosts/release",
    request_body = Releases,
    responses((status = 200, description = "The outcome for each host.", body = ReleasedHosts), code::BeyondLimits),
)]
pub(super) async fn release_hosts(call: Call) -> Result<Reply, Problem> {
    let Releases { hosts } = decode::strict(&call.body)?;
    if hosts.len() > MOST_HOSTS {
        return Err(Problem::invalid_field("hosts", "more than 500: send them in several calls"));
    }
    let kept = |HostToRelease { id: host, serial }| KeptCertificate { host, serial, revision: None };
    let hosts = hosts.into_iter().map(kept).collect::<Vec<_>>();
    let outcomes = call.authority.hosts.release_hosts(&call.caller, hosts.clone()).await?;
    let released = outcomes.iter().filter(|outcome| **outcome == HostRelease::Released).count();
    let each = |(kept, outcome): (KeptCertificate, _)| ReleasedHost { id: kept.host, outcome };
    Ok(Reply::ok(&ReleasedHosts { released, hosts: hosts.into_iter().zip(outcomes).map(each).collect() }))
}
