//! `GET /api/v1/service-tokens`: a page of service tokens, newest first.

use serde::{Deserialize, Serialize};

use crate::http::api::paging::{Asked, Flag, Listed, asked};
use crate::http::api::shapes::ServiceTokenItem;
use crate::http::call::Call;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;

#[derive(Default, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    /// True: include ended tokens.
    #[param(value_type = bool, required = false, default = false, example = true)]
    ended: Flag,
}

/// List service tokens
///
/// A page of service tokens, newest first: live ones; with `ended=true` all.
#[utoipa::path(
    get,
    path = "/api/v1/service-tokens",
    operation_id = "list_service_tokens",
    tag = tags::SERVICE_TOKENS,
    params(Asked, Filters),
    responses((status = 200, description = "A page of tokens.", body = Listed<ServiceTokenItem>), code::InvalidRequest),
)]
pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let (paging, Filters { ended }) = asked(&call, "service-tokens")?;
    let tokens = call.authority.tokens.list_service_tokens(ended.0, paging.query()?).await?;
    let now = call.authority.time.now();
    Ok(paging.rendered(tokens, |token| ServiceTokenItem::new(token, now)))
}
