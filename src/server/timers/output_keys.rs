//! The worker of output keys: it does due work, a few pieces at once, and withdraws keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::outbound::MOST_CALLS;
use crate::service::ServiceError;
use crate::service::outputs::keys::OutputKeys;
use crate::store::WorkPlace;

/// Longest time until due work is found, and the pause after a failure.
const SECOND: Duration = Duration::from_secs(1);
/// Time between two searches for keys of lapsed hosts.
const MINUTE: Duration = Duration::from_secs(60);

/// The worker, and the pieces of work that run now.
struct Worker {
    keys: Arc<OutputKeys>,
    tasks: JoinSet<Result<(), ServiceError>>,
    places: HashMap<Id, WorkPlace>,
    /// The last logged failure since a piece of work was done. A full disk must not get the same line every second.
    logged: Option<String>,
}

/// Works until it is cancelled. Calls that run then are cut off; the next start abandons them, as after a crash.
pub(super) async fn run(keys: Arc<OutputKeys>, stop: CancellationToken) {
    let worker = Worker { keys, tasks: JoinSet::new(), places: HashMap::new(), logged: None };
    stop.run_until_cancelled(worker.work()).await;
}

impl Worker {
    async fn work(mut self) {
        let mut begun = false;
        let mut judged_at = None;
        loop {
            let is_due = judged_at.is_none_or(|at: Instant| at.elapsed() >= MINUTE);
            let done = self.step(&mut begun, is_due).await;
            if is_due && done.is_ok() {
                judged_at = Some(Instant::now());
            }
            let failed = done.is_err();
            if let Err(error) = done {
                self.log(error.to_string());
            }
            let soon = sleep_until(Instant::now() + SECOND);
            if failed {
                soon.await;
                continue;
            }
            tokio::select! {
                () = soon => {}
                () = self.keys.new_work() => {}
                () = self.keys.changes() => judged_at = None,
                Some(ended) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => self.end(ended).await,
            }
        }
    }

    /// Withdraws keys if that `is_due`, and starts due work while calls are free.
    async fn step(&mut self, begun: &mut bool, is_due: bool) -> Result<(), ServiceError> {
        if !*begun {
            self.keys.begin().await?;
            *begun = true;
        }
        if is_due {
            self.keys.withdraw().await?;
        }
        // Pieces that run are due too, until their end is recorded.
        let most = u32::try_from(2 * MOST_CALLS).unwrap_or(u32::MAX);
        let due = if self.tasks.len() < MOST_CALLS { self.keys.due(most).await? } else { Vec::new() };
        for work in due {
            let place = work.place();
            if self.tasks.len() >= MOST_CALLS || self.places.values().any(|running| *running == place) {
                continue;
            }
            let keys = Arc::clone(&self.keys);
            let task = self.tasks.spawn(async move { keys.work(work).await });
            self.places.insert(task.id(), place);
        }
        Ok(())
    }

    /// Forgets a piece of work that has ended. After a failure the next one waits.
    async fn end(&mut self, ended: Result<(Id, Result<(), ServiceError>), tokio::task::JoinError>) {
        let (id, done) = match ended {
            Ok((id, done)) => (id, done.err().map(|error| error.to_string())),
            Err(panicked) => (panicked.id(), Some(panicked.to_string())),
        };
        self.places.remove(&id);
        match done {
            None => self.logged = None,
            Some(error) => {
                self.log(error);
                sleep_until(Instant::now() + SECOND).await;
            }
        }
    }

    fn log(&mut self, error: String) {
        if self.logged.as_ref() != Some(&error) {
            tracing::warn!(error, "work on output keys failed; it is repeated");
        }
        self.logged = Some(error);
    }
}
