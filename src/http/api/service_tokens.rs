//! Service tokens: mint, list, show, revoke.

use std::slice;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::{Listed, PageParams, Paging};
use super::shapes::{Revoked, RevokedToken, ServiceTokenItem, StatusEntry};
use crate::http::call::Call;
use crate::http::decode;
use crate::http::metrics;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::{ServiceTokenRequest, flag, short_id};
use crate::id::TokenId;
use crate::service::RequestError;
use crate::service::tokens::service_tokens::ServiceTokenOrder;
use crate::token::{MintedToken, ServiceGrant};

/// The answer to a mint, with the token.
#[derive(Serialize, ToSchema)]
#[schema(as = MintedServiceToken)]
struct NewServiceToken<'a> {
    /// The token; shown once. Its holder has its roles.
    #[schema(example = "eyJhbGciOiJFZERTQSIsImtpZCI6Ii…")]
    token: &'a str,
    token_id: TokenId,
    #[serde(flatten)]
    terms: &'a ServiceTokenOrder,
    /// Status list entry, as in the token's claim.
    status_list: StatusEntry,
}

/// Mint a service token
///
/// It carries roles for one service, one of `tokens.audiences` in the configuration. It always expires; default: 15 minutes.
#[utoipa::path(
    post,
    path = "/api/v1/service-tokens",
    request_body = ServiceTokenRequest,
    responses(
        (status = 201, description = "The token; shown once.", body = NewServiceToken<'static>,
            headers(("Location" = String, description = "Path of the token."))),
        code::BeyondLimits,
        code::Signing,
    ),
)]
pub(super) async fn mint_service_token(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<ServiceTokenRequest>(&call.body)?;
    let authority = &call.authority;
    let caller = &call.caller;
    let spans = caller.defaults(authority.settings.spans.load());
    let order = request.judge(
        (&authority.roles, &authority.trust.load().audiences),
        &spans,
        authority.time.now(),
        faults,
    )?;
    let minted = authority.minting.mint_service_token(caller, &order).await;
    metrics::count("gatepass_service_mints_total", &minted);
    Ok(render(&minted?, &order))
}

fn render(minted: &MintedToken<ServiceGrant>, terms: &ServiceTokenOrder) -> Reply {
    let grant = minted.grant();
    let answer = NewServiceToken {
        token: minted.text().expose(),
        token_id: grant.token.id,
        terms,
        status_list: StatusEntry::new(&grant.token.issuer, grant.token.status),
    };
    let place = format!("/api/v1/service-tokens/{}", grant.token.id);
    Reply::json(StatusCode::CREATED, &answer).header("location", &place)
}

#[derive(Default, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct Filters {
    /// The last eight digits of the id. Several tokens can share them.
    #[param(example = "4e6f7081")]
    short_id: Option<String>,
    /// True: include ended tokens.
    #[param(default = false, example = true)]
    #[serde(deserialize_with = "flag")]
    ended: Option<bool>,
}

/// List service tokens
///
/// A page of service tokens, newest first: live ones; with `ended=true` all.
#[utoipa::path(
    get,
    path = "/api/v1/service-tokens",
    params(PageParams, Filters),
    responses((status = 200, description = "A page of tokens.", body = Listed<ServiceTokenItem>)),
)]
pub(super) async fn list_service_tokens(call: Call) -> Result<Reply, Problem> {
    let (paging, Filters { short_id: short, ended }) = Paging::read(&call, "service-tokens")?;
    let mut faults = Vec::new();
    let short = short_id(short.as_deref(), &mut faults);
    RequestError::refuse(faults)?;
    let (ended, page) = (ended == Some(true), paging.query()?);
    let tokens = call.authority.tokens.list_service_tokens(short, ended, page).await?;
    let labels = call.authority.tokens.minter_labels(&tokens.items).await?;
    let now = call.authority.time.now();
    Ok(paging.rendered(tokens, |token| ServiceTokenItem::new(token, &labels, now)))
}

/// Show a service token
#[utoipa::path(
    get,
    path = "/api/v1/service-tokens/{id}",
    params(("id" = TokenId, Path, description = "Id of the token.")),
    responses((status = 200, description = "The token.", body = ServiceTokenItem)),
)]
pub(super) async fn show_service_token(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let token = call.authority.tokens.show_service_token(id).await?;
    let labels = call.authority.tokens.minter_labels(slice::from_ref(&token)).await?;
    Ok(Reply::ok(&ServiceTokenItem::new(token, &labels, call.authority.time.now())))
}

/// Revoke a service token
///
/// The status list shows it within 200 ms. A caller with limits revokes its own tokens and those within them.
#[utoipa::path(
    delete,
    path = "/api/v1/service-tokens/{id}",
    params(("id" = TokenId, Path, description = "Id of the token.")),
    responses((status = 200, description = "Revoked.", body = RevokedToken), code::BeyondLimits),
)]
pub(super) async fn revoke_service_token(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let changed = call.authority.tokens.revoke_service_token(&call.caller, id).await?;
    let revoked = Revoked { state: "revoked", changed };
    Ok(Reply::ok(&RevokedToken { id, revoked, hosts_revoked: None }))
}
