//! `POST /api/v1/enrollment-tokens`: mint.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::api::bootstrap::outcome;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::MintRequest;
use crate::id::{Fingerprint, TokenId};
use crate::name::Label;
use crate::service::Authority;
use crate::token::{MintedToken, Terms};

/// The install command. The token is pasted into `read`, and is never an argument.
const INSTALL: &str = "read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll";

/// The answer to a mint, with the token.
#[derive(Serialize, ToSchema)]
#[schema(as = MintedEnrollmentToken)]
pub(super) struct NewToken<'a> {
    /// The token; shown once. Its holder can enroll.
    #[schema(example = "eyJhbGciOiJFZERTQSIsImtpZCI6Ii…")]
    token: &'a str,
    token_id: TokenId,
    label: Label,
    #[serde(flatten)]
    terms: &'a Terms,
    /// Fingerprint of the root for the host.
    ca_fingerprint: Fingerprint,
    /// The command to run on the host.
    #[schema(example = "read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll")]
    install_command: String,
}

/// Mint a token
///
/// The token is shown once. Without `ttl` and `expires_at` it expires after 15 minutes; a persistent one is valid until revoked.
#[utoipa::path(
    post,
    path = "/api/v1/enrollment-tokens",
    request_body = MintRequest,
    responses(
        (status = 201, description = "The token; shown once.", body = NewToken<'static>),
        code::BeyondLimits,
        code::Signing,
    ),
)]
pub(in crate::http::api) async fn mint_token(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<MintRequest>(&call.body)?;
    let authority = &call.authority;
    let caller = &call.caller;
    let spans = caller.defaults(authority.settings.spans.load());
    let order = request.judge(&authority.roles, &spans, authority.time.now(), faults)?;
    let label = order.label.clone();
    let minted = authority.minting.mint(caller, order).await;
    metrics::counter!("gatepass_mints_total", "outcome" => outcome(&minted)).increment(1);
    let minted = minted?;
    Ok(Reply::json(StatusCode::CREATED, &shown(authority, &minted, label)))
}

/// The answer for a new token.
pub(super) fn shown(authority: &Authority, minted: &MintedToken, label: Label) -> Value {
    let (grant, root) = (minted.grant(), authority.cas.load().current().root_fingerprint());
    // Without the root in the token, the command names server and CA.
    let mut install_command = match grant.root {
        Some(_) => INSTALL.to_owned(),
        None => format!("{INSTALL} --server {}", authority.trust.issuers().current()),
    };
    if let Some(cluster) = &grant.terms.bindings.cluster {
        install_command.extend([" --cluster ", cluster.as_str()]);
    }
    json!(NewToken {
        token: minted.text().expose(),
        token_id: grant.token.id,
        label,
        terms: &grant.terms,
        ca_fingerprint: root,
        install_command,
    })
}
