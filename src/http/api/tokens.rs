//! Enrollment tokens: list, show, revoke, and in their own files mint and rotate.

mod bulk;
pub(super) mod create;
mod idempotency;
pub(super) mod reenrollment;
pub(super) mod release;
pub(super) mod rotate;

use std::slice;

use serde::Deserialize;

use super::paging::{Listed, Ordered, PageParams, Paging};
use super::shapes::{HostItem, Revoke, Revoked, RevokedToken, TokenItem, TokenShown};
use crate::access::Permission;
use crate::http::call::Call;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::{TokenOrderWords, TokenWords};
use crate::id::TokenId;
use crate::service::tokens::{HowToRevoke, Taken};
use crate::store::{TokenState, TokenType};

/// List tokens
///
/// A page of enrollment tokens: live and recently ended ones; with `ended=true` all. The newest is first, unless `sort`
/// is given.
#[utoipa::path(
    get,
    path = "/api/v1/enrollment-tokens",
    params(PageParams, TokenOrderWords, TokenWords),
    responses((status = 200, description = "A page of tokens.", body = Listed<TokenItem>)),
)]
pub(super) async fn list_tokens(call: Call) -> Result<Reply, Problem> {
    let (paging, Ordered { filters, order }) =
        Paging::read_ordered::<TokenWords, TokenOrderWords>(&call, "enrollment-tokens")?;
    let page = paging.query()?;
    let (now, retention) = (call.authority.time.now(), call.authority.settings.spans.load().retention);
    let filter = order.judge(filters.judge(TokenType::Enrollment, now, retention))?;
    let tokens = call.authority.tokens.list_tokens(filter, page).await?;
    let labels = call.authority.tokens.minter_labels(&tokens.items).await?;
    Ok(paging.rendered(tokens, |token| TokenItem::new(token, &labels, now)))
}

/// Show a token
///
/// With its newest hosts, if the caller may read hosts.
#[utoipa::path(
    get,
    path = "/api/v1/enrollment-tokens/{id}",
    params(("id" = TokenId, Path, description = "Id of the token.")),
    responses((status = 200, description = "The token.", body = TokenShown)),
)]
pub(super) async fn show_token(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let token = call.authority.tokens.show_token(id).await?;
    let labels = call.authority.tokens.minter_labels(slice::from_ref(&token)).await?;
    let token = TokenItem::new(token, &labels, call.authority.time.now());
    Ok(Reply::ok(&TokenShown { token, newest_hosts: newest_hosts(&call, id).await? }))
}

/// The newest hosts of a token; `None` if the caller may not read hosts.
async fn newest_hosts(call: &Call, token: TokenId) -> Result<Option<Vec<HostItem>>, Problem> {
    if !call.may(Permission::ReadHosts) {
        return Ok(None);
    }
    let (hosts, now) = (call.authority.hosts.hosts_of(token).await?, call.authority.time.now());
    Ok(Some(hosts.into_iter().map(|host| HostItem::new(host, now)).collect()))
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct RevocationQuery {
    /// `emergency` revokes the emergency token too.
    #[param(example = "emergency")]
    confirm: Option<String>,
    /// `revoke`: revokes the hosts enrolled with the token too.
    #[param(example = "revoke")]
    hosts: Option<Revoke>,
}

/// Revoke a token
///
/// No host can enroll with it after the answer. A token without remaining uses does not change. Its hosts stay, unless
/// `hosts=revoke`. A caller with limits revokes its own tokens and those within them. The live emergency token takes an
/// admin and `confirm=emergency`.
#[utoipa::path(
    delete,
    path = "/api/v1/enrollment-tokens/{id}",
    params(("id" = TokenId, Path, description = "Id of the token."), RevocationQuery),
    responses(
        (status = 200, description = "Revoked.", body = RevokedToken),
        code::BeyondLimits,
        code::EmergencyToken,
    ),
)]
pub(super) async fn revoke_token(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let RevocationQuery { confirm, hosts } = call.query()?;
    let even_emergency = confirm.as_deref() == Some("emergency");
    let along = hosts.is_some();
    if along {
        call.demand(Permission::WriteHosts)?;
    }
    let how = HowToRevoke { even_emergency, only_persistent: false, hosts: along };
    let Taken { changed, hosts } = call.authority.tokens.revoke_token(&call.caller, id, how).await?;
    let state = match changed {
        true => TokenState::Revoked,
        false => call.authority.tokens.show_token(id).await?.state(call.authority.time.now()),
    };
    let revoked = Revoked { state: state.as_str(), changed };
    Ok(Reply::ok(&RevokedToken { id, revoked, hosts_revoked: along.then_some(hosts) }))
}
