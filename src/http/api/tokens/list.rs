//! `GET /api/v1/enrollment-tokens`: a page of tokens, newest first.

use crate::http::api::paging::{Asked, Listed, asked};
use crate::http::api::shapes::TokenItem;
use crate::http::call::Call;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::service::listing::TokenWords;

/// List tokens
///
/// A page of enrollment tokens, newest first: live and recently ended ones; with `ended=true` all.
#[utoipa::path(
    get,
    path = "/api/v1/enrollment-tokens",
    operation_id = "list_tokens",
    tag = tags::TOKENS,
    params(Asked, TokenWords),
    responses((status = 200, description = "A page of tokens.", body = Listed<TokenItem>), code::InvalidRequest),
)]
pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let (paging, words) = asked::<TokenWords>(&call, "enrollment-tokens")?;
    let tokens = call.authority.tokens.list_tokens(&words, paging.query()?).await?;
    let now = call.authority.time.now();
    Ok(paging.rendered(tokens, |token| TokenItem::new(token, now)))
}
