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

/// Which (user, password) pairs were proven lately. It says only *who*: whether a user may still do a thing is read
/// fresh each time. Only a keyed hash of a pair is kept, under a key that this process alone has.
///
/// Moments are times of the boot clock: it goes on where decisions wait for a wall clock in doubt.
pub struct Proofs {
    key: hmac::Key,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    proven: HashMap<[u8; 32], Duration>,
    generation: Generation,
}

/// How often proofs were forgotten. What was proven in one generation is not remembered in the next: the password may be
/// another one by then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation(u64);

impl Default for Proofs {
    fn default() -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()), state: Mutex::default() }
    }
}

impl Proofs {
    /// Whether the pair was proven within [`REMEMBERED`] before `now`.
    pub fn holds(&self, user: &str, password: &Secret<String>, now: Duration) -> bool {
        let digest = self.digest(user, password);
        self.state().proven.get(&digest).is_some_and(|at| is_fresh(*at, now))
    }

    /// The generation that a sign-in begins in: to be asked before the password's hash is read.
    pub fn generation(&self) -> Generation {
        self.state().generation
    }

    /// Remembers that the pair was proven at `now`, by a sign-in that began in `generation`.
    pub fn remember(&self, user: &str, password: &Secret<String>, now: Duration, generation: Generation) {
        let digest = self.digest(user, password);
        let mut state = self.state();
        if state.generation != generation {
            return;
        }
        if state.proven.len() >= MOST {
            state.proven.retain(|_, at| is_fresh(*at, now));
        }
        if state.proven.len() < MOST {
            state.proven.insert(digest, now);
        }
    }

    /// Forgets every proof, also those of sign-ins that have begun: a password changed.
    pub fn forget(&self) {
        let mut state = self.state();
        state.proven.clear();
        state.generation.0 += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn digest(&self, user: &str, password: &Secret<String>) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        // The length keeps (ab, c) and (a, bc) apart.
        context.update(&(user.len() as u64).to_be_bytes());
        context.update(user.as_bytes());
        context.update(password.expose().as_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }
}

fn is_fresh(at: Duration, now: Duration) -> bool {
    now.checked_sub(at).is_some_and(|age| age < REMEMBERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_secs(1000);

    #[test]
    fn a_proof_holds_for_a_minute_and_for_its_own_pair() {
        let proofs = Proofs::default();
        let password = Secret::new("pw".to_owned());
        proofs.remember("admin", &password, AT, proofs.generation());
        assert!(proofs.holds("admin", &password, AT + Duration::from_secs(59)));
        assert!(!proofs.holds("admin", &password, AT + REMEMBERED));
        assert!(!proofs.holds("adminp", &Secret::new("w".to_owned()), AT));
    }

    #[test]
    fn a_changed_password_forgets_every_proof() {
        let proofs = Proofs::default();
        let password = Secret::new("pw".to_owned());
        proofs.remember("admin", &password, AT, proofs.generation());
        proofs.forget();
        assert!(!proofs.holds("admin", &password, AT));
    }

    #[test]
    fn a_sign_in_that_began_before_a_password_changed_is_not_remembered() {
        let (proofs, password) = (Proofs::default(), Secret::new("pw".to_owned()));
        let begun = proofs.generation();
        proofs.forget();
        proofs.remember("admin", &password, AT, begun);
        assert!(!proofs.holds("admin", &password, AT));
    }
}
