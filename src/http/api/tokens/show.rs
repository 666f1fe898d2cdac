//! `GET /api/v1/enrollment-tokens/{id}`: one token.

use crate::http::api::shapes::TokenItem;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;

pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let token = call.authority.show_token(id).await?;
    Ok(Reply::ok(&TokenItem::new(token, call.authority.now())))
}
