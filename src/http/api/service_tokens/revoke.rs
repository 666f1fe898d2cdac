//! `DELETE /api/v1/service-tokens/{id}`: revoke a service token.

use crate::http::api::shapes::Revoked;
use crate::http::call::Call;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::id::TokenId;

/// Revoke a service token
///
/// The status list shows it within 200 ms.
#[utoipa::path(
    delete,
    path = "/api/v1/service-tokens/{id}",
    operation_id = "revoke_service_token",
    tag = tags::SERVICE_TOKENS,
    params(("id" = TokenId, Path, description = "Id of the token.")),
    responses((status = 200, description = "Revoked.", body = Revoked<TokenId>), code::NotFound),
)]
pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let changed = call.authority.tokens.revoke_service_token(&call.caller, id).await?;
    Ok(Reply::ok(&Revoked { id, state: "revoked", changed }))
}
