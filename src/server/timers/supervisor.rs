//! Timers outlive their panics.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The pause before the first restart.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, and the time after which a restarted timer counts as recovered.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The tasks of a running server, and their end.
#[derive(Clone, Default)]
pub(in crate::server) struct Supervisor {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Supervisor {
    /// Keeps the task of `make` running until the server stops. If it panics or ends, `make` makes another one after a
    /// pause. Each further restart doubles the pause.
    pub(in crate::server) fn run<F>(
        &self,
        timer: &'static str,
        mut make: impl FnMut(CancellationToken) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        let restarts = metrics::counter!("gatepass_timer_restarts_total", "timer" => timer);
        self.tasks.spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                let began = Instant::now();
                let ended = tokio::spawn(make(stop.clone())).await;
                if stop.is_cancelled() {
                    return;
                }
                if began.elapsed() >= LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                }
                restarts.increment(1);
                let cause =
                    ended.err().map_or_else(|| String::from("it returned"), |panic| panic.to_string());
                tracing::error!(timer, cause, ?pause, "a timer ended; it starts again after a pause");
                stop.run_until_cancelled(sleep(pause)).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        });
    }

    /// Ends every task, and waits for it.
    pub(in crate::server) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use metrics_exporter_prometheus::PrometheusBuilder;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_panics_runs_again_until_the_stop() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let (measured, _recording) = (recorder.handle(), metrics::set_default_local_recorder(&recorder));
        let (runs, reached) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let supervisor = Supervisor::default();
        let began = Instant::now();
        let (counted, notifier) = (Arc::clone(&runs), Arc::clone(&reached));
        supervisor.run("tested", move |stop| {
            let (run, reached) = (counted.fetch_add(1, Ordering::Relaxed), Arc::clone(&notifier));
            async move {
                assert!(run > 1, "run {run} panics");
                if run > 2 {
                    reached.notify_one();
                    stop.cancelled().await;
                }
            }
        });
        reached.notified().await;
        assert_eq!(began.elapsed(), Duration::from_secs(1 + 2 + 4), "two panics and a return");
        let restarts = "gatepass_timer_restarts_total{timer=\"tested\"} 3";
        assert!(measured.render().contains(restarts), "{}", measured.render());
        supervisor.stop().await;
        assert_eq!(runs.load(Ordering::Relaxed), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_does_not_wait_for_the_pause() {
        let supervisor = Supervisor::default();
        let panicked = Arc::new(Notify::new());
        let notifier = Arc::clone(&panicked);
        supervisor.run("tested", move |_| {
            notifier.notify_one();
            async { panic!("at once") }
        });
        panicked.notified().await;
        let began = Instant::now();
        supervisor.stop().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
