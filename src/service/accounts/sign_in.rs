//! Signing in with a user name and a password.

mod hashing;
mod proving;

use std::sync::Arc;

use self::hashing::Lane;
use self::proving::{Attempt, Proving};
use crate::access::guessing::{Greeting, Trial};
use crate::access::proof::{Claim, Proofs};
use crate::access::{Actor, Rights, password};
use crate::ledger::{Action, Basis, Subjects};
use crate::name::UserName;
use crate::secret::Secret;
use crate::service::accounts::Accounts;
use crate::service::refusals::{Refused, Whom};
use crate::service::{AccountError, Caller, FieldError, RequestError, ServiceError};
use crate::store::{SetPassword, UserRecord};

/// How often a sign-in is begun anew because the user's epoch has moved on meanwhile.
const MOST_TRIES: usize = 3;

/// What signing in shares: proofs remembered for a minute, and what stands before argon2.
#[derive(Default)]
pub(in crate::service) struct SignIn {
    proofs: Proofs,
    proving: Arc<Proving>,
}

/// Who has signed in, and what they may do at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub actor: Actor,
    /// What they may do.
    pub rights: Rights,
    /// What the rights were read from, if they can be taken away.
    pub basis: Option<Basis>,
}

impl SignedIn {
    /// Whoever can read the data directory of the running server.
    pub const LOCAL: Self = Self { actor: Actor::Local, rights: Rights::ALL, basis: None };

    /// This user, unless disabled.
    pub(in crate::service) fn user(user: UserRecord) -> Option<Self> {
        let UserRecord { name, role, limits, epoch, version, disabled_at, .. } = user;
        let basis = Some(Basis::User { name: name.clone(), epoch, version });
        let rights = Rights::of_role(role, limits);
        disabled_at.is_none().then_some(Self { actor: Actor::User(name), rights, basis })
    }
}

impl Accounts {
    /// Who signs in with this name and password. An unknown and a disabled user cost the same time as a wrong password.
    /// `from` is where the request came from.
    ///
    /// # Errors
    /// [`AccountError::Unauthenticated`] for all three; busy, or the store cannot be read.
    pub async fn sign_in(
        &self,
        from: &Caller,
        name: &str,
        password: &Secret<String>,
    ) -> Result<SignedIn, ServiceError> {
        let user = self.prove(from, name, password, Greeting::AsKnown).await?;
        SignedIn::user(user).ok_or(ServiceError::Account(AccountError::Unauthenticated))
    }

    /// The enabled user whose password this is. It was so in the epoch that the record says. Whoever is signed in already
    /// is to be greeted as a stranger: who came by a session is at one of its user's addresses, maybe.
    ///
    /// # Errors
    /// As [`Accounts::sign_in`].
    pub(in crate::service) async fn prove(
        &self,
        from: &Caller,
        name: &str,
        password: &Secret<String>,
        greeting: Greeting,
    ) -> Result<UserRecord, ServiceError> {
        // What has not the form of a name is a name that nobody has; its length is not the sender's to choose.
        let name = UserName::parse(name).map_or_else(|_| String::new(), |name| name.to_string());
        let kept = Arc::new(password::kept(password));
        // A new epoch may begin while a password is hashed: then nobody knows which one was proven.
        for _ in 0..MOST_TRIES {
            let known = self.store.user(name.clone()).await?;
            let epoch = known.as_ref().map_or(0, |user| user.epoch);
            let claim = self.sign_in.proofs.digest(&Claim { user: &name, epoch, password: &kept });
            let at = self.time.boot();
            let known = match known {
                Some(user) if !is_disabled(&user) && self.sign_in.proofs.holds(claim, at) => {
                    count("remembered");
                    return Ok(user);
                }
                known => known,
            };
            let suspect = from.address.is_some_and(|address| self.throttles.refuses(address));
            let disabled = known.as_ref().is_some_and(is_disabled);
            let trial = Trial { user: name.clone(), epoch, address: from.address, suspect, greeting };
            let attempt = Attempt { claim, trial, password: Arc::clone(&kept), disabled, at };
            let proven = self
                .sign_in
                .proving
                .prove(&self.store, attempt)
                .await
                .inspect_err(|error| self.put_off(from, error))?;
            let Some(known) = known else { return Err(self.refuse_sign_in(from, None, "unknown_user")) };
            if !proven {
                let reason = if disabled { "user_disabled" } else { "wrong_password" };
                return Err(self.refuse_sign_in(from, Some(known.name), reason));
            }
            match self.store.user(name.clone()).await? {
                // Who is disabled meanwhile begins a new epoch by it.
                Some(user) if user.epoch == epoch && !is_disabled(&user) => {
                    self.sign_in.proofs.remember(claim, at);
                    count("proven");
                    return Ok(user);
                }
                _ => {}
            }
        }
        Err(AccountError::Unauthenticated.into())
    }

    /// Counts that a password was not proven. Whoever comes where there is no room is refused as by a wrong one: else who
    /// takes all the room there is would never be suspect.
    fn put_off(&self, from: &Caller, error: &ServiceError) {
        match (error, from.address) {
            (ServiceError::Store(_), _) => return count("failed"),
            // What it says is said already: to come again later.
            (
                ServiceError::Account(AccountError::SignInBusy) | ServiceError::RateLimited(_),
                Some(address),
            ) => {
                let _ = self.throttles.refuse(address);
            }
            _ => {}
        }
        count("put_off");
    }

    /// Notes for the ledger that somebody was refused. A name that no user has is written nowhere.
    fn refuse_sign_in(&self, from: &Caller, user: Option<String>, reason: &'static str) -> ServiceError {
        count("refused");
        let whom = user.map_or(Whom::Nobody, Whom::User);
        self.refusals.note(Refused { caller: from.clone(), whom, reason }, self.time.now());
        ServiceError::Account(AccountError::Unauthenticated)
    }

    /// Forgets what wrong passwords have no effect any more. For a timer.
    pub fn forgive_guesses(&self) {
        self.sign_in.proving.guesses.sweep(self.time.boot());
    }

    /// The argon2id hash of a password that may be set for this user.
    ///
    /// # Errors
    /// What is wrong with it, as a fault of `field`; too many are being hashed.
    pub(in crate::service) async fn hashed(
        &self,
        field: &str,
        secret: Secret<String>,
        user: &str,
    ) -> Result<Secret<String>, ServiceError> {
        let user = user.to_owned();
        let hash =
            self.sign_in.proving.hashing.run(Lane::Known, move || password::hash(&secret, &user)).await?;
        hash.map_err(|error| {
            ServiceError::Request(RequestError::Fields(vec![FieldError::new(field, error.to_string())]))
        })
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
        let subjects = Subjects::user(user);
        let entry = caller.did(Action::PasswordSet, at).about(subjects);
        self.store.set_password(SetPassword { user: user.to_owned(), hash, at, entry }).await?;
        Ok(())
    }
}

const fn is_disabled(user: &UserRecord) -> bool {
    user.disabled_at.is_some()
}

/// Counts how a sign-in ended.
fn count(outcome: &'static str) {
    metrics::counter!("gatepass_sign_ins_total", "outcome" => outcome).increment(1);
}
