//! `DELETE /api/v1/service-tokens/{id}`: take a service token back.

use crate::http::api::shapes::Revoked;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;

pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let changed = call.authority.revoke_service_token(&call.caller(), id).await?;
    Ok(Reply::ok(&Revoked { id, state: "revoked", changed }))
}
