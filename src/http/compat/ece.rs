//! The roles tokens of Elastic Cloud Enterprise. Success codes, field names and error bodies are exact.

pub(in crate::http) mod dialect;
pub(super) mod failed;
mod region;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use utoipa::ToSchema;

use self::dialect::ECE;
use self::failed::{InvalidTokenId, SigningKeyNotFound};
use crate::access::Permission as P;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::described::rows;
use crate::http::metrics;
use crate::http::problem::{Code, Problem, code};
use crate::http::query::decode_query;
use crate::http::reply::Reply;
use crate::http::request::MintRequest;
use crate::http::route::Route;
use crate::id::TokenId;
use crate::name::Role;
use crate::service::tokens::{HowToRevoke, Taken};
use crate::service::{KeysError, RequestError, ServiceError, TakenBack, TokenError};
use crate::store::TokenKind;
use crate::token::{MintError, UnverifiedToken};

/// Maximum life of an ephemeral token on these routes, in seconds.
const LONGEST: i64 = 86_400;

const INVALID_REQUEST: &str = "enrollment_tokens.invalid_token_request";
const INVALID_ID: &str = "enrollment_tokens.invalid_token_id";
const NO_KEY: &str = "enrollment_tokens.signing_key_not_found";

const TOKEN: &str = "Id of the token, or the whole token.";
const TOKEN_EXAMPLE: &str = "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081";

/// The rows under both prefixes: curl and Ansible use the first, ecctl the second.
pub fn routes() -> Vec<Route> {
    rows! {
        &ECE;
        ROLES_TOKENS {
            P::WriteTokens => create_enrollment_token;
            P::ReadTokens => get_enrollment_tokens;
            P::WriteTokens => delete_enrollment_token;
            P::WriteTokens => region::create_enrollment_token_in_region;
            P::ReadTokens => region::get_enrollment_tokens_in_region;
            P::WriteTokens => region::delete_enrollment_token_in_region;
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = EnrollmentTokenRequest, example = json!({ "persistent": false, "roles": ["allocator"], "validity_in_seconds": 3600 }))]
struct CreateToken {
    /// True: without an expiry.
    persistent: bool,
    /// Roles of the catalogue.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Role>>)]
    roles: Option<Vec<String>>,
    /// Life of an ephemeral token.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 86_400)]
    validity_in_seconds: Option<i64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RequestEnrollmentTokenReply)]
struct CreatedToken<'a> {
    /// The token; shown once.
    #[schema(example = "eyJhbGciOiJFZERTQSIsImtpZCI6Ii…")]
    token: &'a str,
    /// Present for a persistent token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    token_id: Option<TokenId>,
}

/// Create an enrollment token
///
/// Without a use limit: an ephemeral token serves many hosts for its life.
#[utoipa::path(
    post,
    path = "/api/v1/platform/configuration/security/enrollment-tokens",
    request_body = CreateToken,
    responses(
        (status = 200, description = "The token.", body = CreatedToken<'static>),
        SigningKeyNotFound,
        code::ClockInDoubt,
    ),
)]
async fn create_enrollment_token(call: Call) -> Result<Reply, Problem> {
    let request: CreateToken =
        decode::lenient(&call.body).map_err(|problem| problem.compat_code(INVALID_REQUEST))?;
    let authority = &call.authority;
    let mint = mint_request(request, authority.settings.ece_ttl())
        .map_err(|problem| problem.compat_code(INVALID_REQUEST))?;
    let order = mint
        .judge(
            (&authority.roles, &authority.policies.policies),
            &authority.settings.spans.load(),
            authority.time.now(),
            Vec::new(),
        )
        .map_err(|error| Problem::from(error).compat_code(INVALID_REQUEST))?;
    let minted = authority.minting.mint(&call.caller, order).await;
    metrics::count("gatepass_mints_total", &minted);
    let minted = minted.map_err(|error| match error {
        error @ (ServiceError::Keys(KeysError::Malformed(_) | KeysError::Vault(_))
        | ServiceError::Token(TokenError::Mint(MintError::Sign(_)))) => {
            Problem::of(Code::Forbidden, error.to_string()).compat_code(NO_KEY)
        }
        error => error.into(),
    })?;
    let token_id = minted.grant().terms.persistent.then_some(minted.grant().token.id);
    Ok(Reply::ok(&CreatedToken { token: minted.text().expose(), token_id }))
}

