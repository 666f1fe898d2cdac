//! Acts that hand over an account: a new password, and admin rights given, changed or taken away. The one place that
//! decides which credential they need.
//!
//! A password and the local credential suffice. A session must show the user's current password as well, because a stolen
//! session would otherwise last. An API key never suffices: a leaked one could make itself permanent.

use crate::access::{Actor, Permission, Rights, UserRole};
use crate::ledger::Basis;
use crate::secret::Secret;
use crate::service::accounts::Accounts;
use crate::service::{AccountError, Caller, FieldError, RequestError, ServiceError};

/// The field of a request that has the caller's current password.
const FIELD: &str = "current_password";

impl Accounts {
    /// Checks that the caller's credential suffices to give `rights` to a user or an API key.
    ///
    /// # Errors
    /// As [`Accounts::may_set_password`], if `rights` are those of an admin.
    pub(super) async fn may_give(
        &self,
        caller: &Caller,
        rights: &Rights,
        current: Option<&Secret<String>>,
    ) -> Result<(), ServiceError> {
        match rights.permissions.contain(Permission::Administer) {
            true => self.may_set_password(caller, current).await,
            false => Ok(()),
        }
    }

    /// Checks that the caller's credential suffices to turn a user with the role `before` into one with the role `after`;
    /// `None` deletes the user. Otherwise a stolen session could remove the admins who would end it.
    ///
    /// # Errors
    /// As [`Accounts::may_set_password`], if one of them is an admin.
    pub(super) async fn may_change(
        &self,
        caller: &Caller,
        (before, after): (UserRole, Option<UserRole>),
        current: Option<&Secret<String>>,
    ) -> Result<(), ServiceError> {
        let is_admin = |role: UserRole| role.permissions().contain(Permission::Administer);
        match is_admin(before) || after.is_some_and(is_admin) {
            true => self.may_set_password(caller, current).await,
            false => Ok(()),
        }
    }

    /// Checks that the caller's credential suffices to set the password of a user.
    ///
    /// # Errors
    /// The caller uses an API key. Or it uses a session, and its `current` password is missing or wrong. A wrong one counts in
    /// the sign-in throttle.
    pub(super) async fn may_set_password(
        &self,
        caller: &Caller,
        current: Option<&Secret<String>>,
    ) -> Result<(), ServiceError> {
        match (&caller.actor, &caller.basis) {
            (Actor::ApiKey(_), _) => Err(AccountError::NotByApiKey.into()),
            (Actor::User(name), Some(Basis::User { session: Some(_), .. })) => {
                let current = current.ok_or(AccountError::CurrentPasswordRequired)?;
                let wrong = self.wrong_password(caller, name, current, FIELD).await?;
                Ok(RequestError::refuse(wrong.into_iter().collect())?)
            }
            (Actor::User(_) | Actor::Local | Actor::System, _) => Ok(()),
            (
                Actor::Host { .. } | Actor::OpaqueKey(_) | Actor::Bearer | Actor::Token(_) | Actor::Anyone,
                _,
            ) => Err(AccountError::Unauthenticated.into()),
        }
    }

    /// Returns the fault of `field` if this is not the current password of the user `name`, who calls.
    ///
    /// # Errors
    /// A rate limit is reached, or the store cannot be read.
    pub(super) async fn wrong_password(
        &self,
        caller: &Caller,
        name: &str,
        current: &Secret<String>,
        field: &str,
    ) -> Result<Option<FieldError>, ServiceError> {
        match self.prove(caller, name, current).await {
            Ok(_) => Ok(None),
            Err(ServiceError::Account(AccountError::Unauthenticated)) => {
                Ok(Some(FieldError::new(field, "this is not your password")))
            }
            Err(error) => Err(error),
        }
    }
}
