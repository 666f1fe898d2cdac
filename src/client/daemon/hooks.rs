//! The hooks of a daemon, in a loop of their own.

use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Daemon, DaemonEvent, SHORTEST_NAP};
use crate::client::directory::load_enrolled;
use crate::client::error::ClientError;
use crate::client::hook::{Hook, HookError};
use crate::client::renewal::pace::{Wake, last_third, pause, random_share};
use crate::client::renewal::{Occasion, OwedHook, note};

/// Runs the hook until `stop`, whenever it is owed: after each change, after a failure with growing pauses, and at the start.
pub(super) async fn run(
    daemon: &Daemon<'_>,
    (hook, occasion): (Option<&Hook>, Occasion<'_>),
    report: &impl Fn(DaemonEvent<'_>),
    (changed, stop): (&Notify, &CancellationToken),
) {
    let Some(hook) = hook else {
        // Nobody is left to run the hook of an earlier daemon.
        return note(&daemon.host, |record| *occasion.slot(record) = None);
    };
    let Some(owed) = begin(daemon, (hook, occasion), report, stop).await else { return };
    let mut failures = 0;
    let mut wake = Wake::after(daemon.clock.read(), Duration::ZERO);
    loop {
        if wake.has_come(daemon.clock.read()) {
            match owed.run_if_owed(daemon.clock.read().wall, stop.cancelled()).await {
                Err(HookError::Stopped { .. }) => return,
                Ok(ran) => {
                    failures = 0;
                    if ran {
                        report(DaemonEvent::HookDone);
                    }
                }
                Err(error) => {
                    wake = again(daemon, occasion, failures);
                    failures += 1;
                    report(DaemonEvent::HookFailed(&error, wake.at));
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed.notified() => wake = Wake::after(daemon.clock.read(), Duration::ZERO),
            () = tokio::time::sleep(rest(daemon, wake, failures)) => {}
        }
    }
}

/// Time until the next look.
fn rest(daemon: &Daemon<'_>, wake: Wake, failures: u32) -> Duration {
    match failures {
        0 => daemon.nap,
        _ => wake.left(daemon.clock.read()).clamp(SHORTEST_NAP, daemon.nap),
    }
}

/// The hook, once the directory can hold its state.
async fn begin<'a>(
    daemon: &'a Daemon<'_>,
    (hook, occasion): (&'a Hook, Occasion<'a>),
    report: &impl Fn(DaemonEvent<'_>),
    stop: &CancellationToken,
) -> Option<OwedHook<'a>> {
    let mut last = None::<String>;
    loop {
        match OwedHook::begin(hook, &daemon.host.cert_dir, occasion) {
            Ok(owed) => return Some(owed),
            Err(error) => say_once(&mut last, &error, report),
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(daemon.nap) => {}
        }
    }
}

fn say_once(last: &mut Option<String>, error: &ClientError, report: &impl Fn(DaemonEvent<'_>)) {
    let text = error.to_string();
    if last.as_ref() != Some(&text) {
        report(DaemonEvent::HookBlocked(error));
        *last = Some(text);
    }
}

/// The next run after a failure. A short-lived certificate has no time for long pauses, whatever the wall clock shows.
fn again(daemon: &Daemon<'_>, occasion: Occasion<'_>, failures: u32) -> Wake {
    let life = load_enrolled(&daemon.host.cert_dir).map(|host| host.life);
    let left = life.map_or(Duration::ZERO, |life| last_third(&life));
    let wake = Wake::after(daemon.clock.read(), pause(failures, random_share(), left, None));
    note(&daemon.host, |record| {
        occasion.slot(record).get_or_insert_default().next_attempt_at = Some(wake.at);
    });
    wake
}
