//! `GET /api/v1/service-tokens`: a page of service tokens, newest first.

use serde::{Deserialize, Serialize};

use crate::http::api::paging::{Flag, asked};
use crate::http::api::shapes::ServiceTokenItem;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    ended: Flag,
}

pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let (paging, Filters { ended }) = asked(&call, "service-tokens")?;
    let tokens = call.authority.list_service_tokens(ended.0, paging.query()?).await?;
    let now = call.authority.now();
    Ok(paging.rendered(tokens, |token| ServiceTokenItem::new(token, now)))
}
