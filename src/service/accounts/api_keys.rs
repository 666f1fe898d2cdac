//! API keys: creation, authentication, lists, deletion.

use serde_json::json;

use crate::access::{Act, Actor, ApiKey, Excess, Permission};
use crate::clock::Timestamp;
use crate::id::ApiKeyId;
use crate::ledger::{Action, Basis, Draft, Subjects};
use crate::secret::Secret;
use crate::service::accounts::Accounts;
use crate::service::accounts::users::shown;
use crate::service::{AccountError, Caller, RequestError, ServiceError};
use crate::store::{
    ApiKeyCreation, ApiKeyRecord, ApiKeyTerms, CreateApiKey, DeleteApiKey, MOST_API_KEYS, Page, PageQuery,
    Removal, StoredApiKey,
};

impl Accounts {
    /// Creates an API key and returns its text, which is not stored. It belongs to the user that creates it, or to the owner of
    /// the API key that does. It ends no later than that key, and has its audience. One for an admin's acts takes the caller's
    /// `current` password, if the caller uses a session.
    ///
    /// # Errors
    /// The key would exceed the caller's rights or outlive the key that creates it. The caller's credential does not suffice.
    /// The owner has too many keys. The store cannot be written.
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        mut terms: ApiKeyTerms,
        current: Option<&Secret<String>>,
    ) -> Result<(ApiKeyRecord, Secret<String>), ServiceError> {
        terms.audience = terms.audience.or_else(|| caller.rights.audience.clone());
        caller.may(Act::Give(&terms.rights()))?;
        self.may_give(caller, &terms.rights(), current).await?;
        let now = self.base.time.trusted()?;
        let made = ApiKey::generate(now);
        let (owner, most) = self.maker(&caller.actor).await?;
        terms.expires_at = no_later(terms.expires_at, most)?;
        let key = ApiKeyRecord {
            id: made.id(),
            terms,
            owner,
            creator: caller.actor.to_string(),
            created_at: now,
            suspended_at: None,
            used: None,
        };
        let entry = created(caller.did(Action::ApiKeyCreated, now), &key);
        let command = CreateApiKey { key: key.clone(), digest: made.digest(), entry };
        match self.base.store.create_api_key(command).await? {
            ApiKeyCreation::Created => Ok((key, made.text())),
            ApiKeyCreation::TooMany => Err(AccountError::TooManyApiKeys { most: MOST_API_KEYS }.into()),
        }
    }

    /// The owner and latest expiry of a key that `actor` creates.
    async fn maker(&self, actor: &Actor) -> Result<(Option<String>, Option<Timestamp>), ServiceError> {
        match actor {
            Actor::User(name) => Ok((Some(name.clone()), None)),
            Actor::ApiKey(id) => {
                let maker = self.base.store.api_key(*id).await?.ok_or(AccountError::CallerGone)?;
                Ok((maker.key.owner, maker.key.terms.expires_at))
            }
            Actor::Local | Actor::System => Ok((None, None)),
            Actor::Host { .. } | Actor::OpaqueKey(_) | Actor::Bearer | Actor::Token(_) | Actor::Anyone => {
                Err(AccountError::Unauthenticated.into())
            }
        }
    }

    /// Authenticates the caller of the request `from` by API key.
    ///
    /// # Errors
    /// [`AccountError::ApiKeyNotGood`] for an unknown, expired or deleted key, a wrong secret and a disabled owner.
    /// [`AccountError::ApiKeySuspended`] for a suspended key with the right secret. The store cannot be read.
    pub async fn api_key(&self, from: &Caller, unproven: &Secret<String>) -> Result<Caller, ServiceError> {
        let presented = ApiKey::parse(unproven).ok_or(AccountError::ApiKeyNotGood)?;
        let stored = self.base.store.api_key(presented.id()).await?;
        let now = self.base.time.now();
        let good = stored.filter(|stored| presented.matches(&stored.digest));
        if good.as_ref().is_some_and(|stored| stored.key.suspended_at.is_some()) {
            return Err(AccountError::ApiKeySuspended.into());
        }
        let caller = good.and_then(|stored| by_api_key(from, stored, now));
        let caller = caller.ok_or(AccountError::ApiKeyNotGood)?;
        let Some(address) = from.address else { return Ok(caller) };
        if !self.unwritten.api_keys.note(presented.id(), (now, address)) {
            // A store that cannot be written must not keep a good key out: then this use goes unnoted.
            if let Err(error) = self.unwritten.write().await {
                tracing::warn!(%error, "the uses of API keys could not be written");
            }
            self.unwritten.api_keys.note(presented.id(), (now, address));
        }
        Ok(caller)
    }

    /// A page of API keys, newest first: the caller's own, or all of them for an admin.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_api_keys(
        &self,
        caller: &Caller,
        page: PageQuery<ApiKeyId>,
    ) -> Result<Page<ApiKeyRecord, ApiKeyId>, ServiceError> {
        Ok(self.base.store.list_api_keys(only_of(caller)?, page).await?)
    }

    /// One API key, as [`Accounts::list_api_keys`] would show it.
    ///
    /// # Errors
    /// The key does not exist, or the store cannot be read.
    pub async fn show_api_key(&self, caller: &Caller, id: ApiKeyId) -> Result<ApiKeyRecord, ServiceError> {
        let owner = only_of(caller)?;
        let stored = self.base.store.api_key(id).await?.map(|stored| stored.key);
        let shown = stored.filter(|key| owner.is_none() || key.owner == owner);
        Ok(shown.ok_or_else(|| RequestError::not_found("API key", id))?)
    }

    /// The API key of `actor`; `None` for another kind of actor and for a deleted key.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn api_key_of(&self, actor: &Actor) -> Result<Option<ApiKeyRecord>, ServiceError> {
        let Actor::ApiKey(id) = actor else { return Ok(None) };
        Ok(self.base.store.api_key(*id).await?.map(|stored| stored.key))
    }

    /// Deletes an API key that [`Accounts::list_api_keys`] would show, with the keys that it created. With `revoke_tokens` also
    /// revokes the live tokens that it minted.
    ///
    /// # Errors
    /// The key does not exist, or the store cannot be written.
    pub async fn delete_api_key(
        &self,
        caller: &Caller,
        id: ApiKeyId,
        revoke_tokens: bool,
    ) -> Result<Removal, ServiceError> {
        let owner = only_of(caller)?;
        let entry = caller.did(Action::ApiKeyDeleted, self.base.time.now()).about(Subjects::api_key(id));
        let command = DeleteApiKey { key: id, owner, revoke_tokens, entry };
        let removal = self
            .base
            .store
            .delete_api_key(command)
            .await?
            .ok_or_else(|| RequestError::not_found("API key", id))?;
        self.due.finish_deletion(removal.tokens).await;
        Ok(removal)
    }
}

