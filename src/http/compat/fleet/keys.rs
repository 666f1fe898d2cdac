//! Enrollment tokens, which Elastic Fleet calls enrollment API keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::expect_xsrf;
use super::expiry::expiry;
use super::failed::{NameTaken, NoSuchPolicy, NoSuchToken};
use super::kuery;
use super::paging::{ListQuery, PageFacts, Query};
use super::selection::filter;
use super::shapes::EnrollmentApiKey;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::metrics;
use crate::http::problem::{Code, Problem, code};
use crate::http::reply::Reply;
use crate::id::{PolicyId, TokenId};
use crate::name::Label;
use crate::service::FieldError;
use crate::service::fleet::{FleetMinting, MOST_DELETED};

/// Maximum number of characters of a request's text in a sentence.
const MOST_ECHOED: usize = 256;

const ID: &str = "Id of the token.";

/// A page of tokens: `items` and `list` are the same.
#[derive(Serialize, ToSchema)]
struct TokenPage<'a> {
    items: &'a [EnrollmentApiKey],
    list: &'a [EnrollmentApiKey],
    #[serde(flatten)]
    page: PageFacts,
}

/// List enrollment tokens
///
/// Newest first, with those that were deleted and are not collected yet. `kuery` has terms of `policy_id`, `active`, `name` and
/// `api_key_id`.
#[utoipa::path(
    get,
    path = "/api/fleet/enrollment_api_keys",
    params(ListQuery),
    responses((status = 200, description = "A page of tokens.", body = TokenPage<'static>)),
)]
pub(super) async fn get_enrollment_api_keys(call: Call) -> Result<Reply, Problem> {
    let query = Query::of(&call)?;
    let paging = query.paging()?;
    let now = call.authority.time.now();
    let items = match filter(query.get("kuery").unwrap_or(""), now)? {
        Some(filter) => {
            let (offset, limit) = (paging.offset(), paging.per_page);
            call.authority.fleet.list(&call.caller, filter, (offset, limit)).await?
        }
        None => (Vec::new(), 0),
    };
    let (tokens, total) = items;
    let items = tokens.iter().map(|token| EnrollmentApiKey::new(token, now)).collect::<Vec<_>>();
    Ok(Reply::ok(&TokenPage { items: &items, list: &items, page: paging.with_total(total) }))
}

/// One token.
#[derive(Serialize, ToSchema)]
#[schema(as = ShownEnrollmentApiKey)]
struct ShownToken {
    item: EnrollmentApiKey,
}

/// Show an enrollment token
///
/// To callers that may mint it.
#[utoipa::path(
    get,
    path = "/api/fleet/enrollment_api_keys/{id}",
    params(("id" = TokenId, Path, description = ID)),
    responses(
        (status = 200, description = "The token.", body = ShownToken),
        NoSuchToken,
        code::BeyondLimits,
    ),
)]
pub(super) async fn get_enrollment_api_key(call: Call) -> Result<Reply, Problem> {
    let id = id_of(&call)?;
    let token = call.authority.fleet.show(&call.caller, id).await?.ok_or_else(|| no_token(&call))?;
    Ok(Reply::ok(&ShownToken { item: EnrollmentApiKey::new(&token, call.authority.time.now()) }))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = CreateEnrollmentApiKey, example = json!({ "policy_id": "0198c0de-e2e3-7f50-8162-738495a6b7c8", "name": "edge" }))]
struct CreateToken {
    /// The policy of the hosts that the token admits.
    #[schema(value_type = PolicyId)]
    policy_id: String,
    /// The name, which no listed token of the policy has.
    #[serde(default)]
    #[schema(value_type = Option<Label>)]
    name: Option<String>,
    /// The life; without it, the token stays valid until it is deleted.
    #[serde(default)]
    #[schema(pattern = "^[0-9]+(d|h|m|s)$", example = "7d")]
    expiration: Option<String>,
}

/// A new token.
#[derive(Serialize, ToSchema)]
struct CreatedToken {
    item: EnrollmentApiKey,
    /// Always `created`.
    #[schema(example = "created")]
    action: &'static str,
}

/// Create an enrollment token
///
/// Persistent and unlimited, with the roles of the policy.
#[utoipa::path(
    post,
    path = "/api/fleet/enrollment_api_keys",
    request_body = CreateToken,
    responses(
        (status = 200, description = "The token.", body = CreatedToken),
        NoSuchPolicy,
        NameTaken,
        code::BeyondLimits,
        code::Signing,
    ),
)]
pub(super) async fn create_enrollment_api_key(call: Call) -> Result<Reply, Problem> {
    expect_xsrf(&call)?;
    let CreateToken { policy_id, name, expiration } = decode::lenient(&call.body)?;
    let now = call.authority.time.now();
    let name = Label::parse(name.as_deref().unwrap_or(""))
        .map_err(|error| Problem::invalid_fields(vec![FieldError::of("name", &error)]))?;
    let expires_at = expiration.map(|life| expiry(&life, now)).transpose()?;
    let policy = PolicyId::parse(&policy_id).ok_or_else(|| no_policy(&policy_id))?;
    let minted = call.authority.fleet.mint(&call.caller, policy, name.clone(), expires_at).await;
    metrics::count("gatepass_mints_total", &minted);
    match minted? {
        FleetMinting::Minted(token) => {
            Ok(Reply::ok(&CreatedToken { item: EnrollmentApiKey::new(&token, now), action: "created" }))
        }
        FleetMinting::NoPolicy => Err(no_policy(&policy_id)),
        FleetMinting::NameTaken => {
            let text = format!("An enrollment key named {name} already exists for agent policy {policy_id}");
            Err(Problem::of(Code::NameTaken, text))
        }
    }
}

