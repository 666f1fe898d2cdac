//! The rhythm of signing status lists: soon after a change, again before they get old, and at bounded cost. Heartbeats
//! of their event streams.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::service::status_lists::StatusLists;

/// Wait for more changes after the first one, so that changes of one busy moment are signed together.
const GATHER: Duration = Duration::from_millis(25);
/// Shortest time from the start of a round to the start of the next.
const BETWEEN: Duration = Duration::from_millis(100);
/// Longest pause, unless signing would then take more than half of a core.
const LONGEST: Duration = Duration::from_millis(800);
/// Period of age checks, and of retries after a failed round.
const SECOND: Duration = Duration::from_secs(1);
/// Number of consecutive failures after which the log repeats the warning.
const REPEATED_AFTER: u32 = 60;

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

/// Writes the published lists to files until it is cancelled, apart from signing: a revocation must not wait for a slow disk.
pub(super) async fn write_files(lists: Arc<StatusLists>, stop: CancellationToken) {
    let mut failures = 0_u32;
    let writing = async {
        loop {
            lists.unwritten().await;
            let began = Instant::now();
            match lists.write_files().await {
                Ok(()) => failures = 0,
                Err(error) => {
                    if failures.is_multiple_of(REPEATED_AFTER) {
                        tracing::warn!(%error, "the status lists could not be written to files; the server tries again");
                    }
                    failures = failures.saturating_add(1);
                }
            }
            sleep(if failures > 0 { 10 * SECOND } else { pause(began.elapsed()) }).await;
        }
    };
    stop.run_until_cancelled(writing).await;
}

/// Sends heartbeats to the event streams until it is cancelled.
pub(super) async fn heartbeats(lists: Arc<StatusLists>, stop: CancellationToken) {
    let mut ticks = interval(SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        lists.beat();
    }
}

async fn sign(lists: &StatusLists, failures: &mut u32) {
    match lists.sign().await {
        Ok(_) => *failures = 0,
        Err(error) => {
            if failures.is_multiple_of(REPEATED_AFTER) {
                tracing::warn!(%error, "the status lists could not be signed; the previous ones are served");
            }
            *failures = failures.saturating_add(1);
        }
    }
}

/// Returns the pause after a round. Signing gets a tenth of one core, so a long round has a long pause.
/// The pause is bounded, because a revocation waits for it.
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
    fn signing_takes_at_most_a_tenth_of_the_time() {
        assert_eq!(pause(Duration::from_millis(1)), Duration::from_millis(100));
        assert_eq!(pause(Duration::from_millis(80)), Duration::from_millis(800));
        assert_eq!(pause(Duration::from_millis(200)), Duration::from_millis(800));
        assert_eq!(pause(Duration::from_millis(500)), Duration::from_millis(1000));
    }
}
