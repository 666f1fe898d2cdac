//! Settings that may be changed while the authority runs.

use std::collections::BTreeMap;

use http::Method;
use serde::Serialize;

use crate::access::Permission;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::route::Route;
use crate::service::settings::{SettingsRequest, Standing};

/// One setting: what is in force, what the configuration says, and since when it is changed.
#[derive(Serialize)]
struct Shown {
    value: String,
    configured: String,
    changed_at: Option<Timestamp>,
}

fn render(standings: Vec<Standing>) -> Reply {
    let shown = standings.into_iter().map(|standing| {
        let (value, configured) = standing.shown();
        (standing.setting.name(), Shown { value, configured, changed_at: standing.changed_at })
    });
    Reply::ok(&shown.collect::<BTreeMap<_, _>>())
}

/// The rows.
pub(super) fn routes() -> [Route; 2] {
    let path = "/api/v1/settings";
    [
        Route::native(Method::GET, path, Permission::Read, show),
        Route::native(Method::PATCH, path, Permission::Administer, change),
    ]
}

/// `GET /api/v1/settings`.
async fn show(call: Call) -> Result<Reply, Problem> {
    Ok(render(call.authority.setting_standings()))
}

/// `PATCH /api/v1/settings`.
async fn change(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<SettingsRequest>(&call.body)?;
    Ok(render(call.authority.change_settings(&call.caller(), &request, faults).await?))
}
