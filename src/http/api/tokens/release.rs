//! `POST /api/v1/enrollment-tokens/{id}/release` and `POST /api/v1/enrollment-tokens/release`: release suspended tokens.

use std::slice;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Permission;
use crate::http::api::shapes::TokenItem;
use crate::http::api::together::{DryRunCount, which};
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::TokenWords;
use crate::http::request::object::object_or_null;
use crate::id::TokenId;
use crate::service::selection::Selection;
use crate::service::together::Which;
use crate::service::tokens::release::{ReleaseOrder, Releases};
use crate::store::{TokenRelease, TokenType};

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ReleaseTokenRequest)]
struct Release {
    /// Number of uses that the token keeps. Required for a token with a use limit; ignored for another one.
    #[schema(minimum = 1, example = 3)]
    uses_left: Option<u32>,
}

/// Release a suspended token
///
/// Hosts can enroll with it again. A token with a use limit keeps `uses_left` uses, at most those that it had left in the
/// backup. The token must be one that the caller could mint. A token that is not suspended does not change.
#[utoipa::path(
    post,
    path = "/api/v1/enrollment-tokens/{id}/release",
    params(("id" = TokenId, Path, description = "Id of the token.")),
    request_body = Release,
    responses(
        (status = 200, description = "The token.", body = TokenItem),
        code::BeyondLimits,
        code::UsesLeftRequired,
        code::TokenEnded,
    ),
)]
pub(in crate::http::api) async fn release_token(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let Release { uses_left } = decode::strict(&call.body)?;
    let tokens = &call.authority.tokens;
    let token = tokens.release_token(&call.caller, id, uses_left).await?;
    let labels = tokens.minter_labels(slice::from_ref(&token)).await?;
    Ok(Reply::ok(&TokenItem::new(token, &labels, call.authority.time.now())))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ReleaseTokensRequest, example = json!({ "all": true, "dry_run": true }))]
struct TokensRelease {
    /// Ids, at most 1000; not together with `filter`.
    #[schema(max_items = 1000)]
    ids: Option<Vec<String>>,
    /// The filter of the list. It matches suspended tokens only.
    #[serde(deserialize_with = "object_or_null")]
    filter: Option<TokenWords>,
    /// Selects all suspended tokens.
    all: bool,
    /// The `selection` of a dry run; required without `ids`.
    #[schema(value_type = Option<String>, example = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")]
    expect: Option<Selection>,
    /// Counts only.
    dry_run: bool,
    /// Number of uses that each token with a use limit keeps.
    #[schema(minimum = 1, example = 1)]
    uses_left: Option<u32>,
}

/// The answer of a release or a dry run.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = BulkRelease)]
enum ReleasedTogether {
    Counted(DryRunCount),
    Done(ReleasedTokens),
}

/// The answer of a release.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkReleaseResult)]
struct ReleasedTokens {
    #[schema(example = false)]
    dry_run: bool,
    /// Number of released tokens.
    #[schema(example = 3)]
    released: u64,
    /// The tokens that were not released.
    refused: Vec<RefusedToken>,
}

/// A token that was not released.
#[derive(Serialize, ToSchema)]
#[schema(as = UnreleasedToken)]
struct RefusedToken {
    id: TokenId,
    outcome: TokenRelease,
}

/// Release many suspended tokens
///
/// Selected by ids, by a filter, or all. Without ids, `tokens:read` and the `selection` of a dry run are required too.
/// A filter does not match tokens beyond the caller's limits. A token that cannot be released is left as it is.
#[utoipa::path(
    post,
    path = "/api/v1/enrollment-tokens/release",
    request_body = TokensRelease,
    responses(
        (status = 200, description = "The outcome, or the number of a dry run.", body = ReleasedTogether),
        code::BeyondLimits,
        code::CountChanged,
    ),
)]
pub(in crate::http::api) async fn release_tokens(call: Call) -> Result<Reply, Problem> {
    let TokensRelease { ids, filter, all, expect, dry_run, uses_left } = decode::strict(&call.body)?;
    if uses_left == Some(0) {
        return Err(Problem::invalid_field("uses_left", "at least 1"));
    }
    let which = which((ids, filter, all), dry_run || expect.is_some(), TokenId::parse)?;
    if matches!(which, Which::Matching(_)) {
        call.demand(Permission::ReadTokens)?;
    }
    let authority = &call.authority;
    let (now, retention) = (authority.time.now(), authority.settings.spans.load().retention);
    let which = which.judged(|words| words.judge(TokenType::Enrollment, now, retention))?;
    let order = ReleaseOrder { which, uses_left, expect };
    if dry_run {
        let counted = authority.tokens.count_releases(&call.caller, &order).await?;
        return Ok(Reply::ok(&ReleasedTogether::Counted(DryRunCount::of(counted, false))));
    }
    let Releases { released, refused } = authority.tokens.release_tokens(&call.caller, &order).await?;
    let refused = refused.into_iter().map(|(id, outcome)| RefusedToken { id, outcome }).collect();
    Ok(Reply::ok(&ReleasedTogether::Done(ReleasedTokens { dry_run, released, refused })))
}
