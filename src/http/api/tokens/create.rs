//! `POST /api/v1/enrollment-tokens`: mint.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::http::api::bootstrap::outcome;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::MintRequest;
use crate::id::{Fingerprint, Thumbprint, TokenId};
use crate::name::{Cluster, DnsPattern, Label, Role};
use crate::service::Authority;
use crate::token::MintedToken;

/// The install command. The token is pasted into `read`, and is never an argument.
const INSTALL: &str = "read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll";

/// The answer to a mint, with the token.
#[derive(Serialize, ToSchema)]
#[schema(as = MintedToken)]
pub(super) struct Minted<'a> {
    /// The token; shown once. Its holder can enroll.
    #[schema(example = "eyJhbGciOiJFZERTQSIsImtpZCI6Ii…")]
    token: &'a str,
    token_id: TokenId,
    #[schema(value_type = Label)]
    label: String,
    roles: &'a [Role],
    persistent: bool,
    /// Expiry; `null`: until revoked.
    #[schema(required)]
    expires_at: Option<Timestamp>,
    /// Maximum number of uses; `null`: unlimited.
    #[schema(required, minimum = 1, example = 1)]
    max_uses: Option<u32>,
    dns_names: &'a [DnsPattern],
    /// The only key that can redeem the token.
    #[schema(required)]
    key_thumbprint: Option<Thumbprint>,
    /// Cluster of the binding.
    #[schema(required)]
    cluster: Option<&'a Cluster>,
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
    operation_id = "mint_token",
    tag = tags::TOKENS,
    request_body = MintRequest,
    responses(
        (status = 201, description = "The token; shown once.", body = Minted<'static>),
        code::BeyondLimits,
        code::Signing,
    ),
)]
pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<MintRequest>(&call.body)?;
    let authority = &call.authority;
    let caller = &call.caller;
    let spans = caller.defaults(authority.settings.spans.load());
    let order = request.judge(&authority.roles, &spans, authority.time.now(), faults)?;
    let label = order.label.to_string();
    let minted = authority.minting.mint(caller, order).await;
    metrics::counter!("gatepass_mints_total", "outcome" => outcome(&minted)).increment(1);
    let minted = minted?;
    Ok(Reply::json(StatusCode::CREATED, &shown(authority, &minted, label)))
}

/// The answer for a new token.
pub(super) fn shown(authority: &Authority, minted: &MintedToken, label: String) -> Value {
    let (grant, root) = (minted.grant(), authority.cas.load().current().root_fingerprint());
    // Without the root in the token, the command names server and CA.
    let mut install_command = match grant.root {
        Some(_) => INSTALL.to_owned(),
        None => format!("{INSTALL} --server {}", authority.trust.issuers().current()),
    };
    if let Some(cluster) = &grant.terms.bindings.cluster {
        install_command.extend([" --cluster ", cluster.as_str()]);
    }
    json!(Minted {
        token: minted.text().expose(),
        token_id: grant.token.id,
        label,
        roles: &grant.terms.roles,
        persistent: grant.terms.persistent,
        expires_at: grant.terms.expires_at,
        max_uses: grant.terms.max_uses,
        dns_names: &grant.terms.bindings.dns_names,
        key_thumbprint: grant.terms.host_key,
        cluster: grant.terms.bindings.cluster.as_ref(),
        ca_fingerprint: root,
        install_command,
    })
}
