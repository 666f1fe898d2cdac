//! `GET /api/v1/enrollment-tokens`: a page of tokens, newest first.

use crate::http::api::paging::{Asked, Listed, asked};
use crate::http::api::shapes::TokenItem;
use crate::http::call::Call;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::TokenWords;
use crate::store::TokenKind;

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
    let page = paging.query()?;
    let (now, retention) = (call.authority.time.now(), call.authority.settings.spans.load().retention);
    let filter = words.judge(TokenKind::Enrollment, now, retention)?;
    let tokens = call.authority.tokens.list_tokens(filter, page).await?;
    Ok(paging.rendered(tokens, |token| TokenItem::new(token, now)))
}
