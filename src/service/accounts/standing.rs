//! Revalidation of a caller after a wait, such as one for a body or a password hash.

use crate::access::{Excess, Permission};
use crate::ledger::Basis;
use crate::service::accounts::Accounts;
use crate::service::accounts::api_keys;
use crate::service::{AccountError, Caller, RequestError, ServiceError};

impl Accounts {
    /// The caller with the rights of this moment. Hosts and tokens have none: the transactions of their acts check them.
    ///
    /// # Errors
    /// [`AccountError::CallerGone`]: the user is disabled, deleted or signed out, or has a new password; the API key has expired
    /// or is deleted. Or the store cannot be read.
    pub async fn still(&self, caller: &Caller) -> Result<Caller, ServiceError> {
        let revalidated = match &caller.basis {
            None => return Ok(caller.clone()),
            Some(Basis::User { session: Some(id), .. }) => {
                let found = self.open_session(*id, self.base.time.now()).await?;
                found.and_then(|(_, user)| caller.by_user(user, Some(*id)))
            }
            Some(Basis::User { name, epoch, session: None, .. }) => {
                let user = self.base.store.user(name.clone()).await?;
                user.filter(|user| user.epoch == *epoch).and_then(|user| caller.by_user(user, None))
            }
            Some(Basis::ApiKey { id, .. }) => {
                let stored = self.base.store.api_key(*id).await?;
                stored.and_then(|stored| api_keys::by_api_key(caller, stored, self.base.time.now()))
            }
        };
        Ok(revalidated.ok_or(AccountError::CallerGone)?)
    }

    /// The caller as by [`Accounts::still`], with `permission`. For a use case that waits between its route and its command.
    ///
    /// # Errors
    /// As [`Accounts::still`]; [`RequestError::BeyondLimits`]: the caller lost the permission.
    pub(in crate::service) async fn still_may(
        &self,
        caller: &Caller,
        permission: Permission,
    ) -> Result<Caller, ServiceError> {
        let caller = self.still(caller).await?;
        if caller.rights.permissions.contain(permission) {
            return Ok(caller);
        }
        let message = "your own rights were taken away while this was done".to_owned();
        Err(RequestError::BeyondLimits(vec![Excess { limit: "permissions", message }]).into())
    }
}
