//! `GET /api/v1/service-tokens/{id}`: one service token.

use crate::http::api::shapes::ServiceTokenItem;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;

pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let token = call.authority.show_service_token(id).await?;
    Ok(Reply::ok(&ServiceTokenItem::new(token, call.authority.now())))
}