fn mint_request(request: CreateToken, default_ttl: Duration) -> Result<MintRequest, Problem> {
    let CreateToken { persistent, roles, validity_in_seconds } = request;
    let ttl = match validity_in_seconds {
        _ if persistent => None,
        None => Some(format!("{}s", default_ttl.as_secs())),
        Some(seconds) if (1..=LONGEST).contains(&seconds) => Some(format!("{seconds}s")),
        Some(_) => {
            let message = format!("from 1 to {LONGEST}");
            return Err(Problem::invalid_field("validity_in_seconds", message));
        }
    };
    Ok(MintRequest {
        roles,
        preset: Some(TokenKind::Roles.as_str().to_owned()),
        persistent: Some(persistent),
        ttl,
        ..Default::default()
    })
}

#[derive(Serialize, ToSchema)]
#[schema(as = ListEnrollmentTokenReply)]
struct TokenList<'a> {
    tokens: Vec<ListedToken<'a>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ListEnrollmentTokenElement)]
struct ListedToken<'a> {
    token_id: TokenId,
    roles: &'a [Role],
}

/// List the persistent enrollment tokens
///
/// Only those that are neither revoked nor expired.
#[utoipa::path(
    get,
    path = "/api/v1/platform/configuration/security/enrollment-tokens",
    responses((status = 200, description = "The tokens.", body = TokenList<'static>)),
)]
async fn get_enrollment_tokens(call: Call) -> Result<Reply, Problem> {
    let listed = call.authority.tokens.list_persistent_tokens().await?;
    let tokens =
        listed.iter().map(|(token_id, roles)| ListedToken { token_id: *token_id, roles }).collect::<Vec<_>>();
    Ok(Reply::ok(&TokenList { tokens }))
}

/// An empty object.
#[derive(Serialize, ToSchema)]
struct EmptyResponse {}

#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query")]
struct DeletionQuery {
    /// `emergency` deletes the emergency token too.
    #[param(example = "emergency")]
    confirm: Option<String>,
}

/// Delete an enrollment token
///
/// By its id or by the whole token. An API key with limits deletes by the id only what lies within them. The emergency
/// token takes an admin and `confirm=emergency`.
#[utoipa::path(
    delete,
    path = "/api/v1/platform/configuration/security/enrollment-tokens/{token}",
    params(("token" = String, Path, description = TOKEN, example = json!(TOKEN_EXAMPLE)), DeletionQuery),
    responses(
        (status = 200, description = "Deleted.", body = EmptyResponse),
        InvalidTokenId,
        code::BeyondLimits,
        code::EmergencyToken,
    ),
)]
async fn delete_enrollment_token(call: Call) -> Result<Reply, Problem> {
    let text = call.head.param("token");
    let confirmed = decode_query(call.head.raw_query())?.contains(&("confirm".into(), "emergency".into()));
    let how = HowToRevoke { even_emergency: confirmed, only_persistent: true, hosts: false };
    let (tokens, caller) = (&call.authority.tokens, &call.caller);
    let taken = match tokens.take_back(caller, text, how).await? {
        TakenBack::Revoked(taken) => Ok(taken),
        TakenBack::NotOurs | TakenBack::OtherKind => {
            tokens.revoke_token(caller, id_of(text).ok_or_else(no_such_token)?, how).await
        }
    };
    match taken {
        Ok(Taken { changed: true, .. }) => Ok(Reply::ok(&EmptyResponse {})),
        Ok(Taken { changed: false, .. }) | Err(ServiceError::Request(RequestError::NotFound { .. })) => {
            Err(no_such_token())
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads a token's id from its text without a check of its signature. The id is public: the caller's limits are judged.
fn id_of(text: &str) -> Option<TokenId> {
    TokenId::parse(text).or_else(|| {
        let grant = UnverifiedToken::parse(text).and_then(|token| token.unverified_grant()).ok()?;
        Some(grant.token.id)
    })
}

fn no_such_token() -> Problem {
    Problem::of(Code::NotFound, "no persistent token has this id").compat_code(INVALID_ID)
}
