//! Proving a password by argon2: once for all who show the same at a time, and slowly for strangers where many were wrong.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::flights::Flights;
use super::hashing::{Hashing, Lane};
use crate::access::guessing::{Guesses, LONGEST, Reception};
use crate::access::password;
use crate::access::proof::Digest;
use crate::access::throttle::{Limit, RateLimited};
use crate::secret::Secret;
use crate::service::ServiceError;
use crate::store::Store;

/// Whether the password is right, or why that is not known.
type Proven = Result<bool, ServiceError>;

/// Somebody says that this is the user's password.
pub(super) struct Attempt {
    /// Name, epoch and password, as they are remembered.
    pub(super) claim: Digest,
    /// The user.
    pub(super) user: String,
    /// The password.
    pub(super) password: Secret<String>,
    /// From where, if over the network.
    pub(super) address: Option<IpAddr>,
    /// Whether too much was refused at that address lately.
    pub(super) suspect: bool,
    /// When, by the boot clock.
    pub(super) at: Duration,
}

/// What those who prove passwords share.
#[derive(Default)]
pub(super) struct Proving {
    pub(super) hashing: Hashing,
    pub(super) guesses: Guesses,
    attempts: Flights<(Digest, Option<IpAddr>), Proven>,
    hashes: Flights<Digest, Proven>,
}

impl Proving {
    /// Whether the password is right. Who shows what somebody else is showing at that moment hears the same.
    pub(super) async fn prove(self: &Arc<Self>, store: &Arc<dyn Store>, attempt: Attempt) -> Proven {
        if let Some(proven) = self.hashes.join(attempt.claim).await {
            return proven;
        }
        let key = (attempt.claim, attempt.address);
        let (proving, store) = (Arc::clone(self), Arc::clone(store));
        let proven = self.attempts.fly(key, || async move { proving.attempt(store, attempt).await }).await;
        proven.unwrap_or(Err(ServiceError::Unauthenticated))
    }

    async fn attempt(self: Arc<Self>, store: Arc<dyn Store>, attempt: Attempt) -> Proven {
        let (user, address, at) = (attempt.user.clone(), attempt.address, attempt.at);
        let lane = self.receive(&attempt).await?;
        let (proving, claim) = (Arc::clone(&self), attempt.claim);
        let hash = || async move { proving.hash(&store, lane, attempt).await };
        let proven = self.hashes.fly(claim, hash).await.unwrap_or(Err(ServiceError::Unauthenticated))?;
        match proven {
            true => self.guesses.proven(&user, address, at),
            false => self.guesses.failed(&user, at),
        }
        Ok(proven)
    }

    /// Holds the attempt back, if it has to be.
    async fn receive(&self, attempt: &Attempt) -> Result<Lane, ServiceError> {
        let Attempt { user, address, suspect, at, .. } = attempt;
        match self.guesses.receive(user, *address, *suspect, *at) {
            Reception::Known => Ok(Lane::Known),
            Reception::Free => Ok(Lane::Stranger),
            Reception::Held(delay, place) => {
                metrics::counter!("gatepass_sign_ins_held_back_total").increment(1);
                tokio::time::sleep(delay).await;
                drop(place);
                Ok(Lane::Held)
            }
            Reception::Full => {
                let limit = Limit::Account;
                metrics::counter!("gatepass_rate_limited_total", "limit" => limit.as_str()).increment(1);
                let retry_after = u32::try_from(LONGEST.as_secs()).unwrap_or(u32::MAX);
                Err(ServiceError::RateLimited(RateLimited { limit, retry_after }))
            }
        }
    }

    async fn hash(&self, store: &Arc<dyn Store>, lane: Lane, attempt: Attempt) -> Proven {
        let Attempt { user, password, .. } = attempt;
        let hash = store.password_hash(user).await?;
        self.hashing.run(lane, move || password::verify(&password, hash.as_ref())).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::access::proof::{Claim, Proofs};

    const NOW: Duration = Duration::from_secs(1_000_000);

    /// An attempt from this address, or from the server's own machine.
    fn attempt(last: Option<u8>) -> Attempt {
        let password = Secret::new("a wrong horse".to_owned());
        let claim = Proofs::default().digest(&Claim { user: "admin", epoch: 0, password: &password });
        let address = last.map(|last| IpAddr::from([192, 0, 2, last]));
        Attempt { claim, user: "admin".to_owned(), password, address, suspect: false, at: NOW }
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_wait_for_an_account_that_is_guessed_at_and_its_user_does_not() {
        let proving = Proving::default();
        proving.guesses.proven("admin", attempt(Some(1)).address, NOW);
        (0..5000).for_each(|_| proving.guesses.failed("admin", NOW));
        let waited = async |last: Option<u8>| {
            let began = Instant::now();
            (proving.receive(&attempt(last)).await, began.elapsed())
        };
        assert_eq!(waited(Some(1)).await, (Ok(Lane::Known), Duration::ZERO));
        assert_eq!(waited(None).await, (Ok(Lane::Known), Duration::ZERO));
        let (lane, took) = waited(Some(2)).await;
        assert_eq!(lane, Ok(Lane::Held));
        assert!((LONGEST..LONGEST + Duration::from_millis(5)).contains(&took), "{took:?}");
        assert_eq!(waited(Some(2)).await.0, Ok(Lane::Held), "its place is free again");
    }

    #[tokio::test(start_paused = true)]
    async fn one_too_many_of_an_address_hears_when_to_come_again() {
        let proving = Proving::default();
        (0..5000).for_each(|_| proving.guesses.failed("admin", NOW));
        let (one, another) = (attempt(Some(2)), attempt(Some(3)));
        let receive = |attempt| proving.receive(attempt);
        let (first, second, third, other) =
            tokio::join!(receive(&one), receive(&one), receive(&one), receive(&another));
        assert_eq!([first, second, other], [Ok(Lane::Held), Ok(Lane::Held), Ok(Lane::Held)]);
        let limited = RateLimited { limit: Limit::Account, retry_after: 4 };
        assert_eq!(third, Err(ServiceError::RateLimited(limited)));
    }
}
