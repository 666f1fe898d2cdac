//! External URLs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::{Listed, whole};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;

#[derive(Serialize, ToSchema)]
struct IssuerItem {
    #[schema(format = "uri", example = "https://gate.example.org")]
    id: String,
    current: bool,
    since: Timestamp,
}

/// List the external URLs
///
/// The URLs accepted in tokens: the current one, and former ones until they are retired.
#[utoipa::path(
    get,
    path = "/api/v1/issuers",
    operation_id = "list_issuers",
    tag = tags::AUTHORITY,
    responses((status = 200, description = "All external URLs.", body = Listed<IssuerItem>)),
)]
pub(super) async fn list(call: Call) -> Result<Reply, Problem> {
    let issuers = call.authority.trust_admin.list_issuers().await?.into_iter();
    Ok(whole(
        issuers
            .map(|issuer| IssuerItem { id: issuer.url, current: issuer.current, since: issuer.since })
            .collect(),
    ))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = IssuerRetirement)]
struct Retire {
    #[schema(format = "uri", example = "https://gate.example.org")]
    issuer: String,
    /// True: revoke live persistent tokens of the URL.
    #[serde(default)]
    confirm: bool,
}

#[derive(Serialize, ToSchema)]
struct RetiredIssuer {
    #[schema(format = "uri", example = "https://gate.example.org")]
    id: String,
    #[schema(pattern = "^retired$", example = "retired")]
    state: &'static str,
    /// Number of revoked persistent tokens.
    #[schema(example = 3)]
    tokens_revoked: u64,
    emergency_token_reminted: bool,
}

/// Retire a former external URL
///
/// Tokens with this URL stop working. With `confirm`, live persistent ones are revoked.
#[utoipa::path(
    post,
    path = "/api/v1/issuers/retire",
    operation_id = "retire_issuer",
    tag = tags::AUTHORITY,
    request_body = Retire,
    responses(
        (status = 200, description = "Retired.", body = RetiredIssuer),
        code::NotFound,
        code::IssuerNeeded,
        code::IssuerInUse,
        code::KeysUnavailable,
    ),
)]
pub(super) async fn retire(call: Call) -> Result<Reply, Problem> {
    let Retire { issuer, confirm } = decode::strict(&call.body)?;
    let retired = call.authority.trust_admin.retire_issuer(&call.caller, &issuer, confirm).await?;
    Ok(Reply::ok(&RetiredIssuer {
        id: issuer,
        state: "retired",
        tokens_revoked: retired.tokens,
        emergency_token_reminted: retired.emergency,
    }))
}