/// The request `from` with the rights of the key, cut to those of its owner. `None` if the key has expired or is
/// suspended, or the owner is disabled.
pub(super) fn by_api_key(from: &Caller, stored: StoredApiKey, now: Timestamp) -> Option<Caller> {
    let StoredApiKey { key, owner, .. } = stored;
    if key.suspended_at.is_some() || key.terms.expires_at.is_some_and(|expires_at| expires_at <= now) {
        return None;
    }
    let own = key.terms.rights();
    let version = owner.as_ref().map(|owner| (owner.name.clone(), owner.version));
    let rights = match (key.owner, owner) {
        (None, _) => own,
        (Some(_), Some(owner)) => own.within(&from.by_user(owner, None)?.rights),
        (Some(_), None) => return None,
    };
    let basis = Some(Basis::ApiKey { id: key.id, owner: version });
    Some(Caller { actor: Actor::ApiKey(key.id), rights, basis, ..from.clone() })
}

/// The expiry of a key that is requested until `asked` by a key that ends at `most`. No chain of keys outlives its beginning.
fn no_later(asked: Option<Timestamp>, most: Option<Timestamp>) -> Result<Option<Timestamp>, ServiceError> {
    match (asked, most) {
        (Some(asked), Some(most)) if asked > most => {
            let message = format!("{asked} asked for; the key that makes it is good until {most}");
            Err(RequestError::BeyondLimits(vec![Excess { limit: "expires_at", message }]).into())
        }
        (None, most) => Ok(most),
        (asked, _) => Ok(asked),
    }
}

/// The owner of the keys that the caller sees; `None` = all owners.
fn only_of(caller: &Caller) -> Result<Option<String>, ServiceError> {
    match &caller.actor {
        _ if caller.rights.permissions.contain(Permission::Administer) => Ok(None),
        Actor::User(name) => Ok(Some(name.clone())),
        _ => Err(AccountError::Unauthenticated.into()),
    }
}

fn created(draft: Draft, key: &ApiKeyRecord) -> Draft {
    draft
        .about(Subjects::api_key(key.id))
        .with("label", key.terms.label.as_str())
        .with("owner", key.owner.clone())
        .with("scopes", json!(key.terms.scopes))
        .with("limits", shown(&key.terms.limits))
        .with("expires_at", json!(key.terms.expires_at))
        .with("audience", key.terms.audience.clone())
}
