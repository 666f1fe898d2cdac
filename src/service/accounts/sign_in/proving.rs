//! Proving a password by argon2: once for all who show the same at a time, and slowly for strangers where many were wrong.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::hashing::{Hashing, Lane};
use crate::access::guessing::{Greeting, Guesses, LONGEST, Place, Reception, Trial};
use crate::access::password;
use crate::access::proof::Digest;
use crate::access::throttle::{Limit, RateLimited};
use crate::secret::Secret;
use crate::service::flights::Flights;
use crate::service::{AccountError, ServiceError};
use crate::store::Store;

/// Whether the password is right, or why that is not known.
type Proven = Result<bool, ServiceError>;

/// Somebody says that this is the user's password.
pub(super) struct Attempt {
    /// Name, epoch and password, as they are remembered.
    pub(super) claim: Digest,
    /// Who says so.
    pub(super) trial: Trial,
    /// The password.
    pub(super) password: Arc<Secret<String>>,
    /// Whether the user may not sign in whatever the password is: it is hashed, and wrong.
    pub(super) disabled: bool,
    /// When, by the boot clock.
    pub(super) at: Duration,
}

/// What those who prove passwords share.
#[derive(Default)]
pub(super) struct Proving {
    pub(super) hashing: Hashing,
    pub(super) guesses: Guesses,
    attempts: Flights<(Digest, Option<IpAddr>, Greeting), Proven>,
    hashes: Flights<Digest, Proven>,
}

impl Proving {
    /// Whether the password is right. Who shows what somebody else is showing at that moment hears the same. What has a place goes
    /// on to its hash though nobody waits for it any more: who comes again meanwhile joins it.
    pub(super) async fn prove(self: &Arc<Self>, store: &Arc<dyn Store>, attempt: Attempt) -> Proven {
        if let Some(proven) = self.hashes.join(attempt.claim).await {
            if proven == Ok(true) {
                self.guesses.proven(&attempt.trial, attempt.at);
            }
            return proven;
        }
        let key = (attempt.claim, attempt.trial.address, attempt.trial.greeting);
        let (proving, store) = (Arc::clone(self), Arc::clone(store));
        let proven = self.attempts.fly(key, || async move { proving.attempt(store, attempt).await }).await;
        proven.unwrap_or(Err(ServiceError::Account(AccountError::Unauthenticated)))
    }

    async fn attempt(self: Arc<Self>, store: Arc<dyn Store>, attempt: Attempt) -> Proven {
        let (lane, place) = self.receive(&attempt).await?;
        let attempt = Arc::new(attempt);
        let (proving, shown) = (Arc::clone(&self), Arc::clone(&attempt));
        let hash = || async move { proving.hash(&store, (lane, place), shown).await };
        let hashed = self.hashes.fly(attempt.claim, hash).await;
        let proven = hashed.unwrap_or(Err(ServiceError::Account(AccountError::Unauthenticated)))?;
        if proven {
            self.guesses.proven(&attempt.trial, attempt.at);
        }
        Ok(proven)
    }

    /// Holds the attempt back, if it has to be.
    async fn receive(&self, attempt: &Attempt) -> Result<(Lane, Option<Place>), ServiceError> {
        match self.guesses.receive(&attempt.trial, attempt.at) {
            Reception::Known => Ok((Lane::Known, None)),
            Reception::Free => Ok((Lane::Stranger(attempt.trial.site()), None)),
            Reception::Held(delay, place) => {
                metrics::counter!("gatepass_sign_ins_held_back_total").increment(1);
                tokio::time::sleep(delay).await;
                Ok((Lane::Held(place.queue()), Some(place)))
            }
            Reception::FullWhereKnown => Err(AccountError::SignInBusy.into()),
            Reception::Full => {
                let limit = Limit::Account;
                metrics::counter!("gatepass_rate_limited_total", "limit" => limit.as_str()).increment(1);
                let retry_after = u32::try_from(LONGEST.as_secs()).unwrap_or(u32::MAX);
                Err(ServiceError::RateLimited(RateLimited { limit, retry_after }))
            }
        }
    }

