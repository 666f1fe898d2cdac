//! `GET /api/v1/overview`: the state of the authority in one answer.

use serde::Serialize;
use utoipa::ToSchema;

use super::ca::{self, CaStatus};
use super::capacity::CapacityShown;
use super::clock::ClockShown;
use super::operation::Readiness;
use super::outputs::KeysItem;
use super::shapes::KeyItem;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::service::overview::{DataDirectory, StateCounts};
use crate::store::Waiting;

/// The queue of hosts that wait for approval.
#[derive(Serialize, ToSchema)]
#[schema(as = Queue)]
struct QueueShown {
    /// Number of hosts that wait.
    #[schema(example = 2)]
    waiting: u64,
    /// Time of the first request of the oldest one; `null`: none waits.
    #[schema(required)]
    oldest_began_at: Option<Timestamp>,
}

impl From<Waiting> for QueueShown {
    fn from(Waiting { count: waiting, oldest: oldest_began_at }: Waiting) -> Self {
        Self { waiting, oldest_began_at }
    }
}

/// The backups of the authority.
#[derive(Serialize, ToSchema)]
#[schema(as = BackupStanding)]
struct BackupStanding {
    /// Moment of the newest backup; `null`: none was made.
    #[schema(required)]
    newest_at: Option<Timestamp>,
    /// True if `POST /api/v1/backup` has a directory.
    #[schema(example = false)]
    configured: bool,
}

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
    enrollments: QueueShown,
    /// The keys of hosts at all outputs, also at deleted ones.
    output_keys: KeysItem,
    signing_keys: Vec<KeyItem>,
    ca: CaStatus,
    clock: ClockShown,
    backup: BackupStanding,
    #[serde(flatten)]
    data_directory: DataDirectory,
}

/// Show the overview
///
/// Version, readiness, numbers of hosts, tokens and keys at outputs, capacity, and hosts that wait for approval. Then signing
/// keys, CA, clock, newest backup, disk, and secrets of the first start.
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    responses((status = 200, description = "The state of the authority.", body = OverviewShown<'static>)),
)]
pub(super) async fn show_overview(call: Call) -> Result<Reply, Problem> {
    let authority = &call.authority;
    let keys = authority.trust_admin.list_keys().await?;
    let waiting = authority.enrollment.count_waiting().await?;
    Ok(Reply::ok(&OverviewShown {
        version: env!("CARGO_PKG_VERSION"),
        url: authority.trust.issuers().current().to_owned(),
        readiness: Readiness::of(authority),
        counts: &*authority.overview.count().await?,
        capacity: CapacityShown::new(authority.capacity.show().await?, waiting.count),
        enrollments: waiting.into(),
        output_keys: authority.output_keys.count_all().await?.into(),
        signing_keys: keys.into_iter().map(KeyItem::new).collect(),
        ca: ca::status(authority).await?,
        clock: ClockShown::of(authority.time.standing()),
        backup: BackupStanding {
            newest_at: authority.backups.times().backed_up_at,
            configured: authority.backups.terms().directory.is_some(),
        },
        data_directory: authority.overview.data_directory().await,
    }))
}
