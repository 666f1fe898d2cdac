//! Proofs of passwords, remembered for a minute so that Basic authentication does not run argon2 on every request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;

use crate::clock::Timestamp;
use crate::id::random;
use crate::secret::Secret;

/// How long a proof is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(60);

/// How many proofs are remembered at most.
const MOST: usize = 1024;

/// Which (user, password) pairs were proven lately. It says only *who*: whether a user may still do a thing is read
/// fresh each time. Only a keyed hash of a pair is kept, under a key that this process alone has.
pub struct Proofs {
    key: hmac::Key,
    proven: Mutex<HashMap<[u8; 32], Timestamp>>,
}

impl Default for Proofs {
    fn default() -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()), proven: Mutex::default() }
    }
}

impl Proofs {
    /// Whether the pair was proven within [`REMEMBERED`] before `now`.
    pub fn holds(&self, user: &str, password: &Secret<String>, now: Timestamp) -> bool {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.get(&self.digest(user, password)).is_some_and(|at| *at <= now && now.since(*at) < REMEMBERED)
    }

    /// Remembers that the pair was proven at `now`.
    pub fn remember(&self, user: &str, password: &Secret<String>, now: Timestamp) {
        let digest = self.digest(user, password);
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if proven.len() >= MOST {
            proven.retain(|_, at| now.since(*at) < REMEMBERED);
        }
        if proven.len() < MOST {
            proven.insert(digest, now);
        }
    }

    /// Forgets every proof: a password changed.
    pub fn forget(&self) {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).clear();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_a_minute_and_for_its_own_pair() {
        let proofs = Proofs::default();
        let (password, at) = (Secret::new("pw".to_owned()), Timestamp::from_secs(1000));
        proofs.remember("admin", &password, at);
        assert!(proofs.holds("admin", &password, at.plus(Duration::from_secs(59))));
        assert!(!proofs.holds("admin", &password, at.plus(REMEMBERED)));
        assert!(!proofs.holds("adminp", &Secret::new("w".to_owned()), at));
    }

    #[test]
    fn a_changed_password_forgets_every_proof() {
        let proofs = Proofs::default();
        let (password, at) = (Secret::new("pw".to_owned()), Timestamp::from_secs(1000));
        proofs.remember("admin", &password, at);
        proofs.forget();
        assert!(!proofs.holds("admin", &password, at));
    }
}
