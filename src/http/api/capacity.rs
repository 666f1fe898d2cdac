//! The node limit and the number of enrolled hosts.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admission::Capacity;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::service::settings::SettingChange;
use crate::service::{Authority, FieldError};
use crate::span::{Setting, SettingValue};
use crate::token::present;

/// The capacity of the fleet.
#[derive(Serialize, ToSchema)]
#[schema(as = Capacity, example = json!(example()))]
pub(super) struct CapacityShown {
    /// Maximum number of enrolled hosts; `null`: unlimited.
    #[schema(required)]
    node_limit: Option<u32>,
    /// Number of hosts that are neither revoked nor lapsed.
    enrolled: u64,
    /// Number of hosts that wait for approval. They hold no slot.
    waiting: u64,
    /// Number of hosts that may still enroll; `null`: unlimited.
    #[schema(required)]
    remaining: Option<u64>,
    /// Warning from 90 % of the limit on.
    #[schema(required)]
    capacity_warning: Option<String>,
}

impl CapacityShown {
    pub(super) fn new(capacity: Capacity, waiting: u64) -> Self {
        let Capacity { node_limit, enrolled } = capacity;
        let (remaining, capacity_warning) = (capacity.remaining(), capacity.warning());
        Self { node_limit, enrolled, waiting, remaining, capacity_warning }
    }

    /// The capacity at this moment.
    pub(super) async fn of(authority: &Authority) -> Result<Self, Problem> {
        let waiting = authority.enrollment.count_waiting().await?.count;
        Ok(Self::new(authority.capacity.show().await?, waiting))
    }
}

fn example() -> Value {
    json!(CapacityShown::new(Capacity { node_limit: Some(100), enrolled: 93 }, 4))
}

/// The body of a change of the node limit. The member must be there: an empty object must not lift the limit.
#[derive(Deserialize, ToSchema)]
#[schema(as = SetCapacityRequest)]
struct NewLimit {
    /// Maximum number of enrolled hosts; `null`: unlimited.
    #[schema(required, value_type = Option<u32>, minimum = 1, maximum = 10_000_000, example = 100)]
    #[serde(default, deserialize_with = "present")]
    node_limit: Option<Option<u64>>,
}

impl NewLimit {
    fn judge(self) -> Result<SettingChange, FieldError> {
        let setting = Setting::NodeLimit;
        let fault = |message: String| FieldError::new(setting.as_str(), message);
        let limit = self
            .node_limit
            .ok_or_else(|| fault("missing: give a number, or null for unlimited".to_owned()))?;
        let (least, most) = setting.bounds();
        let beyond = |_| fault(format!("from {least} to {most}, or null for unlimited"));
        let value = match limit {
            None => SettingValue::Limit(None),
            Some(limit) => setting.parse(&limit.to_string()).map_err(beyond)?,
        };
        Ok((setting, Some(value)))
    }
}

/// Show the capacity
///
/// The node limit, and the number of enrolled hosts: those that are neither revoked nor lapsed.
#[utoipa::path(
    get,
    path = "/api/v1/capacity",
    responses((status = 200, description = "The capacity of the fleet.", body = CapacityShown)),
)]
pub(super) async fn show_capacity(call: Call) -> Result<Reply, Problem> {
    Ok(Reply::ok(&CapacityShown::of(&call.authority).await?))
}

/// Set the node limit
///
/// Effective immediately. Enrolled hosts stay and renew, also over the limit. `PATCH /api/v1/settings` returns to the configured
/// limit.
#[utoipa::path(
    put,
    path = "/api/v1/capacity",
    request_body = NewLimit,
    responses((status = 200, description = "The capacity of the fleet.", body = CapacityShown)),
)]
pub(super) async fn set_capacity(call: Call) -> Result<Reply, Problem> {
    let (request, mut faults) = decode::native::<NewLimit>(&call.body)?;
    let change = request.judge().map_err(|fault| faults.push(fault)).ok();
    call.authority.settings.change(&call.caller, change.into_iter().collect(), faults).await?;
    show_capacity(call).await
}
