//! `GET /api/v1/enrollment-tokens`: a page of tokens, newest first.

use serde::Deserialize;

use crate::http::api::paging::{Flag, Limit, page, rendered};
use crate::http::api::shapes::TokenItem;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http::api) struct Query {
    pub(in crate::http::api) limit: Limit,
    pub(in crate::http::api) cursor: Option<String>,
    pub(in crate::http::api) ended: Flag,
}

pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let Query { limit, cursor, ended } = call.query()?;
    let query = page(limit, cursor.as_deref(), TokenId::parse)?;
    let tokens = call.authority.list_tokens(ended.0, query).await?;
    let now = call.authority.now();
    let next = |token: &TokenItem| token.id.to_string();
    Ok(rendered(tokens.into_iter().map(|token| TokenItem::new(token, now)).collect(), limit, next))
}
