//! Users: creation, changes, sign-out, deletion. An act that gives rights is checked against the caller's own (I5). An act that
//! takes them away needs the permission only.

use std::sync::Arc;

use crate::access::password;
use crate::access::{Act, Actor, Limits, Permission, Rights, UserRole};
use crate::clock::Timestamp;
use crate::id::SessionId;
use crate::ledger::{Action, Draft, Subjects};
use crate::name::UserName;
use crate::secret::Secret;
use crate::service::accounts::Accounts;
use crate::service::base::ATTEMPTS;
use crate::service::{AccountError, Caller, FieldError, RequestError, ServiceError};
use crate::store::{
    ChangeUser, CreateUser, DeleteUser, Page, PageQuery, Removal, ReplacePassword, SignOutUser, StoreError,
    UserChange, UserCreation, UserDeletion, UserRecord,
};

/// A valid request for a user.
pub struct UserOrder {
    /// The user name.
    pub name: UserName,
    /// The initial password.
    pub password: Secret<String>,
    /// The role to give.
    pub role: UserRole,
    /// The limits of the user's acts.
    pub limits: Limits,
}

/// A valid request for a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserChangeOrder {
    /// The role to give.
    pub role: Option<UserRole>,
    /// The limits of the user's acts.
    pub limits: Option<Limits>,
    /// True to disable the user.
    pub disabled: Option<bool>,
    /// The version of the user that the change is for; `None`: any.
    pub version: Option<u64>,
}

impl UserChangeOrder {
    /// The role, limits and standing that a user has after the change.
    fn of(&self, before: &UserRecord) -> (UserRole, Limits, bool) {
        let limits = self.limits.clone().unwrap_or_else(|| before.limits.clone());
        (self.role.unwrap_or(before.role), limits, self.disabled.unwrap_or(before.disabled_at.is_some()))
    }

    /// The rights that the change gives; `None` if it gives none.
    fn gives(&self, before: &UserRecord) -> Option<Rights> {
        let (role, limits, disabled) = self.of(before);
        let gives =
            (role, &limits) != (before.role, &before.limits) || (before.disabled_at.is_some() && !disabled);
        gives.then(|| Rights::of_role(role, limits))
    }
}

