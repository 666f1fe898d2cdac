//! `POST /api/v1/service-tokens`: mint.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::http::api::bootstrap::outcome;
use crate::http::api::shapes::StatusEntry;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::ServiceTokenRequest;
use crate::id::TokenId;
use crate::name::{Label, Role};
use crate::token::{MintedToken, ServiceGrant};

/// The answer to a mint, with the token.
#[derive(Serialize, ToSchema)]
#[schema(as = MintedServiceToken)]
struct Minted<'a> {
    /// The token; shown once. Its holder has its roles.
    #[schema(example = "eyJhbGciOiJFZERTQSIsImtpZCI6Ii…")]
    token: &'a str,
    token_id: TokenId,
    /// URI of the service.
    #[schema(format = "uri", example = "https://jobs.example.org")]
    audience: &'a str,
    roles: &'a [Role],
    #[schema(value_type = Label)]
    label: String,
    expires_at: Timestamp,
    /// Status list entry, as in the token's claim.
    status_list: StatusEntry,
}

/// Mint a service token
///
/// It carries roles for one service, one of `tokens.audiences` in the configuration. It always expires; default: 15 minutes.
#[utoipa::path(
    post,
    path = "/api/v1/service-tokens",
    operation_id = "mint_service_token",
    tag = tags::SERVICE_TOKENS,
    request_body = ServiceTokenRequest,
    responses(
        (status = 201, description = "The token; shown once.", body = Minted<'static>,
            headers(("Location" = String, description = "Path of the token."))),
        code::BeyondLimits,
        code::Signing,
    ),
)]
pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
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
    let label = order.label.to_string();
    let minted = authority.minting.mint_service_token(caller, order).await;
    metrics::counter!("gatepass_service_mints_total", "outcome" => outcome(&minted)).increment(1);
    Ok(render(&minted?, label))
}

fn render(minted: &MintedToken<ServiceGrant>, label: String) -> Reply {
    let grant = minted.grant();
    let answer = Minted {
        token: minted.text().expose(),
        token_id: grant.token.id,
        audience: &grant.audience,
        roles: &grant.roles,
        label,
        expires_at: grant.expires_at,
        status_list: StatusEntry::new(&grant.token.issuer, grant.token.status),
    };
    let place = format!("/api/v1/service-tokens/{}", grant.token.id);
    Reply::json(StatusCode::CREATED, &answer).header("location", &place)
}
