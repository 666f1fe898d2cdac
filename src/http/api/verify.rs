//! `POST /api/v1/verify`: verification of up to 1000 tokens.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shapes::Confirmation;
use crate::access::Permission;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::described::described;
use crate::http::problem::{NATIVE, Problem};
use crate::http::reply::Reply;
use crate::http::route::{self, Route};
use crate::id::{HostId, TokenId};
use crate::name::Role;
use crate::service::verification::bulk::MOST_TOKENS;
use crate::service::{BadToken, FieldError, GoodToken};
use crate::token::KeyUse;

/// Largest body: 1000 tokens of maximum length, with their JSON.
const BODY_LIMIT: usize = 4_718_592;

#[derive(Deserialize, ToSchema)]
#[schema(as = VerifyTokensRequest)]
struct VerificationRequest {
    #[schema(min_items = 1, max_items = 1000, example = json!(["eyJhbGciOiJFZERTQSIsImtpZCI6Ii…"]))]
    tokens: Vec<String>,
    /// The audience that tokens must have; absent: that of the API key, or else any.
    #[schema(example = "https://jobs.example.org")]
    #[serde(default)]
    audience: Option<String>,
}

/// The result for one token.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = TokenVerification)]
enum Finding {
    Good(VerifiedToken),
    Bad(RejectedToken),
}

/// The claims of a valid token.
#[derive(Serialize, ToSchema)]
struct VerifiedToken {
    #[schema(example = true)]
    valid: bool,
    #[schema(value_type = String, pattern = "^(enrollment|service|access)$", example = "service")]
    kind: KeyUse,
    token_id: TokenId,
    #[schema(format = "uri", example = "https://gate.example.org")]
    issuer: String,
    #[schema(example = "https://jobs.example.org")]
    audience: String,
    roles: Vec<Role>,
    /// Expiry; `null`: until revoked.
    #[schema(required)]
    expires_at: Option<Timestamp>,
    /// The host of an access token.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    host_id: Option<HostId>,
    /// The certificate that an access token is bound to. Compare it with the one that the client presented.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

/// The reason that a token is invalid.
#[derive(Serialize, ToSchema)]
struct RejectedToken {
    #[schema(example = false)]
    valid: bool,
    #[schema(pattern = "^token_[a-z_]+$", example = "token_revoked")]
    reason: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TokenVerifications)]
struct Findings {
    results: Vec<Finding>,
}

/// The row.
pub(super) fn route() -> Route {
    let at = described!(ASKING, verify_tokens);
    Route { body_limit: BODY_LIMIT, ..Route::of(&NATIVE, at, Permission::Introspect, verify_tokens) }
}

/// Verify tokens
///
/// Up to 1000 tokens: signature, time and revocation, from memory and from the rows of tokens that are persistent or have
/// a policy. Nothing is written.
#[utoipa::path(
    post,
    path = "/api/v1/verify",
    request_body = VerificationRequest,
    responses((status = 200, description = "A result for each token, in order.", body = Findings)),
)]
pub(super) async fn verify_tokens(mut call: Call) -> Result<Reply, Problem> {
    let VerificationRequest { tokens, audience: asked } = decoded(std::mem::take(&mut call.body)).await?;
    let mut faults = Vec::new();
    if !(1..=MOST_TOKENS).contains(&tokens.len()) {
        faults
            .push(FieldError::new("tokens", format!("give 1 to {MOST_TOKENS}; these are {}", tokens.len())));
    }
    let own = &call.caller.rights.audience;
    let known = || call.authority.trust.load().known_audiences();
    match &asked {
        Some(asked) if own.as_ref().is_some_and(|own| own != asked) => {
            faults.push(FieldError::new("audience", "is not the audience of your API key"));
        }
        Some(asked) if !known().contains(asked) => {
            faults.push(FieldError::new("audience", "is not in tokens.audiences of the configuration"));
        }
        _ => {}
    }
    if !faults.is_empty() {
        return Err(Problem::invalid_fields(faults));
    }
    let audience = asked.or_else(|| own.clone());
    let results = call.authority.authenticator.check_all(tokens, audience).await?;
    Ok(Reply::ok(&Findings { results: results.into_iter().map(Finding::from).collect() }))
}

/// A long body is parsed on another thread, where its tokens are verified too.
async fn decoded(body: Bytes) -> Result<VerificationRequest, Problem> {
    if body.len() <= route::BODY_LIMIT {
        return decode::strict(&body);
    }
    match tokio::task::spawn_blocking(move || decode::strict(&body)).await {
        Ok(request) => request,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

impl From<Result<GoodToken, BadToken>> for Finding {
    fn from(result: Result<GoodToken, BadToken>) -> Self {
        match result {
            Err(bad) => Self::Bad(RejectedToken { valid: false, reason: bad.code() }),
            Ok(good) => Self::Good(VerifiedToken {
                valid: true,
                kind: good.kind(),
                token_id: good.id(),
                issuer: good.issuer().to_owned(),
                audience: good.audience().into_owned(),
                roles: good.roles().to_vec(),
                expires_at: good.times().2,
                host_id: good.access().map(|grant| grant.host),
                cnf: good.access().map(|grant| Confirmation { thumbprint: grant.certificate }),
            }),
        }
    }
}
