//! The state of Kibana, which clients ask before anything else.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;

/// The version of Kibana whose API this is.
const VERSION: &str = "9.2.0";

/// The state of the server.
#[derive(Serialize, ToSchema)]
struct KibanaStatus {
    /// Always `gatepass`.
    #[schema(example = "gatepass")]
    name: &'static str,
    version: KibanaVersion,
    status: OverallStatus,
}

#[derive(Serialize, ToSchema)]
struct KibanaVersion {
    /// The version of Kibana whose API is served.
    #[schema(example = "9.2.0")]
    number: &'static str,
}

#[derive(Serialize, ToSchema)]
struct OverallStatus {
    overall: StatusLevel,
}

#[derive(Serialize, ToSchema)]
struct StatusLevel {
    /// Always `available`.
    #[schema(example = "available")]
    level: &'static str,
}

/// Show the state
///
/// Open to anyone: clients read the version before they sign in.
#[utoipa::path(
    get,
    path = "/api/status",
    responses((status = 200, description = "The state.", body = KibanaStatus)),
)]
pub(super) async fn get_status(_: Call) -> Result<Reply, Problem> {
    Ok(Reply::ok(&KibanaStatus {
        name: "gatepass",
        version: KibanaVersion { number: VERSION },
        status: OverallStatus { overall: StatusLevel { level: "available" } },
    }))
}
