//! Signing in with a user name and a password.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::{Authority, Caller, ServiceError};
use crate::access::proof::Proofs;
use crate::access::{Actor, password};
use crate::ledger::{Action, Subjects};
use crate::secret::Secret;
use crate::store::SetPassword;

/// How many passwords are hashed at once: each takes a core and 19 MiB.
const AT_ONCE: usize = 2;
/// How many sign-ins may wait for that.
const WAITING: usize = 16;

/// What signing in shares: proofs remembered for a minute, and a limit on argon2.
pub(super) struct SignIn {
    proofs: Proofs,
    hashing: Semaphore,
    waiting: AtomicUsize,
}

impl Default for SignIn {
    fn default() -> Self {
        Self { proofs: Proofs::default(), hashing: Semaphore::new(AT_ONCE), waiting: AtomicUsize::new(0) }
    }
}

impl Authority {
    /// Who signs in with this name and password. An unknown user costs the same time as a wrong password.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`] for both; busy, or the store cannot be read.
    pub async fn sign_in(&self, user: &str, secret: Secret<String>) -> Result<Actor, ServiceError> {
        let now = self.time.now();
        if self.sign_in.proofs.holds(user, &secret, now) {
            return Ok(Actor::User(user.to_owned()));
        }
        let hash = self.store.password_hash(user.to_owned()).await?;
        let _queued = Queued::join(&self.sign_in.waiting)?;
        let _permit = self.sign_in.hashing.acquire().await.map_err(|_| ServiceError::SignInBusy)?;
        let judged =
            tokio::task::spawn_blocking(move || (password::verify(&secret, hash.as_ref()), secret)).await;
        match judged {
            Ok((true, secret)) => {
                self.sign_in.proofs.remember(user, &secret, now);
                Ok(Actor::User(user.to_owned()))
            }
            _ => Err(ServiceError::Unauthenticated),
        }
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

/// A place among those that wait or hash; it is given back however the sign-in ends.
struct Queued<'a>(&'a AtomicUsize);

impl<'a> Queued<'a> {
    fn join(waiting: &'a AtomicUsize) -> Result<Self, ServiceError> {
        let queued = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= AT_ONCE + WAITING {
            return Err(ServiceError::SignInBusy);
        }
        Ok(queued)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
