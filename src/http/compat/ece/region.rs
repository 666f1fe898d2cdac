//! The routes with a region in the path, as ecctl calls them. Any region is accepted.

use super::failed::{InvalidTokenId, SigningKeyNotFound};
use super::{
    CreateToken, CreatedToken, DeletionQuery, EmptyResponse, TOKEN, TOKEN_EXAMPLE, TokenList,
    create_enrollment_token, delete_enrollment_token, get_enrollment_tokens,
};
use crate::http::call::Call;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;

const REGION: &str = "Any region.";

/// Create an enrollment token in a region
///
/// As without a region.
#[utoipa::path(
    post,
    path = "/api/v1/regions/{region}/platform/configuration/security/enrollment-tokens",
    params(("region" = String, Path, description = REGION, example = "ece-region")),
    request_body = CreateToken,
    responses(
        (status = 200, description = "The token.", body = CreatedToken<'static>),
        SigningKeyNotFound,
        code::ClockInDoubt,
    ),
)]
pub(super) async fn create_enrollment_token_in_region(call: Call) -> Result<Reply, Problem> {
    create_enrollment_token(call).await
}

/// List the persistent enrollment tokens in a region
///
/// As without a region.
#[utoipa::path(
    get,
    path = "/api/v1/regions/{region}/platform/configuration/security/enrollment-tokens",
    params(("region" = String, Path, description = REGION, example = "ece-region")),
    responses((status = 200, description = "The tokens.", body = TokenList<'static>)),
)]
pub(super) async fn get_enrollment_tokens_in_region(call: Call) -> Result<Reply, Problem> {
    get_enrollment_tokens(call).await
}

/// Delete an enrollment token in a region
///
/// As without a region.
#[utoipa::path(
    delete,
    path = "/api/v1/regions/{region}/platform/configuration/security/enrollment-tokens/{token}",
    params(
        ("region" = String, Path, description = REGION, example = "ece-region"),
        ("token" = String, Path, description = TOKEN, example = json!(TOKEN_EXAMPLE)),
        DeletionQuery,
    ),
    responses(
        (status = 200, description = "Deleted.", body = EmptyResponse),
        InvalidTokenId,
        code::EmergencyToken,
    ),
)]
pub(super) async fn delete_enrollment_token_in_region(call: Call) -> Result<Reply, Problem> {
    delete_enrollment_token(call).await
}
