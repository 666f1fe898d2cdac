//! API keys.

use std::net::IpAddr;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::{Listed, NoFilters, PageParams, Paging};
use super::shapes::Revoke;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::ApiKeyRequest;
use crate::id::ApiKeyId;
use crate::secret::Secret;
use crate::store::{ApiKeyRecord, ApiKeyRelease};
use crate::token::present;

/// Maximum number of ids in a request; more do not fit the body.
const MOST_IDS: usize = 1000;

/// An API key in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
struct ApiKeyItem {
    #[serde(flatten)]
    key: ApiKeyRecord,
    expired: bool,
    #[schema(required)]
    last_used_at: Option<Timestamp>,
    #[schema(required, value_type = Option<String>, example = "192.0.2.7")]
    last_used_from: Option<IpAddr>,
}

impl ApiKeyItem {
    fn new(key: ApiKeyRecord, now: Timestamp) -> Self {
        let (last_used_at, last_used_from) = key.used.unzip();
        let expired = key.terms.expires_at.is_some_and(|expires_at| expires_at <= now);
        Self { key, expired, last_used_at, last_used_from }
    }
}

/// List API keys
///
/// A page of the caller's keys, for an admin of all keys; newest first.
#[utoipa::path(
    get,
    path = "/api/v1/api-keys",
    params(PageParams),
    responses((status = 200, description = "A page of keys.", body = Listed<ApiKeyItem>)),
)]
pub(super) async fn list_api_keys(call: Call) -> Result<Reply, Problem> {
    let (paging, NoFilters {}) = Paging::read(&call, "api-keys")?;
    let keys = call.authority.accounts.list_api_keys(&call.caller, paging.query()?).await?;
    let now = call.authority.time.now();
    Ok(paging.rendered(keys, |key| ApiKeyItem::new(key, now)))
}

/// The answer with the key, which is shown once.
#[derive(Serialize, ToSchema)]
struct CreatedApiKey<'a> {
    /// The key; shown once.
    #[schema(example = "gpk_0198c0de…")]
    api_key: &'a str,
    #[serde(flatten)]
    key: ApiKeyItem,
}

/// Create an API key
///
/// The key is shown once. Without limits it mints ephemeral tokens of one hour, with one use and no roles. A key with the
/// scope `admin` is created with a password, or with a session and `current_password`.
#[utoipa::path(
    post,
    path = "/api/v1/api-keys",
    request_body = ApiKeyRequest,
    responses(
        (status = 201, description = "The key; shown once.", body = CreatedApiKey<'static>),
        code::BeyondLimits,
        code::CurrentPasswordRequired,
        code::TooManyApiKeys,
    ),
)]
pub(super) async fn create_api_key(call: Call) -> Result<Reply, Problem> {
    let (mut request, faults) = decode::native::<ApiKeyRequest>(&call.body)?;
    let current = request.current_password.take();
    let now = call.authority.time.now();
    let audiences = call.authority.trust.load().known_audiences();
    let order = request.judge((&call.authority.roles, &audiences), now, faults)?;
    let created = call.authority.accounts.create_api_key(&call.caller, order, current.as_ref()).await?;
    let (key, text) = created;
    let created = CreatedApiKey { api_key: text.expose(), key: ApiKeyItem::new(key, now) };
    Ok(Reply::json(StatusCode::CREATED, &created))
}

/// Show an API key
#[utoipa::path(
    get,
    path = "/api/v1/api-keys/{id}",
    params(("id" = ApiKeyId, Path, description = "Id of the key.")),
    responses((status = 200, description = "The key, without its secret.", body = ApiKeyItem)),
)]
pub(super) async fn show_api_key(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "API key", ApiKeyId::parse)?;
    let key = call.authority.accounts.show_api_key(&call.caller, id).await?;
    Ok(Reply::ok(&ApiKeyItem::new(key, call.authority.time.now())))
}

