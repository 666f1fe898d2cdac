//! The roles tokens of Elastic Cloud Enterprise. Success codes, field names and error bodies are exact.

pub(in crate::http) mod dialect;

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::dialect::ECE;
use crate::access::Permission;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Code, Problem};
use crate::http::query::decode_query;
use crate::http::reply::Reply;
use crate::http::request::MintRequest;
use crate::http::route::Route;
use crate::id::TokenId;
use crate::name::Role;
use crate::service::tokens::{HowToRevoke, Taken};
use crate::service::{KeysError, RequestError, ServiceError, TokenError};
use crate::token::{MintError, UnverifiedToken};

/// Maximum life of an ephemeral token on these routes, in seconds.
const LONGEST: i64 = 86_400;

const INVALID_REQUEST: &str = "enrollment_tokens.invalid_token_request";
const INVALID_ID: &str = "enrollment_tokens.invalid_token_id";
const NO_KEY: &str = "enrollment_tokens.signing_key_not_found";

/// The rows under both prefixes: curl and Ansible use the first, ecctl the second.
pub fn routes() -> Vec<Route> {
    let tokens = [
        "/api/v1/platform/configuration/security/enrollment-tokens",
        "/api/v1/regions/{region}/platform/configuration/security/enrollment-tokens",
    ];
    let token = [
        "/api/v1/platform/configuration/security/enrollment-tokens/{token}",
        "/api/v1/regions/{region}/platform/configuration/security/enrollment-tokens/{token}",
    ];
    let mut routes = Vec::new();
    for (tokens, token) in tokens.into_iter().zip(token) {
        routes.push(Route::of(&ECE, (Method::POST, tokens), Permission::WriteTokens, create));
        routes.push(Route::of(&ECE, (Method::GET, tokens), Permission::ReadTokens, list));
        routes.push(Route::of(&ECE, (Method::DELETE, token), Permission::WriteTokens, delete));
    }
    routes
}

#[derive(Deserialize)]
struct CreateToken {
    persistent: bool,
    #[serde(default)]
    roles: Option<Vec<String>>,
    #[serde(default)]
    validity_in_seconds: Option<i64>,
}

#[derive(Serialize)]
struct CreatedToken<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<TokenId>,
}

/// `POST …/enrollment-tokens`. Tokens have no use limit here: an ephemeral one serves many hosts for its hour.
async fn create(call: Call) -> Result<Reply, Problem> {
    let request: CreateToken =
        decode::lenient(&call.body).map_err(|problem| problem.compat_code(INVALID_REQUEST))?;
    let authority = &call.authority;
    let mint = mint_request(request, authority.settings.ece_ttl())
        .map_err(|problem| problem.compat_code(INVALID_REQUEST))?;
    let order = mint
        .judge(&authority.roles, &authority.settings.spans.load(), authority.time.now(), Vec::new())
        .map_err(|error| Problem::from(error).compat_code(INVALID_REQUEST))?;
    let minted = authority.minting.mint(&call.caller, order).await.map_err(|error| match error {
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
        roles: roles.unwrap_or_default(),
        persistent,
        ttl,
        max_uses: Some(None),
        ..Default::default()
    })
}

#[derive(Serialize)]
struct TokenList<'a> {
    tokens: Vec<ListedToken<'a>>,
}

#[derive(Serialize)]
struct ListedToken<'a> {
    token_id: TokenId,
    roles: &'a [Role],
}

/// `GET …/enrollment-tokens`: only persistent ones, neither revoked nor expired.
async fn list(call: Call) -> Result<Reply, Problem> {
    let listed = call.authority.tokens.list_persistent_tokens().await?;
    let tokens =
        listed.iter().map(|(token_id, roles)| ListedToken { token_id: *token_id, roles }).collect::<Vec<_>>();
    Ok(Reply::ok(&TokenList { tokens }))
}

/// `DELETE …/enrollment-tokens/{token}`: by id or by the whole token.
async fn delete(call: Call) -> Result<Reply, Problem> {
    let id = id_of(call.head.param("token")).ok_or_else(no_such_token)?;
    let confirmed = decode_query(call.head.raw_query()).contains(&("confirm".into(), "emergency".into()));
    let how = HowToRevoke { even_emergency: confirmed, only_persistent: true, hosts: false };
    match call.authority.tokens.revoke_token(&call.caller, id, how).await {
        Ok(Taken { changed: true, .. }) => Ok(Reply::ok(&json!({}))),
        Ok(Taken { changed: false, .. }) | Err(ServiceError::Request(RequestError::NotFound { .. })) => {
            Err(no_such_token())
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads a token's id from its text without a check of its signature. The id is public, and revoking by id is the
/// caller's right.
fn id_of(text: &str) -> Option<TokenId> {
    TokenId::parse(text).or_else(|| {
        let grant = UnverifiedToken::parse(text).and_then(|token| token.unverified_grant()).ok()?;
        Some(grant.token.id)
    })
}

fn no_such_token() -> Problem {
    Problem::of(Code::NotFound, "no persistent token has this id").compat_code(INVALID_ID)
}
