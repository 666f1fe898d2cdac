//! `POST /api/v1/hosts/{id}/reenrollment-token`: a token that brings one host back.

use http::StatusCode;

use super::create;
use crate::access::Permission;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::metrics;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::ReenrollmentRequest;
use crate::id::HostId;
use crate::store::TokenKind;

/// Mint a re-enrollment token
///
/// It brings this host back with a new key, and no other. Id, name and roles stay, and so does the policy unless another one is
/// given. Former certificates and keys are revoked when it is redeemed. It has one use. The caller needs `tokens:write` too, and
/// limits that cover the host's roles, name, cluster and policies.
#[utoipa::path(
    post,
    path = "/api/v1/hosts/{id}/reenrollment-token",
    params(("id" = HostId, Path, description = "Id of the host.")),
    request_body = ReenrollmentRequest,
    responses(
        (status = 201, description = "The token; shown once.", body = create::NewToken<'static>),
        code::BeyondLimits,
        code::HostEnded,
        code::RolesNotInPolicy,
        code::Signing,
    ),
)]
pub(in crate::http::api) async fn mint_reenrollment_token(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "host", HostId::parse)?;
    call.demand(Permission::WriteTokens)?;
    let (request, faults) = decode::native::<ReenrollmentRequest>(&call.body)?;
    let (authority, caller) = (&call.authority, &call.caller);
    let spans = caller.defaults(authority.settings.spans.load());
    let order = request.judge(&spans, authority.time.now(), faults)?;
    let minted = authority.tokens.mint_reenrollment(caller, id, order, None).await;
    metrics::count("gatepass_mints_total", &minted);
    let (minted, label) = minted?;
    let shown = create::shown(authority, &minted, (label, TokenKind::ReEnrollment), None);
    let shown = shown.with_warning(authority).await;
    Ok(Reply::json(StatusCode::CREATED, &shown))
}
