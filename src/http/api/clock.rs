//! The clock.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::service::{ClockDoubt, ClockStanding};

#[derive(Serialize, ToSchema)]
#[schema(as = ClockStatus)]
pub(super) struct ClockShown {
    #[schema(pattern = "^(good|behind|ahead)$", example = "good")]
    state: &'static str,
    /// Time of the server's clock.
    wall: Timestamp,
    /// Latest moment of a trusted clock.
    mark: Timestamp,
    /// Description of a fault; empty if the clock is good.
    #[schema(example = "")]
    detail: String,
}

impl ClockShown {
    pub(super) fn of(standing: ClockStanding) -> Self {
        let ClockStanding { wall, mark, doubt } = standing;
        let state = match doubt {
            None => "good",
            Some(ClockDoubt::Behind { .. }) => "behind",
            Some(ClockDoubt::Ahead { .. }) => "ahead",
        };
        Self { state, wall, mark, detail: doubt.map(|doubt| doubt.to_string()).unwrap_or_default() }
    }
}

/// Show the clock
#[utoipa::path(
    get,
    path = "/api/v1/clock",
    responses((status = 200, description = "The current clock.", body = ClockShown)),
)]
pub(super) async fn show_clock(call: Call) -> Result<Reply, Problem> {
    Ok(Reply::ok(&ClockShown::of(call.authority.time.standing())))
}

/// An empty object.
#[derive(Deserialize, ToSchema)]
struct AcceptClockRequest {}

/// Accept the clock
///
/// Use it after a correct jump of the clock: decisions follow the clock again.
#[utoipa::path(
    post,
    path = "/api/v1/clock/accept",
    request_body(content = AcceptClockRequest, example = json!({})),
    responses((status = 200, description = "The current clock.", body = ClockShown), code::Signing),
)]
pub(super) async fn accept_clock(call: Call) -> Result<Reply, Problem> {
    decode::strict::<AcceptClockRequest>(&call.body)?;
    Ok(Reply::ok(&ClockShown::of(call.authority.trust_admin.accept_clock(&call.caller).await?)))
}
