//! `DELETE /api/v1/enrollment-tokens/{id}`: take a token back, with `hosts=revoke` the hosts that came in by it too.

use serde::{Deserialize, Serialize};

use crate::access::Permission;
use crate::http::api::shapes::Revoked;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;
use crate::service::tokens::HowToRevoke;

/// What becomes of the hosts that tokens admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::http::api) enum TheirHosts {
    /// They are revoked too.
    Revoke,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Query {
    confirm: Option<String>,
    hosts: Option<TheirHosts>,
}

/// What was taken back with hosts.
#[derive(Serialize)]
struct WithHosts {
    #[serde(flatten)]
    token: Revoked<TokenId>,
    hosts_revoked: u64,
}

pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let Query { confirm, hosts } = call.query()?;
    let even_emergency = confirm.as_deref() == Some("emergency");
    if hosts == Some(TheirHosts::Revoke) {
        call.demand(Permission::WriteHosts)?;
        let done = call.authority.revoke_with_hosts(&call.caller(), id, even_emergency).await;
        let (changed, hosts_revoked) = done?;
        return Ok(Reply::ok(&WithHosts { token: Revoked { id, state: "revoked", changed }, hosts_revoked }));
    }
    let how = HowToRevoke { even_emergency, only_persistent: false };
    let changed = call.authority.revoke_token(&call.caller(), id, how).await?;
    Ok(Reply::ok(&Revoked { id, state: "revoked", changed }))
}
