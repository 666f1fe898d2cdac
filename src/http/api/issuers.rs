//! External URLs.

use serde::{Deserialize, Serialize};

use super::paging::whole;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;

#[derive(Serialize)]
struct IssuerItem {
    id: String,
    current: bool,
    since: Timestamp,
}

/// `GET /api/v1/issuers`.
pub(super) async fn list(call: Call) -> Result<Reply, Problem> {
    let issuers = call.authority.list_issuers().await?.into_iter();
    Ok(whole(
        issuers
            .map(|issuer| IssuerItem { id: issuer.url, current: issuer.current, since: issuer.since })
            .collect(),
    ))
}

#[derive(Deserialize)]
struct Retire {
    issuer: String,
    #[serde(default)]
    confirm: bool,
}

#[derive(Serialize)]
struct RetiredIssuer {
    id: String,
    state: &'static str,
    tokens_revoked: u64,
    emergency_token_reminted: bool,
}

/// `POST /api/v1/issuers/retire`.
pub(super) async fn retire(call: Call) -> Result<Reply, Problem> {
    let Retire { issuer, confirm } = decode::strict(&call.body)?;
    let retired = call.authority.retire_issuer(&call.caller(), &issuer, confirm).await?;
    Ok(Reply::ok(&RetiredIssuer {
        id: issuer,
        state: "retired",
        tokens_revoked: retired.tokens,
        emergency_token_reminted: retired.emergency,
    }))
}