/// The tokens of a deleted user or key.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DeletionQuery {
    /// `revoke`: revokes the minted tokens too.
    #[param(example = "revoke")]
    pub(super) tokens: Option<Revoke>,
}

#[derive(Serialize, ToSchema)]
struct DeletedApiKey {
    id: ApiKeyId,
    /// Number of deleted keys that were created with it, directly or indirectly.
    #[schema(example = 0)]
    api_keys_deleted: u64,
    #[schema(example = 3)]
    tokens_revoked: u64,
}

/// Delete an API key
///
/// Effective with the next request, for the keys created with it too. Minted tokens stay, unless `tokens=revoke`.
#[utoipa::path(
    delete,
    path = "/api/v1/api-keys/{id}",
    params(("id" = ApiKeyId, Path, description = "Id of the key."), DeletionQuery),
    responses((status = 200, description = "Deleted.", body = DeletedApiKey), code::BeyondLimits),
)]
pub(super) async fn delete_api_key(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "API key", ApiKeyId::parse)?;
    let revoke_tokens = call.query::<DeletionQuery>()?.tokens.is_some();
    let gone = call.authority.accounts.delete_api_key(&call.caller, id, revoke_tokens).await?;
    Ok(Reply::ok(&DeletedApiKey { id, api_keys_deleted: gone.api_keys, tokens_revoked: gone.tokens }))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ReleaseApiKeysRequest, example = json!({ "ids": ["0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081"] }))]
struct KeysRelease {
    /// Ids, at most 1000; not together with `all`.
    #[schema(max_items = 1000)]
    #[serde(default)]
    ids: Option<Vec<ApiKeyId>>,
    /// Selects all suspended keys.
    #[serde(default)]
    all: bool,
    /// The caller's own password. A session needs it to release a key with the scope `admin`.
    #[schema(value_type = String, format = "password", nullable = false)]
    #[serde(default, deserialize_with = "present")]
    current_password: Option<Secret<String>>,
}

/// The answer of a release of keys.
#[derive(Serialize, ToSchema)]
struct ReleasedApiKeys {
    /// Number of released keys.
    #[schema(example = 2)]
    released: usize,
    /// The keys that were not released.
    refused: Vec<RefusedApiKey>,
}

/// A key that was not released.
#[derive(Serialize, ToSchema)]
#[schema(as = UnreleasedApiKey)]
struct RefusedApiKey {
    id: ApiKeyId,
    outcome: ApiKeyRelease,
}

/// Release suspended API keys
///
/// Selected by ids, or all. They work again with the next request, within the rights of their owners. A key with the scope
/// `admin` is released with a password, or with a session and `current_password`.
#[utoipa::path(
    post,
    path = "/api/v1/api-keys/release",
    request_body = KeysRelease,
    responses(
        (status = 200, description = "The outcome.", body = ReleasedApiKeys),
        code::BeyondLimits,
        code::CurrentPasswordRequired,
    ),
)]
pub(super) async fn release_api_keys(call: Call) -> Result<Reply, Problem> {
    let KeysRelease { ids, all, current_password: current } = decode::strict(&call.body)?;
    match &ids {
        Some(_) if all => return Err(Problem::invalid_field("all", "not together with ids")),
        Some(ids) if ids.len() > MOST_IDS => {
            return Err(Problem::invalid_field("ids", "more than 1000: send them in several calls"));
        }
        None if !all => return Err(Problem::invalid_field("ids", "give ids, or \"all\": true")),
        _ => {}
    }
    let accounts = &call.authority.accounts;
    let outcomes = accounts.release_api_keys(&call.caller, ids.as_deref(), current.as_ref()).await?;
    let released = outcomes.iter().filter(|(_, outcome)| *outcome == ApiKeyRelease::Released).count();
    let refused = outcomes.into_iter().filter(|(_, outcome)| *outcome != ApiKeyRelease::Released);
    let refused = refused.map(|(id, outcome)| RefusedApiKey { id, outcome }).collect();
    Ok(Reply::ok(&ReleasedApiKeys { released, refused }))
}