/// The effect of a deletion.
#[derive(Serialize, ToSchema)]
struct Deleted {
    /// Always `deleted`.
    #[schema(example = "deleted")]
    action: &'static str,
}

#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query")]
struct DeletionQuery {
    /// True: the token is listed no more, and its name is free at once.
    #[param(rename = "forceDelete", default = false)]
    force_delete: Option<bool>,
}

/// Delete an enrollment token
///
/// It admits no host from now on, and stays listed as inactive for the retention time. Its hosts stay.
#[utoipa::path(
    delete,
    path = "/api/fleet/enrollment_api_keys/{id}",
    params(("id" = TokenId, Path, description = ID), DeletionQuery),
    responses(
        (status = 200, description = "Deleted.", body = Deleted),
        NoSuchToken,
        code::BeyondLimits,
    ),
)]
pub(super) async fn delete_enrollment_api_key(call: Call) -> Result<Reply, Problem> {
    expect_xsrf(&call)?;
    let forced = Query::of(&call)?.flag("forceDelete")?;
    let id = id_of(&call)?;
    match call.authority.fleet.delete_one(&call.caller, id, forced).await? {
        true => Ok(Reply::ok(&Deleted { action: "deleted" })),
        false => Err(no_token(&call)),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BulkDeleteEnrollmentApiKeys)]
struct BulkDelete {
    /// The ids; not together with `kuery`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<TokenId>>)]
    token_ids: Option<Vec<String>>,
    /// The tokens that it selects; at most 10000.
    #[serde(default)]
    #[schema(example = "policy_id:0198c0de-e2e3-7f50-8162-738495a6b7c8")]
    kuery: Option<String>,
    /// True: the tokens are listed no more, and their names are free at once.
    #[serde(default)]
    force_delete: bool,
}

/// The effect of many deletions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BulkDeleted {
    /// `deactivated`, or `deleted` with `forceDelete`.
    #[schema(example = "deactivated")]
    action: &'static str,
    /// Number of selected tokens.
    #[schema(example = 3)]
    count: u64,
    /// Number of deleted tokens.
    #[schema(example = 3)]
    success_count: u64,
    /// Number of tokens that were not found, or are beyond the caller's limits.
    #[schema(example = 0)]
    error_count: u64,
}

/// Delete many enrollment tokens
///
/// Those of `tokenIds`, or those that `kuery` selects.
#[utoipa::path(
    post,
    path = "/api/fleet/enrollment_api_keys/_bulk_delete",
    request_body = BulkDelete,
    responses((status = 200, description = "Deleted.", body = BulkDeleted)),
)]
pub(super) async fn bulk_delete_enrollment_api_keys(call: Call) -> Result<Reply, Problem> {
    expect_xsrf(&call)?;
    let BulkDelete { token_ids, kuery, force_delete } = decode::lenient(&call.body)?;
    let (ids, unknown) = match (token_ids, kuery) {
        (Some(texts), None) => {
            let ids = texts.iter().filter_map(|text| TokenId::parse(text)).collect::<Vec<_>>();
            let unknown = texts.len() - ids.len();
            (ids, unknown as u64)
        }
        (None, Some(kuery)) => (selected(&call, &kuery).await?, 0),
        _ => return Err(Problem::bad_request("send either tokenIds or kuery")),
    };
    let done = call.authority.fleet.delete(&call.caller, &ids, force_delete).await?;
    Ok(Reply::ok(&BulkDeleted {
        action: if force_delete { "deleted" } else { "deactivated" },
        count: ids.len() as u64 + unknown,
        success_count: done.deleted,
        error_count: done.failed + unknown,
    }))
}

async fn selected(call: &Call, kuery: &str) -> Result<Vec<TokenId>, Problem> {
    if kuery.trim().is_empty() {
        return Err(kuery::refused("is empty: it would select every token"));
    }
    let Some(filter) = filter(kuery, call.authority.time.now())? else { return Ok(Vec::new()) };
    let too_many = || kuery::refused(format!("selects more than {MOST_DELETED} tokens"));
    call.authority.fleet.select(&filter).await?.ok_or_else(too_many)
}

fn id_of(call: &Call) -> Result<TokenId, Problem> {
    TokenId::parse(call.head.param("id")).ok_or_else(|| no_token(call))
}

fn no_token(call: &Call) -> Problem {
    let id = call.head.param("id").chars().take(MOST_ECHOED).collect::<String>();
    Problem::of(Code::NotFound, format!("EnrollmentAPIKey {id} not found"))
}

/// The 404 of a policy.
pub(super) fn no_policy(id: &str) -> Problem {
    let id = id.chars().take(MOST_ECHOED).collect::<String>();
    Problem::of(Code::NotFound, format!("Agent policy \"{id}\" not found"))
}
