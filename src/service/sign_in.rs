//! Signing in with a user name and a password.

mod hashing;

use self::hashing::Hashing;
use super::{Authority, Caller, FieldError, ServiceError};
use crate::access::proof::{Claim, Proofs};
use crate::access::{Actor, Rights, password};
use crate::ledger::{Action, Subjects};
use crate::secret::Secret;
use crate::store::{SetPassword, UserRecord};

/// How often a sign-in is begun anew because the user's epoch has moved on meanwhile.
const MOST_TRIES: usize = 3;

/// What signing in shares: proofs remembered for a minute, and a limit on argon2.
#[derive(Default)]
pub(super) struct SignIn {
    proofs: Proofs,
    hashing: Hashing,
}

/// Who has signed in, and what they may do at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub actor: Actor,
    /// What they may do.
    pub rights: Rights,
}

impl SignedIn {
    /// Whoever can read the data directory of the running server.
    pub const LOCAL: Self = Self { actor: Actor::Local, rights: Rights::ALL };

    /// This user, unless disabled.
    pub(super) fn user(user: UserRecord) -> Option<Self> {
        let UserRecord { name, role, limits, disabled_at, .. } = user;
        let rights = Rights::of_role(role, limits);
        disabled_at.is_none().then_some(Self { actor: Actor::User(name), rights })
    }
}

impl Authority {
    /// Who signs in with this name and password. An unknown and a disabled user cost the same time as a wrong password.
    /// `from` is where the request came from.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`] for all three; busy, or the store cannot be read.
    pub async fn sign_in(
        &self,
        from: &Caller,
        name: &str,
        password: &Secret<String>,
    ) -> Result<SignedIn, ServiceError> {
        let user = self.proven_user(from, name, password).await?;
        SignedIn::user(user).ok_or(ServiceError::Unauthenticated)
    }

    /// The enabled user whose password this is. It was so in the epoch that the record says.
    pub(super) async fn proven_user(
        &self,
        _from: &Caller,
        name: &str,
        password: &Secret<String>,
    ) -> Result<UserRecord, ServiceError> {
        // A new epoch may begin while a password is hashed: then nobody knows which one was proven.
        for _ in 0..MOST_TRIES {
            let known = self.store.user(name.to_owned()).await?;
            let epoch = known.as_ref().map_or(0, |user| user.epoch);
            let claim = self.sign_in.proofs.digest(&Claim { user: name, epoch, password });
            let now = self.time.boot();
            let user = match known {
                Some(user) if self.sign_in.proofs.holds(claim, now) => Some(user),
                _ => {
                    self.prove(name, password).await?;
                    let user =
                        self.store.user(name.to_owned()).await?.ok_or(ServiceError::Unauthenticated)?;
                    if user.epoch == epoch {
                        self.sign_in.proofs.remember(claim, now);
                    }
                    (user.epoch == epoch).then_some(user)
                }
            };
            if let Some(user) = user {
                let enabled = user.disabled_at.is_none();
                return if enabled { Ok(user) } else { Err(ServiceError::Unauthenticated) };
            }
        }
        Err(ServiceError::Unauthenticated)
    }

    /// Whether this is the password, by argon2.
    async fn prove(&self, name: &str, secret: &Secret<String>) -> Result<(), ServiceError> {
        let hash = self.store.password_hash(name.to_owned()).await?;
        let secret = Secret::new(secret.expose().clone());
        let proven = self.sign_in.hashing.run(move || password::verify(&secret, hash.as_ref())).await?;
        if proven { Ok(()) } else { Err(ServiceError::Unauthenticated) }
    }

    /// The argon2id hash of a password that may be set for this user.
    ///
    /// # Errors
    /// What is wrong with it, as a fault of `field`; too many are being hashed.
    pub(super) async fn hashed(
        &self,
        field: &str,
        secret: Secret<String>,
        user: &str,
    ) -> Result<Secret<String>, ServiceError> {
        let user = user.to_owned();
        let hash = self.sign_in.hashing.run(move || password::hash(&secret, &user)).await?;
        hash.map_err(|error| ServiceError::InvalidRequest(vec![FieldError::new(field, error.to_string())]))
    }

    /// Sets the first admin's password again; every remembered proof of theirs ends.
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
        Ok(())
    }
}
