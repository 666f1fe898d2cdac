//! Sign-in with a user name and a password.

mod hash_queue;
mod password_check;

use std::sync::Arc;

pub(in crate::service) use self::password_check::PasswordChecks;
use self::password_check::PresentedPassword;
use crate::access::password;
use crate::ledger::{Action, Subjects};
use crate::name::UserName;
use crate::secret::Secret;
use crate::service::accounts::Accounts;
use crate::service::refusals::{Refused, Whom};
use crate::service::{AccountError, Caller, FieldError, RequestError, ServiceError};
use crate::store::{SetPassword, UserRecord};

/// Maximum number of checks of one sign-in. A check is repeated when the user's epoch moved on while it ran.
const MOST_CHECKS: usize = 3;

impl Accounts {
    /// Signs the user of the request `from` in. An unknown user, a disabled user and a wrong password cost the same and get the
    /// same answer.
    ///
    /// # Errors
    /// [`AccountError::Unauthenticated`] for all three; a rate limit is reached; the store cannot be read.
    pub async fn sign_in(
        &self,
        from: &Caller,
        name: &str,
        password: &Secret<String>,
    ) -> Result<Caller, ServiceError> {
        let user = self.prove(from, name, password).await?;
        from.by_user(user, None).ok_or(ServiceError::Account(AccountError::Unauthenticated))
    }

    /// Returns the enabled user whose password this is. It was so in the epoch of the record.
    ///
    /// # Errors
    /// As [`Accounts::sign_in`].
    pub(in crate::service) async fn prove(
        &self,
        from: &Caller,
        name: &str,
        password: &Secret<String>,
    ) -> Result<UserRecord, ServiceError> {
        // Text that is not a user name is treated as an unknown one: its length is not the sender's to choose.
        let name = UserName::parse(name).map_or_else(|_| String::new(), |name| name.to_string());
        let password = Arc::new(password::kept(password));
        for _ in 0..MOST_CHECKS {
            let user = self.base.store.user(name.clone()).await?;
            let enabled = user.as_ref().filter(|user| user.disabled_at.is_none());
            let epoch = enabled.map(|user| user.epoch);
            let presented = PresentedPassword {
                user: name.clone(),
                epoch,
                password: Arc::clone(&password),
                address: from.address,
                at: self.base.time.now(),
                boot: self.base.time.boot(),
            };
            let cached = self.passwords.cached(&presented);
            let is_right = match cached {
                Some(is_right) => is_right,
                None => self.passwords.check(presented).await.inspect_err(count_unchecked)?,
            };
            let Some(user) = user else { return Err(self.refuse_sign_in(from, None, "unknown_user")) };
            if !is_right {
                let reason = if epoch.is_none() { "user_disabled" } else { "wrong_password" };
                return Err(self.refuse_sign_in(from, Some(user.name), reason));
            }
            if cached.is_some() {
                count("remembered");
                return Ok(user);
            }
            // A new password, disabling and sign-out everywhere move the epoch on.
            if let Some(user) =
                self.base.store.user(name.clone()).await?.filter(|user| Some(user.epoch) == epoch)
            {
                count("proven");
                return Ok(user);
            }
        }
        Err(AccountError::Unauthenticated.into())
    }

    /// Notes a refused sign-in for the ledger. A name that no user has is written nowhere.
    fn refuse_sign_in(&self, from: &Caller, user: Option<String>, reason: &'static str) -> ServiceError {
        count("refused");
        let whom = user.map_or(Whom::Nobody, Whom::User);
        self.refusals.note(Refused { caller: from.clone(), whom, reason }, self.base.time.now());
        AccountError::Unauthenticated.into()
    }

    /// The argon2id hash of a new password for this user.
    ///
    /// # Errors
    /// The password may not be set, as a fault of `field`; the hash queue is full.
    pub(in crate::service) async fn hashed(
        &self,
        field: &str,
        secret: Secret<String>,
        user: &str,
    ) -> Result<Secret<String>, ServiceError> {
        let (slot, user) = (self.passwords.queue.enter(true)?, user.to_owned());
        let hash = slot.run(move || password::hash(&secret, &user)).await?;
        Ok(hash.map_err(|error| RequestError::Fields(vec![FieldError::new(field, error.to_string())]))?)
    }

    /// Sets the first admin's password again and ends every cached verdict on it.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn set_password(
        &self,
        caller: &Caller,
        user: &str,
        hash: Secret<String>,
    ) -> Result<(), ServiceError> {
        let entry = caller.did(Action::PasswordSet, self.base.time.now()).about(Subjects::user(user));
        self.base.store.set_password(SetPassword { user: user.to_owned(), hash, entry }).await?;
        Ok(())
    }
}

fn count_unchecked(error: &ServiceError) {
    count(if matches!(error, ServiceError::Store(_)) { "failed" } else { "put_off" });
}

fn count(outcome: &'static str) {
    metrics::counter!("gatepass_sign_ins_total", "outcome" => outcome).increment(1);
}
