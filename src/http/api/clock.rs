//! The clock.

use serde::Serialize;

use super::keys::Nothing;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::service::ClockDoubt;
use crate::service::clock::ClockStanding;

#[derive(Serialize)]
struct Clock {
    state: &'static str,
    wall: Timestamp,
    mark: Timestamp,
    detail: String,
}

fn render(standing: ClockStanding) -> Reply {
    let ClockStanding { wall, mark, doubt } = standing;
    let state = match doubt {
        None => "good",
        Some(ClockDoubt::Behind { .. }) => "behind",
        Some(ClockDoubt::Ahead { .. }) => "ahead",
    };
    Reply::ok(&Clock { state, wall, mark, detail: doubt.map(|doubt| doubt.to_string()).unwrap_or_default() })
}

/// `GET /api/v1/clock`.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    Ok(render(call.authority.clock_standing()))
}

/// `POST /api/v1/clock/accept`.
pub(super) async fn accept(call: Call) -> Result<Reply, Problem> {
    decode::strict::<Nothing>(&call.body)?;
    Ok(render(call.authority.accept_clock(&call.caller()).await?))
}
