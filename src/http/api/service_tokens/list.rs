//! `GET /api/v1/service-tokens`: a page of service tokens, newest first.

use crate::http::api::paging::{page, rendered};
use crate::http::api::shapes::ServiceTokenItem;
use crate::http::api::tokens::list::Query;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;

pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let Query { limit, cursor, ended } = call.query()?;
    let query = page(limit, cursor.as_deref(), TokenId::parse)?;
    let tokens = call.authority.list_service_tokens(ended.0, query).await?;
    let now = call.authority.now();
    let next = |token: &ServiceTokenItem| token.id.to_string();
    Ok(rendered(tokens.into_iter().map(|token| ServiceTokenItem::new(token, now)).collect(), limit, next))
}
