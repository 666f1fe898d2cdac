//! `GET /api/v1/service-tokens/{id}`: one service token.

use crate::http::api::shapes::ServiceTokenItem;
use crate::http::call::Call;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::id::TokenId;

/// Show a service token
#[utoipa::path(
    get,
    path = "/api/v1/service-tokens/{id}",
    operation_id = "show_service_token",
    tag = tags::SERVICE_TOKENS,
    params(("id" = TokenId, Path, description = "Id of the token.")),
    responses((status = 200, description = "The token.", body = ServiceTokenItem), code::NotFound),
)]
pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let token = call.authority.tokens.show_service_token(id).await?;
    Ok(Reply::ok(&ServiceTokenItem::new(token, call.authority.time.now())))
}
