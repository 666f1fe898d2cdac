//! Verdicts on passwords, cached for a minute so that Basic authentication does not run argon2 on every request.

use std::time::Duration;

use aws_lc_rs::hmac;
use quick_cache::sync::Cache;

use crate::id::random;
use crate::secret::Secret;

/// Maximum number of cached verdicts.
const CAPACITY: usize = 4096;

/// The claim that a password is the user's. A new password, disabling and sign-out everywhere begin a new epoch, which ends
/// every verdict on the user.
pub struct PasswordClaim<'a> {
    /// The user's name.
    pub user: &'a str,
    /// The user's epoch; `None` for a user that cannot sign in: unknown or disabled.
    pub epoch: Option<u64>,
    /// The password as it was presented.
    pub password: &'a Secret<String>,
}

/// The keyed hash of a [`PasswordClaim`]: the only part of it that the cache keeps.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimDigest([u8; 32]);

/// A bounded cache of verdicts, right or wrong. Concurrent identical claims share one check. A verdict says only *who*: rights
/// are read from the store for each request. The key of the digests never leaves the process.
///
/// Times are of the boot clock: it goes on while the wall clock is in doubt.
pub struct Proofs {
    key: hmac::Key,
    verdicts: Cache<ClaimDigest, PasswordVerdict>,
    lifetime: Duration,
}

#[derive(Clone, Copy)]
struct PasswordVerdict {
    is_right: bool,
    until: Duration,
}

impl Proofs {
    /// An empty cache whose verdicts are good for `lifetime`.
    pub fn new(lifetime: Duration) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>());
        Self { key, verdicts: Cache::new(CAPACITY), lifetime }
    }

    /// The digest of `claim` under the key of this cache.
    pub fn digest(&self, claim: &PasswordClaim<'_>) -> ClaimDigest {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[u8::from(claim.epoch.is_some())]);
        context.update(&claim.epoch.unwrap_or(0).to_be_bytes());
        // The length keeps (ab, c) and (a, bc) apart.
        context.update(&(claim.user.len() as u64).to_be_bytes());
        context.update(claim.user.as_bytes());
        context.update(claim.password.expose().as_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        ClaimDigest(digest)
    }

    /// The cached verdict, if it is still good at `now`.
    pub fn get(&self, claim: ClaimDigest, now: Duration) -> Option<bool> {
        let verdict = self.verdicts.get(&claim).filter(|verdict| now < verdict.until)?;
        Some(verdict.is_right)
    }

    /// The cached verdict, or that of `check`, which is then cached. Callers with the same claim wait for the check that is
    /// running. If it fails, the next of them runs its own.
    ///
    /// # Errors
    /// The error of `check`; it is not cached.
    pub async fn get_or_check<E>(
        &self,
        claim: ClaimDigest,
        now: Duration,
        check: impl Future<Output = Result<bool, E>>,
    ) -> Result<bool, E> {
        self.verdicts.remove_if(&claim, |verdict| verdict.until <= now);
        let until = now + self.lifetime;
        let check = async { Ok(PasswordVerdict { is_right: check.await?, until }) };
        Ok(self.verdicts.get_or_insert_async(&claim, check).await?.is_right)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const AT: Duration = Duration::from_secs(1000);
    const LIFETIME: Duration = Duration::from_secs(60);

    fn proofs() -> Proofs {
        Proofs::new(LIFETIME)
    }

    fn claim(proofs: &Proofs, user: &str, epoch: u64, password: &str) -> ClaimDigest {
        let password = &Secret::new(password.to_owned());
        proofs.digest(&PasswordClaim { user, epoch: Some(epoch), password })
    }

    async fn cache(proofs: &Proofs, claim: ClaimDigest, is_right: bool, now: Duration) -> bool {
        let Ok(verdict) = proofs.get_or_check(claim, now, async { Ok::<_, Infallible>(is_right) }).await;
        verdict
    }

    #[tokio::test]
    async fn a_verdict_lasts_a_minute() {
        let proofs = proofs();
        let proven = claim(&proofs, "admin", 0, "pw");
        assert!(cache(&proofs, proven, true, AT).await);
        assert_eq!(proofs.get(proven, AT + Duration::from_secs(59)), Some(true));
        assert_eq!(proofs.get(proven, AT + LIFETIME), None);
        for (user, password) in [("adminp", "w"), ("admin", "PW")] {
            assert_eq!(proofs.get(claim(&proofs, user, 0, password), AT), None);
        }
        assert!(!cache(&proofs, proven, false, AT + LIFETIME).await, "an expired verdict is checked again");
    }

    #[tokio::test]
    async fn a_new_epoch_ends_every_verdict_on_the_user() {
        let proofs = proofs();
        cache(&proofs, claim(&proofs, "admin", 0, "pw"), true, AT).await;
        assert_eq!(proofs.get(claim(&proofs, "admin", 0, "pw"), AT), Some(true));
        assert_eq!(proofs.get(claim(&proofs, "admin", 1, "pw"), AT), None);
        let password = &Secret::new("pw".to_owned());
        let disabled = proofs.digest(&PasswordClaim { user: "admin", epoch: None, password });
        assert_eq!(proofs.get(disabled, AT), None);
    }

    #[tokio::test]
    async fn a_flood_of_claims_takes_bounded_memory() {
        let proofs = proofs();
        for user in 0..2 * CAPACITY {
            cache(&proofs, claim(&proofs, &user.to_string(), 0, "pw"), false, AT).await;
        }
        assert!(proofs.verdicts.len() <= CAPACITY, "{}", proofs.verdicts.len());
    }

    #[tokio::test]
    async fn a_failed_check_is_not_shared() {
        let proofs = proofs();
        let shown = claim(&proofs, "admin", 0, "pw");
        let failed = proofs.get_or_check(shown, AT, async { Err("busy") });
        let (failed, proven) = tokio::join!(failed, cache(&proofs, shown, true, AT));
        assert_eq!((failed, proven), (Err("busy"), true));
    }
}
