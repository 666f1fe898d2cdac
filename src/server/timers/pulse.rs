//! The pulse of a running server, for a watchdog.

use std::time::Duration;

use parking_lot::Mutex;
use strum::VariantArray as _;
use tokio::sync::Notify;

use super::Timer;

/// The longest period of a timer that the pulse follows.
const SHORT: Duration = Duration::from_secs(5);

/// Beats when each timer with a short period has finished another run. A failed run counts, because a restart cures no full
/// disk. One of the timers waits for the writer of the store, so a writer that hangs ends the pulse.
#[derive(Default)]
pub struct Pulse {
    ran: Mutex<Vec<Timer>>,
    beat: Notify,
}

impl Pulse {
    /// Completes at the next beat. The first one is the start. Beats that nobody waited for count as one.
    pub async fn beat(&self) {
        self.beat.notified().await;
    }

    /// Beats for the first time.
    pub(in crate::server) fn start(&self) {
        self.beat.notify_one();
    }

    /// Records a finished run of `timer`.
    pub(super) fn ran(&self, timer: Timer) {
        let mut ran = self.ran.lock();
        if timer.period() <= SHORT && !ran.contains(&timer) {
            ran.push(timer);
        }
        let followed = Timer::VARIANTS.iter().filter(|timer| timer.period() <= SHORT);
        if ran.len() == followed.count() {
            ran.clear();
            self.beat.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beats(pulse: &Pulse) -> bool {
        use std::task::{Context, Poll, Waker};
        let beat = std::pin::pin!(pulse.beat());
        beat.poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn a_beat_needs_every_short_timer() {
        let pulse = Pulse::default();
        assert!(!beats(&pulse));
        pulse.start();
        assert!(beats(&pulse) && !beats(&pulse));
        let (short, long) = Timer::VARIANTS.iter().partition::<Vec<_>, _>(|timer| timer.period() <= SHORT);
        assert!(short.contains(&&Timer::StoreProbe) && short.len() > 1, "{short:?}");
        for _ in 0..2 {
            for timer in long.iter().chain(&short[1..]).chain(&short[1..]) {
                pulse.ran(**timer);
                assert!(!beats(&pulse), "{} has not run", short[0].name());
            }
            pulse.ran(*short[0]);
            assert!(beats(&pulse) && !beats(&pulse));
        }
    }
}
