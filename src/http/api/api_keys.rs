//! API keys.

use std::net::IpAddr;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::paging::{NoFilters, asked};
use crate::access::{Limits, Scope};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::ApiKeyId;
use crate::name::Label;
use crate::service::api_keys::request::ApiKeyRequest;
use crate::store::ApiKeyRecord;

/// An API key in a list.
#[derive(Serialize)]
struct ApiKeyItem {
    id: ApiKeyId,
    label: Label,
    owner: Option<String>,
    creator: String,
    scopes: Vec<Scope>,
    limits: Limits,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    expired: bool,
    last_used_at: Option<Timestamp>,
    last_used_from: Option<IpAddr>,
}

impl ApiKeyItem {
    fn new(record: ApiKeyRecord, now: Timestamp) -> Self {
        let ApiKeyRecord { id, label, owner, creator, scopes, limits, created_at, expires_at, used } = record;
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

/// `GET /api/v1/api-keys`: a page of API keys, newest first.
pub(super) async fn list(call: Call) -> Result<Reply, Problem> {
    let (paging, NoFilters {}) = asked(&call, "api-keys")?;
    let keys = call.authority.list_api_keys(&call.caller(), paging.query()?).await?;
    let now = call.authority.now();
    Ok(paging.rendered(keys, |key| ApiKeyItem::new(key, now)))
}

/// The answer that has the key in it, this once.
#[derive(Serialize)]
struct Created<'a> {
    api_key: &'a str,
    #[serde(flatten)]
    key: ApiKeyItem,
}

/// `POST /api/v1/api-keys`.
pub(super) async fn create(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<ApiKeyRequest>(&call.body)?;
    let now = call.authority.now();
    let order = request.judge(call.authority.settings(), now, faults)?;
    let (key, text) = call.authority.create_api_key(&call.caller(), order).await?;
    let created = Created { api_key: text.expose(), key: ApiKeyItem::new(key, now) };
    Ok(Reply::json(StatusCode::CREATED, &created))
}

/// `GET /api/v1/api-keys/{id}`.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "API key", ApiKeyId::parse)?;
    let key = call.authority.show_api_key(&call.caller(), id).await?;
    Ok(Reply::ok(&ApiKeyItem::new(key, call.authority.now())))
}

/// What becomes of the tokens that somebody minted who is deleted.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tokens {
    tokens: Option<Fate>,
}

/// They are revoked; without saying so they stay.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Fate {
    Revoke,
}

impl Tokens {
    /// Whether they are revoked.
    pub(super) const fn revoke(&self) -> bool {
        matches!(self.tokens, Some(Fate::Revoke))
    }
}

#[derive(Serialize)]
struct Deleted {
    id: ApiKeyId,
    tokens_revoked: u64,
}

/// `DELETE /api/v1/api-keys/{id}`.
pub(super) async fn delete(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "API key", ApiKeyId::parse)?;
    let revoke_tokens = call.query::<Tokens>()?.revoke();
    let tokens_revoked = call.authority.delete_api_key(&call.caller(), id, revoke_tokens).await?;
    Ok(Reply::ok(&Deleted { id, tokens_revoked }))
}
