//! When status lists are signed: soon after a change, again before they get old, and never so often that it costs a core.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::service::status_lists::StatusLists;

/// How long a round waits for more changes after the first: those of one busy moment are signed together.
const GATHER: Duration = Duration::from_millis(25);
/// From the beginning of a round to that of the next, at least.
const BETWEEN: Duration = Duration::from_millis(100);
/// How long a rest may be, unless signing would take more than half of a core then.
const LONGEST: Duration = Duration::from_millis(800);
/// How often ages are looked at, and a failed round is tried again.
const SECOND: Duration = Duration::from_secs(1);
/// After how many failures in a row the log says so again.
const SAID_AGAIN: u32 = 60;

/// Signs the status lists until it is cancelled.
pub(super) async fn run(lists: Arc<StatusLists>, stop: CancellationToken) {
    let signing = async {
        let mut changes = lists.changes();
        let mut overdue = lists.overdue();
        let mut failures = 0;
        loop {
            changes.mark_unchanged();
            overdue.mark_unchanged();
            let began = Instant::now();
            sign(&lists, &mut failures).await;
            let pause = if failures > 0 { SECOND } else { pause(began.elapsed()) };
            sleep_until(began + pause).await;
            if failures == 0 {
                wait(&lists, &mut changes, &mut overdue).await;
            }
        }
    };
    stop.run_until_cancelled(signing).await;
}

async fn sign(lists: &StatusLists, failures: &mut u32) {
    match lists.sign().await {
        Ok(_) => *failures = 0,
        Err(error) => {
            if failures.is_multiple_of(SAID_AGAIN) {
                tracing::warn!(%error, "the status lists could not be signed; the ones signed before are served");
            }
            *failures = failures.saturating_add(1);
        }
    }
}

/// A round that takes long (full lists) is followed by a long rest, so that signing gets a tenth of one core; but a
/// revocation must not wait for longer than [`LONGEST`].
fn pause(took: Duration) -> Duration {
    BETWEEN.max(took * 10).min(LONGEST.max(took * 2))
}

/// Waits until there is something to sign.
async fn wait(lists: &StatusLists, changes: &mut watch::Receiver<u64>, overdue: &mut watch::Receiver<u64>) {
    let mut ticks = interval(SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = changes.changed() => return sleep(GATHER).await,
            _ = overdue.changed() => return,
            _ = ticks.tick() => if lists.are_due() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_a_tenth_of_a_second_apart_and_a_tenth_of_the_time_at_most() {
        assert_eq!(pause(Duration::from_millis(1)), Duration::from_millis(100));
        assert_eq!(pause(Duration::from_millis(80)), Duration::from_millis(800));
        assert_eq!(pause(Duration::from_millis(200)), Duration::from_millis(800));
        assert_eq!(pause(Duration::from_millis(500)), Duration::from_millis(1000));
    }
}
