//! Settings that an admin changes while the authority runs.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::SettingsRequest;
use crate::service::settings::Standing;

/// A setting: effective value, configured value, time of the change.
#[derive(Serialize, ToSchema)]
#[schema(as = Setting)]
pub(super) struct SettingShown {
    /// The effective value: a span, a number of hosts or `off`, or an approval mode.
    #[schema(example = "30m")]
    value: String,
    /// The configured value.
    #[schema(example = "15m")]
    configured: String,
    #[schema(required)]
    changed_at: Option<Timestamp>,
}

/// The settings, by name.
#[derive(Serialize, ToSchema)]
struct Settings(BTreeMap<&'static str, SettingShown>);

fn render(standings: Vec<Standing>) -> Reply {
    let shown = standings.into_iter().map(|standing| {
        let Standing { setting, value, configured, changed_at } = standing;
        let (value, configured) = (value.to_string(), configured.to_string());
        (setting.as_str(), SettingShown { value, configured, changed_at })
    });
    Reply::ok(&Settings(shown.collect()))
}

fn example() -> Value {
    json!({ "default_ttl": { "value": "30m", "configured": "15m", "changed_at": "2030-01-31T12:00:00Z" } })
}

/// Show the settings
///
/// The settings that can change while the authority runs.
#[utoipa::path(
    get,
    path = "/api/v1/settings",
    responses((status = 200, description = "The settings, by name.", body = Settings, example = json!(example()))),
)]
pub(super) async fn show_settings(call: Call) -> Result<Reply, Problem> {
    Ok(render(call.authority.settings.standings()))
}

/// Change settings
///
/// Effective immediately. Absent settings stay; `null` returns to the configured value.
#[utoipa::path(
    patch,
    path = "/api/v1/settings",
    request_body = SettingsRequest,
    responses(
        (status = 200, description = "The settings, by name.", body = Settings, example = json!(example())),
        code::BeyondLimits,
    ),
)]
pub(super) async fn change_settings(call: Call) -> Result<Reply, Problem> {
    let (request, mut faults) = decode::native::<SettingsRequest>(&call.body)?;
    let changes = request.parsed(&mut faults);
    Ok(render(call.authority.settings.change(&call.caller, changes, faults).await?))
}
