//! `GET /api/v1/enrollment-tokens/{id}`: one token and its newest hosts.

use crate::access::Permission;
use crate::http::api::shapes::{HostItem, TokenItem, TokenShown};
use crate::http::call::Call;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::id::TokenId;

/// Show a token
///
/// With its newest hosts, if the caller may read hosts.
#[utoipa::path(
    get,
    path = "/api/v1/enrollment-tokens/{id}",
    operation_id = "show_token",
    tag = tags::TOKENS,
    params(("id" = TokenId, Path, description = "Id of the token.")),
    responses((status = 200, description = "The token.", body = TokenShown), code::NotFound),
)]
pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let (token, now) = (call.authority.tokens.show_token(id).await?, call.authority.time.now());
    let newest_hosts = match call.may(Permission::ReadHosts) {
        true => Some(
            call.authority
                .hosts
                .hosts_of(id)
                .await?
                .into_iter()
                .map(|host| HostItem::new(host, now))
                .collect(),
        ),
        false => None,
    };
    Ok(Reply::ok(&TokenShown { token: TokenItem::new(token, now), newest_hosts }))
}
