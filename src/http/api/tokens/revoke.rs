//! `DELETE /api/v1/enrollment-tokens/{id}`: revoke a token, with `hosts=revoke` its hosts too.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Permission;
use crate::http::api::shapes::Revoked;
use crate::http::call::Call;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::id::TokenId;
use crate::service::tokens::{HowToRevoke, Taken};
use crate::store::TokenState;

/// The hosts of a revoked token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http::api) enum TheirHosts {
    /// Revokes the hosts too.
    Revoke,
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct Query {
    /// `emergency` revokes the emergency token too.
    #[param(example = "emergency")]
    confirm: Option<String>,
    /// `revoke`: revokes the hosts enrolled with the token too.
    #[param(example = "revoke")]
    hosts: Option<TheirHosts>,
}

/// The answer, with the number of hosts if requested.
#[derive(Serialize, ToSchema)]
#[schema(as = RevokedToken)]
struct WithHosts {
    #[serde(flatten)]
    token: Revoked<TokenId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 3)]
    hosts_revoked: Option<u64>,
}

/// Revoke a token
///
/// No host can enroll with it after the answer. A token without remaining uses does not change. Its hosts stay, unless
/// `hosts=revoke`. The live emergency token needs `confirm=emergency`.
#[utoipa::path(
    delete,
    path = "/api/v1/enrollment-tokens/{id}",
    operation_id = "revoke_token",
    tag = tags::TOKENS,
    params(("id" = TokenId, Path, description = "Id of the token."), Query),
    responses(
        (status = 200, description = "Revoked.", body = WithHosts),
        code::InvalidRequest,
        code::NotFound,
        code::EmergencyToken,
    ),
)]
pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let Query { confirm, hosts } = call.query()?;
    let even_emergency = confirm.as_deref() == Some("emergency");
    let along = hosts == Some(TheirHosts::Revoke);
    if along {
        call.demand(Permission::WriteHosts)?;
    }
    let how = HowToRevoke { even_emergency, only_persistent: false, hosts: along };
    let Taken { changed, hosts } = call.authority.tokens.revoke_token(&call.caller, id, how).await?;
    let state = match changed {
        true => TokenState::Revoked,
        false => call.authority.tokens.show_token(id).await?.state(call.authority.time.now()),
    };
    let token = Revoked { id, state: state.as_str(), changed };
    Ok(Reply::ok(&WithHosts { token, hosts_revoked: along.then_some(hosts) }))
}
