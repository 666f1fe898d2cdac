//! API keys.

use std::net::IpAddr;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::{Asked, Listed, NoFilters, asked};
use crate::access::{Limits, Scope};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::ApiKeyRequest;
use crate::id::ApiKeyId;
use crate::name::Label;
use crate::store::{ApiKeyRecord, ApiKeyTerms};

/// An API key in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
struct ApiKeyItem {
    id: ApiKeyId,
    label: Label,
    /// Owner of the key; `null`: the authority.
    #[schema(required, example = "ops")]
    owner: Option<String>,
    /// Creator of the key, as an actor in the ledger.
    #[schema(example = "user:admin")]
    creator: String,
    scopes: Vec<Scope>,
    limits: Limits,
    created_at: Timestamp,
    /// Expiry; `null`: until deleted.
    #[schema(required)]
    expires_at: Option<Timestamp>,
    expired: bool,
    #[schema(required)]
    last_used_at: Option<Timestamp>,
    #[schema(required, value_type = Option<String>, example = "192.0.2.7")]
    last_used_from: Option<IpAddr>,
}

impl ApiKeyItem {
    fn new(record: ApiKeyRecord, now: Timestamp) -> Self {
        let ApiKeyRecord { id, terms, owner, creator, created_at, used } = record;
        let ApiKeyTerms { label, scopes, limits, expires_at } = terms;
        let (last_used_at, last_used_from) = used.unzip();
        let expired = expires_at.is_some_and(|expires_at| expires_at <= now);
        Self {
            id,
            label,
            owner,
            creator,
            scopes,
            limits,
            created_at,
            expires_at,
            expired,
            last_used_at,
            last_used_from,
        }
    }
}

/// List API keys
///
/// A page of the caller's keys, for an admin of all keys; newest first.
#[utoipa::path(
    get,
    path = "/api/v1/api-keys",
    operation_id = "list_api_keys",
    tag = tags::API_KEYS,
    params(Asked),
    responses((status = 200, description = "A page of keys.", body = Listed<ApiKeyItem>), code::InvalidRequest),
)]
pub(super) async fn list(call: Call) -> Result<Reply, Problem> {
    let (paging, NoFilters {}) = asked(&call, "api-keys")?;
    let keys = call.authority.accounts.list_api_keys(&call.caller, paging.query()?).await?;
    let now = call.authority.time.now();
    Ok(paging.rendered(keys, |key| ApiKeyItem::new(key, now)))
}

/// The answer with the key, which is shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedApiKey)]
struct Created<'a> {
    /// The key; shown once.
    #[schema(example = "gpk_0198c0de…")]
    api_key: &'a str,
    #[serde(flatten)]
    key: ApiKeyItem,
}

/// Create an API key
///
/// The key is shown once. Without limits it mints ephemeral tokens of one hour, with one use and no roles.
#[utoipa::path(
    post,
    path = "/api/v1/api-keys",
    operation_id = "create_api_key",
    tag = tags::API_KEYS,
    request_body = ApiKeyRequest,
    responses(
        (status = 201, description = "The key; shown once.", body = Created<'static>),
        code::BeyondLimits,
        code::TooManyApiKeys,
    ),
)]
pub(super) async fn create(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<ApiKeyRequest>(&call.body)?;
    let now = call.authority.time.now();
    let order = request.judge(&call.authority.roles, now, faults)?;
    let (key, text) = call.authority.accounts.create_api_key(&call.caller, order).await?;
    let created = Created { api_key: text.expose(), key: ApiKeyItem::new(key, now) };
    Ok(Reply::json(StatusCode::CREATED, &created))
}

/// Show an API key
#[utoipa::path(
    get,
    path = "/api/v1/api-keys/{id}",
    operation_id = "show_api_key",
    tag = tags::API_KEYS,
    params(("id" = ApiKeyId, Path, description = "Id of the key.")),
    responses((status = 200, description = "The key, without its secret.", body = ApiKeyItem), code::NotFound),
)]
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "API key", ApiKeyId::parse)?;
    let key = call.authority.accounts.show_api_key(&call.caller, id).await?;
    Ok(Reply::ok(&ApiKeyItem::new(key, call.authority.time.now())))
}

/// The tokens of a deleted user or key.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tokens {
    /// `revoke`: revokes the minted tokens too.
    #[param(value_type = Option<String>, pattern = "^revoke$", example = "revoke")]
    tokens: Option<Fate>,
}

/// Revokes the tokens. Without it they stay.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Fate {
    Revoke,
}

impl Tokens {
    /// Returns true if the tokens are revoked.
    pub(super) const fn revoke(&self) -> bool {
        matches!(self.tokens, Some(Fate::Revoke))
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeletedApiKey)]
struct Deleted {
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
    operation_id = "delete_api_key",
    tag = tags::API_KEYS,
    params(("id" = ApiKeyId, Path, description = "Id of the key."), Tokens),
    responses(
        (status = 200, description = "Deleted.", body = Deleted),
        code::InvalidRequest,
        code::BeyondLimits,
        code::NotFound,
    ),
)]
pub(super) async fn delete(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "API key", ApiKeyId::parse)?;
    let revoke_tokens = call.query::<Tokens>()?.revoke();
    let gone = call.authority.accounts.delete_api_key(&call.caller, id, revoke_tokens).await?;
    Ok(Reply::ok(&Deleted { id, api_keys_deleted: gone.api_keys, tokens_revoked: gone.tokens }))
}
