//! `POST /api/v1/verify`: what up to 1000 tokens say.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::route;
use crate::id::TokenId;
use crate::name::Role;
use crate::service::bulk::MOST_TOKENS;
use crate::service::{BadToken, FieldError, GoodToken};
use crate::token::KeyUse;

/// The largest body: as many tokens as there may be, of the greatest length, and what stands around them.
pub(super) const BODY_LIMIT: usize = 4_718_592;

#[derive(Deserialize)]
struct Request {
    tokens: Vec<String>,
    #[serde(default)]
    audience: Option<String>,
}

/// What one token is found to be.
#[derive(Serialize)]
struct Finding {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(flatten)]
    said: Option<Said>,
}

/// What a good one says.
#[derive(Serialize)]
struct Said {
    kind: &'static str,
    token_id: TokenId,
    issuer: String,
    audience: String,
    roles: Vec<Role>,
    expires_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Findings {
    results: Vec<Finding>,
}

pub(super) async fn handle(call: Call) -> Result<Reply, Problem> {
    let Request { tokens, audience } = decoded(call.body).await?;
    let mut faults = Vec::new();
    if !(1..=MOST_TOKENS).contains(&tokens.len()) {
        faults
            .push(FieldError::new("tokens", format!("give 1 to {MOST_TOKENS}; these are {}", tokens.len())));
    }
    let audiences = &call.authority.settings().audiences;
    if audience.as_ref().is_some_and(|asked| !audiences.contains(asked)) {
        faults.push(FieldError::new("audience", "it is none of tokens.audiences in the configuration"));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid_fields(faults));
    }
    let results = call.authority.check_all(tokens, audience).await;
    Ok(Reply::ok(&Findings { results: results.into_iter().map(Finding::from).collect() }))
}

/// A long body is read off the threads that answer requests, as its tokens are checked.
async fn decoded(body: Bytes) -> Result<Request, Problem> {
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
        let said = match result {
            Err(bad) => return Self { valid: false, reason: Some(bad.code()), said: None },
            Ok(GoodToken::Enrollment(grant)) => Said {
                kind: KeyUse::Enrollment.name(),
                token_id: grant.token,
                issuer: grant.issuer.clone(),
                audience: grant.audience(),
                roles: grant.roles.clone(),
                expires_at: grant.expires_at,
            },
            Ok(GoodToken::Service(grant)) => Said {
                kind: KeyUse::Service.name(),
                token_id: grant.token,
                issuer: grant.issuer.clone(),
                audience: grant.audience.clone(),
                roles: grant.roles.clone(),
                expires_at: Some(grant.expires_at),
            },
        };
        Self { valid: true, reason: None, said: Some(said) }
    }
}
