//! `POST /api/v1/enrollment-tokens`: mint.

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::bulk::{self, RepeatedMint};
use super::idempotency;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::metrics;
use crate::http::problem::{Code, Problem, code};
use crate::http::reply::Reply;
use crate::http::request::MintRequest;
use crate::http::route::HttpResponse;
use crate::id::{BatchId, Fingerprint, TokenId};
use crate::name::Label;
use crate::service::installation::ENROLL;
use crate::service::tokens::bulk::Idempotency;
use crate::service::tokens::mint::first_token_label;
use crate::service::tokens::order::MintOrder;
use crate::service::{Authority, Caller};
use crate::store::TokenKind;
use crate::token::{MintedToken, Terms};

/// The answer to a mint, with the token.
#[derive(Serialize, ToSchema)]
#[schema(as = MintedEnrollmentToken)]
pub(in crate::http::api) struct NewToken<'a> {
    /// The token; shown once. Its holder can enroll.
    #[schema(example = "eyJhbGciOiJFZERTQSIsImtpZCI6Ii…")]
    token: &'a str,
    token_id: TokenId,
    label: Label,
    kind: TokenKind,
    /// The batch it was minted in, by a bulk mint or with an idempotency key.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<BatchId>,
    #[serde(flatten)]
    terms: &'a Terms,
    /// Fingerprint of the root for the host.
    ca_fingerprint: Fingerprint,
    /// The command to run on the host.
    #[schema(example = "read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll")]
    install_command: String,
    /// Warning from 90 % of the node limit on; absent below.
    #[schema(
        nullable = false,
        example = "93 of 100 hosts enrolled, 7 slots left: raise node_limit before enrolling more"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity_warning: Option<String>,
}

impl NewToken<'_> {
    /// The same answer, with the warning of the capacity.
    pub(in crate::http::api) async fn with_warning(self, authority: &Authority) -> Self {
        Self { capacity_warning: authority.capacity.warning().await, ..self }
    }
}

/// Mint a token, or many
///
/// A token is shown once. Without `preset`, `ttl` and `expires_at` it expires after 15 minutes; a persistent one is valid
/// until revoked.
///
/// With `count`, the answer is JSON Lines: an answer per token, and a last line with `count` and `batch`. If minting fails midway,
/// the last line is a problem with the same members. Without a last line the answer was cut. Lists and revocations select the
/// tokens by `batch`. One bulk mint per caller and two in all run at a time.
///
/// A request that is sent again with its `Idempotency-Key` within a day mints nothing: the answer has the ids of the tokens. The
/// last 1000 keys of a caller are kept.
#[utoipa::path(
    post,
    path = "/api/v1/enrollment-tokens",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "A key of the caller's choice, such as a UUID, for a request that may be sent again.",
        example = "8e03978e-40d5-43dd-bc93-6894a57f9324", min_length = 1, max_length = 255)),
    request_body = MintRequest,
    responses(
        (status = 201, description = "The token, or the tokens; shown once.", content(
            (NewToken<'static> = "application/json"),
            (String = "application/jsonl", example = json!(bulk::EXAMPLE)),
        )),
        (status = 200, description = "The request was sent before; nothing is minted.", body = RepeatedMint),
        code::BeyondLimits,
        code::IdempotencyConflict,
        code::TooManyRequests,
        code::Signing,
        code::Contended,
    ),
)]
pub(in crate::http::api) async fn mint_token(call: Call) -> Result<HttpResponse, Problem> {
    let (request, mut faults) = decode::native::<MintRequest>(&call.body)?;
    let (authority, caller) = (&call.authority, &call.caller);
    let once = idempotency::of(&call)?;
    let asked = request.count;
    if let Some(repeated) = repeated(&call, once, asked).await? {
        return Ok(repeated);
    }
    let spans = caller.defaults(authority.settings.spans.load());
    let many = request.bulk(&mut faults);
    let known = (&*authority.roles, &*authority.policies.policies);
    let order = request.judge(known, &spans, authority.time.now(), faults)?;
    let minted = match many {
        Some(count) => mint_many(&call, order, count, once).await,
        None => mint_one(authority, caller, order, once).await,
    };
    match minted {
        // Another request with the key may have been faster.
        Err(problem) if problem.code == Code::Contended => repeated(&call, once, asked).await?.ok_or(problem),
        minted => minted,
    }
}

/// The answer to a request that was sent before with its idempotency key.
async fn repeated(
    call: &Call,
    once: Option<Idempotency>,
    asked: Option<i64>,
) -> Result<Option<HttpResponse>, Problem> {
    let Some(once) = once else { return Ok(None) };
    let batch = call.authority.minting.earlier_batch(&call.caller, once).await?;
    Ok(batch.map(|batch| Reply::ok(&RepeatedMint::new(batch, asked)).into()))
}

/// Begins a bulk mint.
async fn mint_many(
    call: &Call,
    order: MintOrder,
    count: u32,
    once: Option<Idempotency>,
) -> Result<HttpResponse, Problem> {
    let facts = (order.label.clone(), order.kind);
    let batch = call.authority.minting.bulk(&call.caller, order, count, once)?;
    bulk::answer(Arc::clone(&call.authority), batch, facts, call.caller.request).await
}

/// Mints one token. With an idempotency key it is a batch of one.
async fn mint_one(
    authority: &Authority,
    caller: &Caller,
    order: MintOrder,
    once: Option<Idempotency>,
) -> Result<HttpResponse, Problem> {
    let facts = (order.label.clone(), order.kind);
    let minted = match once {
        Some(once) => {
            authority.minting.mint_once(caller, order, once).await.map(|(token, id)| (token, Some(id)))
        }
        None => authority.minting.mint(caller, order).await.map(|token| (token, None)),
    };
    metrics::count("gatepass_mints_total", &minted);
    let (token, batch) = minted?;
    let shown = shown(authority, &token, facts, batch).with_warning(authority).await;
    Ok(Reply::json(StatusCode::CREATED, &shown).into())
}

/// The answer for a policy's first token.
pub(in crate::http::api) fn shown_first<'a>(authority: &Authority, minted: &'a MintedToken) -> NewToken<'a> {
    shown(authority, minted, (first_token_label(), TokenKind::Policy), None)
}

/// The answer for a new token.
pub(super) fn shown<'a>(
    authority: &Authority,
    minted: &'a MintedToken,
    (label, kind): (Label, TokenKind),
    batch: Option<BatchId>,
) -> NewToken<'a> {
    let (grant, root) = (minted.grant(), authority.cas.load().current().root_fingerprint());
    // Without the root in the token, the command names server and CA.
    let mut install_command = match grant.root {
        Some(_) => ENROLL.to_owned(),
        None => format!("{ENROLL} --server {}", authority.trust.issuers().current()),
    };
    if let Some(cluster) =
        grant.terms.bindings.cluster.as_ref().filter(|_| grant.terms.bindings.host.is_none())
    {
        install_command.extend([" --cluster ", cluster.as_str()]);
    }
    NewToken {
        token: minted.text().expose(),
        token_id: grant.token.id,
        label,
        kind,
        batch,
        terms: &grant.terms,
        ca_fingerprint: root,
        install_command,
        capacity_warning: None,
    }
}
