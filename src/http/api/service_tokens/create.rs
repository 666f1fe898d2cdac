//! `POST /api/v1/service-tokens`: mint.

use http::StatusCode;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::http::api::bootstrap::outcome;
use crate::http::api::shapes::StatusEntry;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;
use crate::name::Role;
use crate::service::service_tokens::ServiceTokenRequest;
use crate::token::{MintedToken, ServiceGrant};

/// The answer to a mint. The token is in it this once.
#[derive(Serialize)]
struct Minted<'a> {
    token: &'a str,
    token_id: TokenId,
    audience: &'a str,
    roles: &'a [Role],
    label: String,
    expires_at: Timestamp,
    status_list: StatusEntry,
}

pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<ServiceTokenRequest>(&call.body)?;
    let authority = &call.authority;
    let order = request.judge(authority.settings(), &authority.spans(), authority.now(), faults)?;
    let label = order.label.to_string();
    let minted = authority.mint_service_token(&call.caller(), order).await;
    metrics::counter!("gatepass_service_mints_total", "outcome" => outcome(&minted)).increment(1);
    Ok(render(&minted?, label))
}

fn render(minted: &MintedToken<ServiceGrant>, label: String) -> Reply {
    let grant = minted.grant();
    let answer = Minted {
        token: minted.text().expose(),
        token_id: grant.token,
        audience: &grant.audience,
        roles: &grant.roles,
        label,
        expires_at: grant.expires_at,
        status_list: StatusEntry::new(&grant.issuer, grant.status),
    };
    let place = format!("/api/v1/service-tokens/{}", grant.token);
    Reply::json(StatusCode::CREATED, &answer).header("location", &place)
}
