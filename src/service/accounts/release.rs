//! Releasing API keys that a restore suspended. A release gives the rights of the key, and is checked as that (I5).

use crate::access::{Act, Permission};
use crate::id::ApiKeyId;
use crate::ledger::Action;
use crate::secret::Secret;
use crate::service::accounts::Accounts;
use crate::service::together::{AT_ONCE, once};
use crate::service::{Caller, ServiceError};
use crate::store::{ApiKeyRecord, ApiKeyRelease, MOST_LOOKED_AT, PageQuery, ReleaseApiKeys};

impl Accounts {
    /// Releases suspended API keys: those with these ids, or all. An admin's key takes the caller's `current` password, if the caller
    /// uses a session. Returns the outcome of each key.
    ///
    /// # Errors
    /// A key would exceed the caller's rights: then no key is released. The caller's credential does not suffice. Or the store cannot
    /// be written.
    pub async fn release_api_keys(
        &self,
        caller: &Caller,
        ids: Option<&[ApiKeyId]>,
        current: Option<&Secret<String>>,
    ) -> Result<Vec<(ApiKeyId, ApiKeyRelease)>, ServiceError> {
        let (found, mut outcomes) = match ids {
            Some(ids) => self.named_keys(&once(ids)).await?,
            None => (self.suspended_keys().await?, Vec::new()),
        };
        for key in &found {
            caller.may(Act::Give(&key.terms.rights()))?;
        }
        let gives_all = |key: &&ApiKeyRecord| key.terms.rights().permissions.contain(Permission::Administer);
        if let Some(key) = found.iter().find(gives_all) {
            self.may_give(caller, &key.terms.rights(), current).await?;
        }
        let found: Vec<ApiKeyId> = found.iter().map(|key| key.id).collect();
        for some in found.chunks(AT_ONCE) {
            let entry = caller.did(Action::ApiKeyReleased, self.base.time.now());
            let command = ReleaseApiKeys { keys: some.to_vec(), entry };
            let released = self.base.store.release_api_keys(command).await?;
            outcomes.extend(some.iter().copied().zip(released));
        }
        Ok(outcomes)
    }

    /// The keys with these ids, and the outcomes of unknown ids.
    async fn named_keys(
        &self,
        ids: &[ApiKeyId],
    ) -> Result<(Vec<ApiKeyRecord>, Vec<(ApiKeyId, ApiKeyRelease)>), ServiceError> {
        let (mut found, mut unknown) = (Vec::new(), Vec::new());
        for &id in ids {
            match self.base.store.api_key(id).await? {
                Some(stored) => found.push(stored.key),
                None => unknown.push((id, ApiKeyRelease::Unknown)),
            }
        }
        Ok((found, unknown))
    }

    async fn suspended_keys(&self) -> Result<Vec<ApiKeyRecord>, ServiceError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.base.store.list_api_keys(None, PageQuery::new(after, MOST_LOOKED_AT)).await?;
            found.extend(page.items.into_iter().filter(|key| key.suspended_at.is_some()));
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}