    /// A wrong one is counted once, however many show it at that moment.
    async fn hash(
        &self,
        store: &Arc<dyn Store>,
        (lane, place): (Lane, Option<Place>),
        attempt: Arc<Attempt>,
    ) -> Proven {
        let hash = store.password_hash(attempt.trial.user.clone()).await?.filter(|_| !attempt.disabled);
        let guesses = self.guesses.clone();
        let verify = move || {
            // The place is kept until the password is hashed: who waits for that is counted too.
            let _kept = place;
            let right = password::verify(&attempt.password, hash.as_ref());
            if !right {
                guesses.failed(&attempt.trial, attempt.at);
            }
            right
        };
        self.hashing.run(lane, verify).await
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::LazyLock;

    use tokio::sync::Semaphore;
    use tokio::time::Instant;

    use super::*;
    use crate::access::proof::{Claim, Proofs};
    use crate::clock::Timestamp;
    use crate::ledger::{Action, Draft};
    use crate::store::SetPassword;
    use crate::store::sqlite::{SqliteOptions, SqliteStore};

    const NOW: Duration = Duration::from_secs(1_000_000);
    const RIGHT: &str = "correct horse battery";
    static PROOFS: LazyLock<Proofs> = LazyLock::new(Proofs::default);
    /// How long a hash may take on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// An attempt from this address, or from the server's own machine.
    fn attempt(last: Option<u8>) -> Attempt {
        shown(last, "a wrong horse")
    }

    /// The same with this password.
    fn shown(last: Option<u8>, password: &str) -> Attempt {
        let password = Arc::new(Secret::new(password.to_owned()));
        let claim = PROOFS.digest(&Claim { user: "admin", epoch: 0, password: &password });
        let address = last.map(|last| IpAddr::from([192, 0, 2, last]));
        let (user, greeting) = ("admin".to_owned(), Greeting::AsKnown);
        let trial = Trial { user, epoch: 0, address, suspect: false, greeting };
        Attempt { claim, trial, password, disabled: false, at: NOW }
    }

    /// In which lane an attempt from there is hashed, and how long it waited for that.
    async fn waited(proving: &Proving, last: Option<u8>) -> (Result<Lane, ServiceError>, Duration) {
        let began = Instant::now();
        (proving.receive(&attempt(last)).await.map(|(lane, _place)| lane), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_wait_for_an_account_that_is_guessed_at_and_its_user_does_not() {
        let proving = Proving::default();
        proving.guesses.proven(&attempt(Some(1)).trial, NOW);
        (0..5000).for_each(|_| proving.guesses.failed(&attempt(None).trial, NOW));
        assert_eq!(waited(&proving, Some(1)).await, (Ok(Lane::Known), Duration::ZERO));
        assert_eq!(waited(&proving, None).await, (Ok(Lane::Known), Duration::ZERO));
        let (lane, took) = waited(&proving, Some(2)).await;
        assert!(matches!(lane, Ok(Lane::Held(_))), "{lane:?}");
        assert!((LONGEST..LONGEST + Duration::from_millis(5)).contains(&took), "{took:?}");
        let (lane, _) = waited(&proving, Some(2)).await;
        assert!(matches!(lane, Ok(Lane::Held(_))), "its place is free again: {lane:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_too_many_of_an_address_hears_when_to_come_again() {
        let proving = Proving::default();
        (0..5000).for_each(|_| proving.guesses.failed(&attempt(None).trial, NOW));
        let (one, another) = (attempt(Some(2)), attempt(Some(3)));
        let receive = async |attempt| proving.receive(attempt).await.map(|(lane, _place)| lane);
        let (first, second, third, other) =
            tokio::join!(receive(&one), receive(&one), receive(&one), receive(&another));
        for held in [first, second, other] {
            assert!(matches!(held, Ok(Lane::Held(_))), "{held:?}");
        }
        let limited = RateLimited { limit: Limit::Account, retry_after: 4 };
        assert_eq!(third, Err(ServiceError::RateLimited(limited)));
    }

    /// A store in which `admin` has [`RIGHT`].
    async fn store(directory: &Path) -> Arc<dyn Store> {
        let at = Timestamp::from_secs(1_900_000_000);
        let options = SqliteOptions::new(at);
        let store: Arc<dyn Store> = SqliteStore::open(&directory.join("gatepass.db"), options).unwrap();
        let hash = password::hash(&Secret::new(RIGHT.to_owned()), "admin").unwrap();
        let entry = Draft::done(Action::PasswordSet, at, "local");
        store.set_password(SetPassword { user: "admin".to_owned(), hash, at, entry }).await.unwrap();
        store
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_before_the_hold_ends_and_comes_again_joins_their_first_attempt() {
        let directory = tempfile::tempdir().unwrap();
        let (store, proving) = (store(directory.path()).await, Arc::new(Proving::default()));
        (0..5000).for_each(|_| proving.guesses.failed(&attempt(None).trial, NOW));
        let began = Instant::now();
        for _ in 0..3 {
            let short = tokio::time::timeout(LONGEST / 4, proving.prove(&store, shown(Some(2), RIGHT))).await;
            assert!(short.is_err(), "it is held back: {short:?}");
        }
        assert_eq!(proving.prove(&store, shown(Some(2), RIGHT)).await, Ok(true));
        assert!(began.elapsed() < LONGEST + LONGEST / 4, "no hold began anew: {:?}", began.elapsed());
        assert_eq!(waited(&proving, Some(2)).await, (Ok(Lane::Known), Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_password_counts_although_who_showed_it_left() {
        let directory = tempfile::tempdir().unwrap();
        let (store, proving) = (store(directory.path()).await, Arc::new(Proving::default()));
        (0..6).for_each(|_| proving.guesses.failed(&attempt(None).trial, NOW));
        let delay = || match proving.guesses.receive(&attempt(Some(3)).trial, NOW) {
            Reception::Held(delay, _) => delay,
            _ => panic!("not held back"),
        };
        let before = delay();
        let short = tokio::time::timeout(before / 2, proving.prove(&store, attempt(Some(2)))).await;
        assert!(short.is_err(), "it is held back: {short:?}");
        let deadline = std::time::Instant::now() + PATIENCE;
        while delay() == before {
            assert!(std::time::Instant::now() < deadline, "it is counted");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn who_joins_a_hash_that_is_under_way_is_known_where_they_are_from_then_on() {
        let directory = tempfile::tempdir().unwrap();
        let (store, proving) = (store(directory.path()).await, Arc::new(Proving::default()));
        let gate = Arc::new(Semaphore::new(0));
        let hash = {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire()
                    .await
                    .map(|_| true)
                    .map_err(|_| ServiceError::Account(AccountError::Unauthenticated))
            }
        };
        let flown = proving.hashes.fly(shown(None, RIGHT).claim, || hash);
        let joined = async {
            gate.add_permits(1);
            proving.prove(&store, shown(Some(7), RIGHT)).await
        };
        assert_eq!(tokio::join!(flown, joined), (Some(Ok(true)), Ok(true)));
        assert_eq!(waited(&proving, Some(7)).await.0, Ok(Lane::Known));
    }

    /// On one thread for all that blocks, which counts.
    #[test]
    fn a_wrong_password_a_disabled_users_and_a_name_that_nobody_has_cost_one_run_of_argon2_each() {
        let mut threads = tokio::runtime::Builder::new_current_thread();
        threads.max_blocking_threads(1).enable_time().build().unwrap().block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let store = store(directory.path()).await;
            let proving = Arc::new(Proving::default());
            let runs = async || tokio::task::spawn_blocking(password::runs).await.unwrap();
            let (right, wrong) = (RIGHT, "a wrong horse");
            let cases = [("admin", wrong, false), ("nobody", wrong, false), ("admin", right, true)];
            for (user, password, disabled) in cases {
                let before = runs().await;
                let mut attempt = Attempt { disabled, ..shown(Some(1), password) };
                user.clone_into(&mut attempt.trial.user);
                let trial = attempt.trial.clone();
                assert_eq!(proving.prove(&store, attempt).await, Ok(false), "{user}");
                assert_eq!(runs().await, before + 1, "{user}");
                assert!(!matches!(proving.guesses.receive(&trial, NOW), Reception::Known), "{user}");
            }
            for _ in 0..4 {
                let attempt = Attempt { disabled: true, ..shown(Some(1), right) };
                assert_eq!(proving.prove(&store, attempt).await, Ok(false));
            }
            let received = proving.guesses.receive(&attempt(Some(1)).trial, NOW);
            assert!(matches!(received, Reception::Held(..)), "each of them was counted");
        });
    }
}
