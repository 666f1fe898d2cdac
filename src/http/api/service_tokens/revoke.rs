//! `DELETE /api/v1/service-tokens/{id}`: take a service token back.

use crate::http::api::shapes::Revoked;
use crate::http::call::Call;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::id::TokenId;

/// Revoke a service token
///
/// Its entry in the status list says so within 200 ms.
#[utoipa::path(
    delete,
    path = "/api/v1/service-tokens/{id}",
    operation_id = "revoke_service_token",
    tag = tags::SERVICE_TOKENS,
    params(("id" = TokenId, Path, description = "The token's id.")),
    responses((status = 200, description = "It is revoked.", body = Revoked<TokenId>), code::NotFound),
)]
pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let changed = call.authority.tokens.revoke_service_token(&call.caller, id).await?;
    Ok(Reply::ok(&Revoked { id, state: "revoked", changed }))
}
