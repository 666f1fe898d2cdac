//! `GET /api/v1/enrollment-tokens`: a page of tokens, newest first.

use crate::http::api::paging::asked;
use crate::http::api::shapes::TokenItem;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::service::listing::TokenWords;

pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let (paging, words) = asked::<TokenWords>(&call, "enrollment-tokens")?;
    let tokens = call.authority.list_tokens(&words, paging.query()?).await?;
    let now = call.authority.now();
    Ok(paging.rendered(tokens, |token| TokenItem::new(token, now)))
}
