//! `DELETE /api/v1/enrollment-tokens/{id}`: take a token back.

use serde::Deserialize;

use crate::http::api::shapes::Revoked;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;
use crate::service::tokens::HowToRevoke;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Query {
    confirm: Option<String>,
}

pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let Query { confirm } = call.query()?;
    let even_emergency = confirm.as_deref() == Some("emergency");
    let how = HowToRevoke { even_emergency, only_persistent: false };
    let changed = call.authority.revoke_token(&call.caller(), id, how).await?;
    Ok(Reply::ok(&Revoked { id, state: "revoked", changed }))
}
