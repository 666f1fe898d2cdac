//! `GET /api/v1/overview`: the state of the authority in one answer.

use serde::Serialize;
use utoipa::ToSchema;

use super::ca::{self, CaStatus};
use super::capacity::CapacityShown;
use super::clock::ClockShown;
use super::operation::Readiness;
use super::shapes::KeyItem;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::service::overview::{DataDirectory, StateCounts};

#[derive(Serialize, ToSchema)]
#[schema(as = Overview)]
struct OverviewShown<'a> {
    /// Version of the server.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// External URL.
    #[schema(format = "uri", example = "https://gate.example.org")]
    url: String,
    #[serde(flatten)]
    readiness: Readiness,
    #[serde(flatten)]
    counts: &'a StateCounts,
    capacity: CapacityShown,
    signing_keys: Vec<KeyItem>,
    ca: CaStatus,
    clock: ClockShown,
    #[serde(flatten)]
    data_directory: DataDirectory,
}

/// Show the overview
///
/// Version, readiness, numbers of hosts and tokens, capacity, signing keys, CA, clock, disk, and secrets of the first start.
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    responses((status = 200, description = "The state of the authority.", body = OverviewShown<'static>)),
)]
pub(super) async fn show_overview(call: Call) -> Result<Reply, Problem> {
    let authority = &call.authority;
    let keys = authority.trust_admin.list_keys().await?;
    Ok(Reply::ok(&OverviewShown {
        version: env!("CARGO_PKG_VERSION"),
        url: authority.trust.issuers().current().to_owned(),
        readiness: Readiness::of(authority),
        counts: &*authority.overview.count().await?,
        capacity: CapacityShown::of(authority).await?,
        signing_keys: keys.into_iter().map(KeyItem::new).collect(),
        ca: ca::status(authority).await?,
        clock: ClockShown::of(authority.time.standing()),
        data_directory: authority.overview.data_directory().await,
    }))
}
