//! External URLs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::{Listed, whole};
use super::shapes::RetirementFacts;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::store::IssuerRecord;

/// List the external URLs
///
/// The URLs accepted in tokens: the current one, and former ones until they are retired.
#[utoipa::path(
    get,
    path = "/api/v1/issuers",
    responses((status = 200, description = "All external URLs.", body = Listed<IssuerRecord>)),
)]
pub(super) async fn list_issuers(call: Call) -> Result<Reply, Problem> {
    Ok(whole(call.authority.trust_admin.list_issuers().await?))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = RetireIssuerRequest)]
struct IssuerRetirementRequest {
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
    #[serde(flatten)]
    facts: RetirementFacts,
}

/// Retire a former external URL
///
/// Tokens with this URL stop working. With `confirm`, live persistent ones are revoked.
#[utoipa::path(
    post,
    path = "/api/v1/issuers/retire",
    request_body = IssuerRetirementRequest,
    responses(
        (status = 200, description = "Retired.", body = RetiredIssuer),
        code::NotFound,
        code::IssuerNeeded,
        code::IssuerInUse,
        code::KeysUnavailable,
    ),
)]
pub(super) async fn retire_issuer(call: Call) -> Result<Reply, Problem> {
    let IssuerRetirementRequest { issuer, confirm } = decode::strict(&call.body)?;
    let retired = call.authority.trust_admin.retire_issuer(&call.caller, &issuer, confirm).await?;
    Ok(Reply::ok(&RetiredIssuer { id: issuer, facts: retired.into() }))
}
