//! Proofs of passwords, remembered for a minute so that Basic authentication does not run argon2 on every request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;

use crate::id::random;
use crate::secret::Secret;

/// How long a proof is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(60);

/// How many proofs are remembered at most.
const MOST: usize = 1024;

/// What is proven: that this is the password of this user, in this epoch of theirs. A new password, disabling and signing
/// out everywhere begin a new epoch, and with it end every proof, also those of sign-ins that have begun.
pub struct Claim<'a> {
    /// The user.
    pub user: &'a str,
    /// The user's epoch.
    pub epoch: u64,
    /// The password.
    pub password: &'a Secret<String>,
}

/// A claim under the key of [`Proofs`]: what is kept of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

/// Which claims were proven lately. It says only *who*: whether a user may still do a thing is read fresh each time. Only
/// keyed hashes are kept, under a key that this process alone has.
///
/// Moments are times of the boot clock: it goes on where decisions wait for a wall clock in doubt.
pub struct Proofs {
    key: hmac::Key,
    proven: Mutex<HashMap<Digest, Duration>>,
}

impl Default for Proofs {
    fn default() -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()), proven: Mutex::default() }
    }
}

impl Proofs {
    /// What is kept of `claim`.
    pub fn digest(&self, claim: &Claim<'_>) -> Digest {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&claim.epoch.to_be_bytes());
        // The length keeps (ab, c) and (a, bc) apart.
        context.update(&(claim.user.len() as u64).to_be_bytes());
        context.update(claim.user.as_bytes());
        context.update(claim.password.expose().as_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        Digest(digest)
    }

    /// Whether it was proven within [`REMEMBERED`] before `now`.
    pub fn holds(&self, claim: Digest, now: Duration) -> bool {
        self.proven().get(&claim).is_some_and(|at| is_fresh(*at, now))
    }

    /// Remembers that it was proven at `now`.
    pub fn remember(&self, claim: Digest, now: Duration) {
        let mut proven = self.proven();
        if proven.len() >= MOST {
            proven.retain(|_, at| is_fresh(*at, now));
        }
        if proven.len() < MOST {
            proven.insert(claim, now);
        }
    }

    fn proven(&self) -> MutexGuard<'_, HashMap<Digest, Duration>> {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(at: Duration, now: Duration) -> bool {
    now.checked_sub(at).is_some_and(|age| age < REMEMBERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_secs(1000);

    fn claim(proofs: &Proofs, user: &str, epoch: u64, password: &str) -> Digest {
        proofs.digest(&Claim { user, epoch, password: &Secret::new(password.to_owned()) })
    }

    #[test]
    fn a_proof_holds_for_a_minute_and_for_its_own_pair() {
        let proofs = Proofs::default();
        let proven = claim(&proofs, "admin", 0, "pw");
        proofs.remember(proven, AT);
        assert!(proofs.holds(proven, AT + Duration::from_secs(59)));
        assert!(!proofs.holds(proven, AT + REMEMBERED));
        assert!(!proofs.holds(claim(&proofs, "adminp", 0, "w"), AT));
        assert!(!proofs.holds(claim(&proofs, "admin", 0, "PW"), AT));
    }

    #[test]
    fn a_new_epoch_ends_what_was_proven_in_the_one_before() {
        let proofs = Proofs::default();
        proofs.remember(claim(&proofs, "admin", 0, "pw"), AT);
        assert!(proofs.holds(claim(&proofs, "admin", 0, "pw"), AT));
        assert!(!proofs.holds(claim(&proofs, "admin", 1, "pw"), AT));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let proofs = Proofs::default();
        for user in 0..=MOST {
            proofs.remember(claim(&proofs, &user.to_string(), 0, "pw"), AT);
        }
        assert_eq!(proofs.proven().len(), MOST);
        let later = AT + REMEMBERED;
        let newest = claim(&proofs, "newest", 0, "pw");
        proofs.remember(newest, later);
        assert!(proofs.holds(newest, later));
    }
}
