//! Settings that an admin changes while the authority runs.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::described::described;
use crate::access::Permission;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::SettingsRequest;
use crate::http::route::Route;
use crate::service::settings::Standing;

/// A setting: effective value, configured value, time of the change.
#[derive(Serialize, ToSchema)]
#[schema(as = SettingShown)]
pub(super) struct Shown {
    /// The effective value, a span.
    #[schema(example = "30m")]
    value: String,
    /// The configured value.
    #[schema(example = "15m")]
    configured: String,
    #[schema(required)]
    changed_at: Option<Timestamp>,
}

fn render(standings: Vec<Standing>) -> Reply {
    let shown = standings.into_iter().map(|standing| {
        let (value, configured) = standing.shown();
        (standing.setting.as_str(), Shown { value, configured, changed_at: standing.changed_at })
    });
    Reply::ok(&shown.collect::<BTreeMap<_, _>>())
}

fn example() -> Value {
    json!({ "default_ttl": { "value": "30m", "configured": "15m", "changed_at": "2030-01-31T12:00:00Z" } })
}

/// The rows.
pub(super) fn routes() -> [Route; 2] {
    [
        described!(show).native(Permission::Read, show),
        described!(change).native(Permission::Administer, change),
    ]
}

/// Show the settings
///
/// The settings that can change while the authority runs.
#[utoipa::path(
    get,
    path = "/api/v1/settings",
    operation_id = "show_settings",
    tag = tags::AUTHORITY,
    responses((status = 200, description = "The settings, by name.", body = BTreeMap<String, Shown>, example = json!(example()))),
)]
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    Ok(render(call.authority.settings.standings()))
}

/// Change settings
///
/// Effective immediately. Absent settings stay; `null` returns to the configured value.
#[utoipa::path(
    patch,
    path = "/api/v1/settings",
    operation_id = "change_settings",
    tag = tags::AUTHORITY,
    request_body = SettingsRequest,
    responses(
        (status = 200, description = "The settings, by name.", body = BTreeMap<String, Shown>, example = json!(example())),
        code::BeyondLimits,
    ),
)]
pub(super) async fn change(call: Call) -> Result<Reply, Problem> {
    let (request, mut faults) = decode::native::<SettingsRequest>(&call.body)?;
    let changes = request.parsed(&mut faults);
    Ok(render(call.authority.settings.change(&call.caller, changes, faults).await?))
}
