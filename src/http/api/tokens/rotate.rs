//! `POST /api/v1/enrollment-tokens/{id}/rotate`: a successor with the same grant.

use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{create, newest_hosts};
use crate::clock::Timestamp;
use crate::http::api::shapes::HostItem;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::id::TokenId;
use crate::service::tokens::rotation::{OVERLAP, Rotated};
use crate::service::{FieldError, RequestError};
use crate::span::parse_span;

/// The body of a rotation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = RotateTokenRequest)]
struct RotateRequest {
    /// The overlap, such as `24h`; `0s` revokes the token immediately.
    #[schema(pattern = "^[0-9]+[smhd]$", example = "24h")]
    overlap: Option<String>,
}

impl RotateRequest {
    /// The overlap; `None` revokes the token immediately.
    fn judge(&self) -> Result<Option<Duration>, RequestError> {
        match self.overlap.as_deref() {
            None => Ok(Some(OVERLAP)),
            // No other field accepts an empty span.
            Some("0s") => Ok(None),
            Some(text) => parse_span(text).map(Some).map_err(|error| {
                let fault = FieldError::new("overlap", format!("{error}; 0s is at once"));
                RequestError::Fields(vec![fault])
            }),
        }
    }
}

/// The successor, and the end of the old token.
#[derive(Serialize, ToSchema)]
#[schema(as = RotatedEnrollmentToken)]
struct RotatedToken {
    #[schema(value_type = create::NewToken<'static>)]
    #[serde(flatten)]
    minted: Value,
    /// Id of the old token.
    replaces: TokenId,
    /// Time at which the old token is revoked.
    revokes_at: Timestamp,
    /// The newest hosts of the old token; absent if the caller may not read hosts.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    newest_hosts: Option<Vec<HostItem>>,
}

/// Rotate a token
///
/// Mints a successor with the same grant, and revokes the old token after the overlap.
#[utoipa::path(
    post,
    path = "/api/v1/enrollment-tokens/{id}/rotate",
    params(("id" = TokenId, Path, description = "Id of the token.")),
    request_body = RotateRequest,
    responses(
        (status = 201, description = "The successor; shown once.", body = RotatedToken),
        code::BeyondLimits,
        code::AlreadyRotated,
        code::EmergencyToken,
        code::TokenEnded,
        code::Signing,
    ),
)]
pub(in crate::http::api) async fn rotate_token(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let overlap = decode::strict::<RotateRequest>(&call.body)?.judge()?;
    let authority = &call.authority;
    let Rotated { minted, order, revokes_at } =
        authority.tokens.rotate_token(&call.caller, id, overlap).await?;
    let newest_hosts = newest_hosts(&call, id).await?;
    let minted = create::shown(authority, &minted, (order.label, order.kind), None);
    let minted = json!(minted.with_warning(authority).await);
    Ok(Reply::json(StatusCode::CREATED, &RotatedToken { minted, replaces: id, revokes_at, newest_hosts }))
}
