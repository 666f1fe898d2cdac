//! When to ask again: jitter, so that ten thousand services do not ask in step, and longer pauses while nobody answers.

use std::time::Duration;

use crate::id::random;

/// The first pause after a failure.
const FIRST: Duration = Duration::from_millis(500);
/// The longest: within the staleness limit an authority that is back is noticed several times over.
const LONGEST: Duration = Duration::from_secs(30);

/// Pauses after failures: each time twice as long, up to half a minute, and spread over the upper half of that.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after one more failure.
    pub(super) fn failed(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        spread(whole, 0.5, 1.0)
    }

    /// It works again.
    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// `span`, a tenth longer or shorter.
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
    fn pauses_double_to_half_a_minute_and_begin_anew_after_a_success() {
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
    fn services_do_not_ask_in_step() {
        let span = Duration::from_secs(100);
        let pauses = (0..50).map(|_| jittered(span)).collect::<std::collections::BTreeSet<_>>();
        assert!(pauses.len() > 40);
        assert!(pauses.iter().all(|pause| (90..=110).contains(&pause.as_secs())), "{pauses:?}");
    }
}
