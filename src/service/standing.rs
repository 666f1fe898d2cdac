//! Who was judged, judged anew: between a credential and what is done with it a body is waited for, or a password hashed.

use super::api_keys;
use super::{Authority, Caller, ServiceError, SignedIn};
use crate::access::{Actor, Excess, Permission, Rights};

impl Authority {
    /// The caller with the rights of this moment. Hosts and tokens have none, and are judged by the transactions of what they do.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`]: the user is disabled or gone, or has another password or was signed out since; the API key
    /// has expired or is gone; or the store cannot be read.
    pub async fn still(&self, caller: &Caller) -> Result<Caller, ServiceError> {
        let rights = match &caller.actor {
            Actor::User(name) => self.rights_of_user(name, caller.epoch).await?,
            Actor::ApiKey(id) => {
                let stored = self.store.api_key(*id).await?;
                stored.and_then(|stored| api_keys::rights(stored, self.time.now()))
            }
            Actor::Local
            | Actor::System
            | Actor::Host { .. }
            | Actor::Bearer
            | Actor::Token(_)
            | Actor::Anyone => Some(caller.rights.clone()),
        };
        let rights = rights.ok_or(ServiceError::Unauthenticated)?;
        Ok(Caller { rights, ..caller.clone() })
    }

    async fn rights_of_user(&self, name: &str, epoch: Option<u64>) -> Result<Option<Rights>, ServiceError> {
        let user = self.store.user(name.to_owned()).await?;
        let same = user.filter(|user| epoch.is_none_or(|epoch| epoch == user.epoch));
        Ok(same.and_then(SignedIn::user).map(|signed_in| signed_in.rights))
    }

    /// The same, who must still have `permission`: for a use case that waits between its route and its command.
    ///
    /// # Errors
    /// As [`Authority::still`]; [`ServiceError::BeyondLimits`]: the permission was taken away.
    pub(super) async fn still_may(
        &self,
        caller: &Caller,
        permission: Permission,
    ) -> Result<Caller, ServiceError> {
        let caller = self.still(caller).await?;
        if caller.rights.permissions.contain(permission) {
            return Ok(caller);
        }
        let message = "your own rights were taken away while this was done".to_owned();
        Err(ServiceError::BeyondLimits(vec![Excess { limit: "permissions", message }]))
    }
}