impl Accounts {
    /// A page of users, by name.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_users(
        &self,
        page: PageQuery<UserName>,
    ) -> Result<Page<UserRecord, UserName>, ServiceError> {
        Ok(self.base.store.list_users(page).await?)
    }

    /// One user.
    ///
    /// # Errors
    /// The user does not exist, or the store cannot be read.
    pub async fn show_user(&self, name: &UserName) -> Result<UserRecord, ServiceError> {
        let user = self.base.store.user(name.to_string()).await?;
        Ok(user.ok_or_else(|| RequestError::not_found("user", name))?)
    }

    /// Creates a user. An admin takes the caller's `current` password, if the caller uses a session.
    ///
    /// # Errors
    /// The user would exceed the caller's rights, the caller's credential does not suffice, the name is taken, or the store
    /// cannot be written.
    pub async fn create_user(
        &self,
        caller: &Caller,
        order: UserOrder,
        current: Option<&Secret<String>>,
    ) -> Result<UserRecord, ServiceError> {
        let UserOrder { name, password, role, limits } = order;
        let rights = Rights::of_role(role, limits.clone());
        caller.may(Act::Give(&rights))?;
        self.may_give(caller, &rights, current).await?;
        let hash = self.hashed("password", password, name.as_str()).await?;
        let caller = self.still_may(caller, Permission::Administer).await?;
        caller.may(Act::Give(&rights))?;
        let entry =
            caller.did(Action::UserCreated, self.base.time.now()).about(Subjects::user(name.as_str()));
        let entry = entry.with("role", role.as_str()).with("limits", shown(&limits));
        let command = CreateUser { user: name.clone(), hash, role, limits, entry };
        match self.base.store.create_user(command).await? {
            UserCreation::Created => self.show_user(&name).await,
            UserCreation::Taken => Err(AccountError::UserExists.into()),
        }
    }

    /// Changes a user's role, limits and standing. An admin takes the caller's `current` password, if the caller uses a
    /// session.
    ///
    /// # Errors
    /// The user would exceed the caller's rights, is the last admin, has another version or does not exist. Or the caller's
    /// credential does not suffice, or the store cannot be written.
    pub async fn change_user(
        &self,
        caller: &Caller,
        name: &UserName,
        order: &UserChangeOrder,
        current: Option<&Secret<String>>,
    ) -> Result<UserRecord, ServiceError> {
        for _ in 0..ATTEMPTS {
            let before = self.show_user(name).await?;
            if order.version.is_some_and(|version| version != before.version) {
                return Err(RequestError::Stale.into());
            }
            if let Some(given) = order.gives(&before) {
                caller.may(Act::Give(&given))?;
            }
            let Some(command) = self.change(caller, before.clone(), order) else { return Ok(before) };
            self.may_change(caller, (before.role, Some(command.role)), current).await?;
            if is_done(self.base.store.change_user(command).await?, name)? {
                return self.show_user(name).await;
            }
        }
        Err(StoreError::Contended.into())
    }

    /// The command that turns `before` into `order`; `None` if nothing changes.
    fn change(&self, caller: &Caller, before: UserRecord, order: &UserChangeOrder) -> Option<ChangeUser> {
        let (role, limits, disabled) = order.of(&before);
        let was_disabled = before.disabled_at.is_some();
        let moves = (role, &limits) != (before.role, &before.limits);
        let at = self.base.time.now();
        let mut entries = Vec::new();
        if moves {
            entries.push(changed(caller, &before, role, &limits, at));
        }
        if disabled != was_disabled {
            let action = if disabled { Action::UserDisabled } else { Action::UserEnabled };
            entries.push(caller.did(action, at).about(Subjects::user(&before.name)));
        }
        (!entries.is_empty()).then_some(ChangeUser { before, role, limits, disabled, entries })
    }

    /// Sets the password of a user. It gives the caller the rights of that user, and is checked as giving them. It takes the
    /// caller's `current` password, if the caller uses a session. With a `version` it does nothing to a user that has changed
    /// since.
    ///
    /// # Errors
    /// The password may not be set, the user exceeds the caller's rights or does not exist. Or the caller's credential does not
    /// suffice, or the store cannot be written.
    pub async fn reset_password(
        &self,
        caller: &Caller,
        name: &UserName,
        password: Secret<String>,
        (version, current): (Option<u64>, Option<&Secret<String>>),
    ) -> Result<(), ServiceError> {
        let may = |caller: &Caller, user: &UserRecord| {
            caller.may(Act::Give(&Rights::of_role(user.role, user.limits.clone())))
        };
        let unchanged = |user: &UserRecord| match version.is_none_or(|version| version == user.version) {
            true => Ok(()),
            false => Err(RequestError::Stale),
        };
        let before = self.show_user(name).await?;
        unchanged(&before)?;
        may(caller, &before)?;
        self.may_set_password(caller, current).await?;
        let hash = Arc::new(self.hashed("password", password, name.as_str()).await?);
        for _ in 0..ATTEMPTS {
            let before = self.show_user(name).await?;
            unchanged(&before)?;
            let caller = self.still_may(caller, Permission::Administer).await?;
            may(&caller, &before)?;
            if self.replace_password(&caller, before, &hash, None).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Sets the caller's own password, given the current one. Every session of the user but `keep` ends.
    ///
    /// # Errors
    /// The current password is wrong, the new one may not be set, the caller is no user, or the store cannot be written.
    pub async fn change_own_password(
        &self,
        caller: &Caller,
        current: &Secret<String>,
        new: Secret<String>,
        keep: Option<SessionId>,
        mut faults: Vec<FieldError>,
    ) -> Result<(), ServiceError> {
        let Actor::User(name) = &caller.actor else { return Err(AccountError::Unauthenticated.into()) };
        let name = UserName::parse(name).map_err(|_| AccountError::Unauthenticated)?;
        check_password("new", &new, name.as_str(), &mut faults);
        let before = self.show_user(&name).await?;
        faults.extend(self.wrong_password(caller, name.as_str(), current, "current").await?);
        RequestError::refuse(faults)?;
        let hash = Arc::new(self.hashed("new", new, name.as_str()).await?);
        // The session may have ended while the hash ran: signing out of one session begins no epoch.
        if let Some(session) = keep {
            self.base.store.session(session).await?.ok_or(AccountError::SessionOver)?;
        }
        match self.replace_password(caller, before, &hash, keep).await? {
            true => Ok(()),
            // The password was replaced while the hash ran: the presented one is no longer current.
            false => Err(AccountError::Unauthenticated.into()),
        }
    }

    /// Returns false if the user changed since it was checked.
    async fn replace_password(
        &self,
        caller: &Caller,
        before: UserRecord,
        hash: &Arc<Secret<String>>,
        keep: Option<SessionId>,
    ) -> Result<bool, ServiceError> {
        let entry = caller.did(Action::PasswordSet, self.base.time.now()).about(Subjects::user(&before.name));
        let name = UserName::parse(&before.name).map_err(|_| AccountError::Unauthenticated)?;
        let hash = Arc::clone(hash);
        is_done(self.base.store.replace_password(ReplacePassword { before, hash, keep, entry }).await?, &name)
    }

    /// Signs a user out everywhere, at once.
    ///
    /// # Errors
    /// The user does not exist, or the store cannot be written.
    pub async fn sign_out_user(&self, caller: &Caller, name: &UserName) -> Result<(), ServiceError> {
        let entry =
            caller.did(Action::UserSignedOut, self.base.time.now()).about(Subjects::user(name.as_str()));
        is_done(self.base.store.sign_out_user(SignOutUser { user: name.clone(), entry }).await?, name)
            .map(drop)
    }

    /// Deletes a user with their sessions and API keys. With `revoke_tokens` also revokes the live tokens that these minted.
    /// A session deletes no admin: the role has to be taken away first, with the password.
    ///
    /// # Errors
    /// The user is the last admin or does not exist. Or the caller's credential does not suffice, or the store cannot be written.
    pub async fn delete_user(
        &self,
        caller: &Caller,
        name: &UserName,
        revoke_tokens: bool,
    ) -> Result<Removal, ServiceError> {
        self.may_change(caller, (self.show_user(name).await?.role, None), None).await?;
        let entry =
            caller.did(Action::UserDeleted, self.base.time.now()).about(Subjects::user(name.as_str()));
        let command = DeleteUser { user: name.clone(), revoke_tokens, entry };
        match self.base.store.delete_user(command).await? {
            UserDeletion::Deleted(removal) => {
                self.due.finish_deletion(removal.tokens).await;
                Ok(removal)
            }
            UserDeletion::LastAdmin => Err(AccountError::LastAdmin.into()),
            UserDeletion::Unknown => Err(RequestError::not_found("user", name).into()),
        }
    }
}

/// Returns true if the change was made. If not, it has to be checked again.
fn is_done(change: UserChange, name: &UserName) -> Result<bool, ServiceError> {
    match change {
        UserChange::Done => Ok(true),
        UserChange::Moved => Ok(false),
        UserChange::LastAdmin => Err(AccountError::LastAdmin.into()),
        UserChange::Unknown => Err(RequestError::not_found("user", name).into()),
    }
}

fn changed(caller: &Caller, before: &UserRecord, role: UserRole, limits: &Limits, at: Timestamp) -> Draft {
    caller
        .did(Action::UserChanged, at)
        .about(Subjects::user(&before.name))
        .with("role_before", before.role.as_str())
        .with("role", role.as_str())
        .with("limits_before", shown(&before.limits))
        .with("limits", shown(limits))
}

/// The form of limits in ledger entries.
pub(in crate::service) fn shown(limits: &Limits) -> serde_json::Value {
    serde_json::to_value(limits).unwrap_or_default()
}

/// Checks a new password for the user of this name. A fault names `field`.
pub fn check_password(field: &str, password: &Secret<String>, user: &str, faults: &mut Vec<FieldError>) {
    if let Err(error) = password::check(password, user) {
        faults.push(FieldError::new(field, error.to_string()));
    }
}
