//! Retry times: jitter, so that ten thousand services do not ask in step, and backoff while the authority is down.

use std::time::Duration;

use crate::id::random;

/// The first pause after a failure.
const FIRST: Duration = Duration::from_millis(500);
/// The maximum pause. Several retries fit into the staleness limit.
const LONGEST: Duration = Duration::from_secs(30);

/// Exponential backoff: each pause doubles, up to half a minute, and is random in its upper half.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after one more failure.
    pub(crate) fn failed(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        spread(whole, 0.5, 1.0)
    }

    /// Resets the backoff after a success.
    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// `span` plus or minus up to a tenth.
pub(super) fn jittered(span: Duration) -> Duration {
    spread(span, 0.9, 1.1)
}

/// A random share of `span` between `least` and `most`.
pub(super) fn spread(span: Duration, least: f64, most: f64) -> Duration {
    let share = f64::from(u32::from_be_bytes(random())) / f64::from(u32::MAX);
    span.mul_f64(least + share * (most - least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_a_success() {
        let mut backoff = Backoff::default();
        for whole in [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000] {
            let whole = Duration::from_millis(whole);
            let pause = backoff.failed();
            assert!(whole / 2 <= pause && pause <= whole, "{pause:?} of {whole:?}");
        }
        (0..100).for_each(|_| assert!(backoff.failed() <= LONGEST));
        backoff.succeeded();
        assert!(backoff.failed() <= FIRST);
    }

    #[test]
    fn two_services_wait_different_times() {
        let span = Duration::from_secs(100);
        let pauses = (0..50).map(|_| jittered(span)).collect::<std::collections::BTreeSet<_>>();
        assert!(pauses.len() > 40);
        assert!(pauses.iter().all(|pause| (90..=110).contains(&pause.as_secs())), "{pauses:?}");
    }
}
