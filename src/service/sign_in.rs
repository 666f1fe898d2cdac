//! Signing in with a user name and a password.

mod hashing;

use self::hashing::Hashing;
use super::{Authority, Caller, ServiceError};
use crate::access::proof::Proofs;
use crate::access::{Actor, password};
use crate::ledger::{Action, Subjects};
use crate::secret::Secret;
use crate::store::SetPassword;

/// What signing in shares: proofs remembered for a minute, and a limit on argon2.
#[derive(Default)]
pub(super) struct SignIn {
    proofs: Proofs,
    hashing: Hashing,
}

impl Authority {
    /// Who signs in with this name and password. An unknown user costs the same time as a wrong password.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`] for both; busy, or the store cannot be read.
    pub async fn sign_in(&self, user: &str, secret: Secret<String>) -> Result<Actor, ServiceError> {
        let now = self.time.boot();
        if self.sign_in.proofs.holds(user, &secret, now) {
            return Ok(Actor::User(user.to_owned()));
        }
        let generation = self.sign_in.proofs.generation();
        let hash = self.store.password_hash(user.to_owned()).await?;
        let verify = move || password::verify(&secret, hash.as_ref()).then_some(secret);
        let proven = self.sign_in.hashing.run(verify).await?.ok_or(ServiceError::Unauthenticated)?;
        self.sign_in.proofs.remember(user, &proven, now, generation);
        Ok(Actor::User(user.to_owned()))
    }

    /// Sets a user's password; every remembered proof ends.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn set_password(
        &self,
        caller: &Caller,
        user: &str,
        hash: Secret<String>,
    ) -> Result<(), ServiceError> {
        let at = self.time.now();
        let subjects = Subjects { user: Some(user.to_owned()), ..Subjects::default() };
        let entry = caller.did(Action::PasswordSet, at).about(subjects);
        self.store.set_password(SetPassword { user: user.to_owned(), hash, at, entry }).await?;
        self.sign_in.proofs.forget();
        Ok(())
    }
}
