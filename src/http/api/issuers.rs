//! External URLs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::{Listed, whole};
use super::shapes::RetirementFacts;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::service::issuers::IssuerNeeds;
use crate::store::IssuerRecord;

/// An external URL of the authority, with the hosts and tokens that need it.
#[derive(Serialize, ToSchema)]
#[schema(as = Issuer)]
struct IssuerItem {
    #[serde(flatten)]
    issuer: IssuerRecord,
    #[serde(flatten)]
    needs: IssuerNeeds,
}

/// List the external URLs
///
/// The URLs accepted in tokens: the current one, and former ones until they are retired. A name must go on resolving until no
/// live host uses its URL.
#[utoipa::path(
    get,
    path = "/api/v1/issuers",
    responses((status = 200, description = "All external URLs.", body = Listed<IssuerItem>)),
)]
pub(super) async fn list_issuers(call: Call) -> Result<Reply, Problem> {
    let issuers = call.authority.trust_admin.list_issuers().await?;
    Ok(whole(issuers.into_iter().map(|(issuer, needs)| IssuerItem { issuer, needs }).collect()))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = RetireIssuerRequest)]
struct IssuerRetirementRequest {
    #[schema(format = "uri", example = "https://gate.example.org")]
    issuer: String,
    /// True: revoke live persistent tokens of the URL, although live hosts may use it.
    #[serde(default)]
    confirm: bool,
}

#[derive(Serialize, ToSchema)]
struct RetiredIssuer {
    #[schema(format = "uri", example = "https://gate.example.org")]
    id: String,
    #[serde(flatten)]
    facts: RetirementFacts,
    /// Number of live hosts that used the URL.
    #[schema(example = 0)]
    live_hosts: u64,
}

/// Retire a former external URL
///
/// Tokens with this URL stop working, and its name leaves the server's certificate. With `confirm`, live persistent ones are
/// revoked. Without it, live persistent tokens and live hosts prevent the retirement.
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
    let retiring = call.authority.trust_admin.retire_issuer(&call.caller, &issuer, confirm);
    let (retired, live_hosts) = retiring.await?;
    Ok(Reply::ok(&RetiredIssuer { id: issuer, facts: retired.into(), live_hosts }))
}
