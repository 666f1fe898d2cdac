//! `gatepass renew --daemon`, and its log.

use crate::cli::error::{CliError, SHUT_OUT};
use crate::cli::notify::ServiceManager;
use crate::cli::output::note;
use crate::cli::{logging, signals};
use crate::client::ClientError;
use crate::client::daemon::{Daemon, DaemonEvent, PolicyOut};
use crate::client::hook::Hook;
use crate::client::host::ThisHost;
use crate::client::policy_file::PolicyMark;
use crate::client::renew::Renewed;
use crate::clock::SystemClock;

/// Renews until a signal ends it.
pub(super) async fn run(
    host: ThisHost,
    (hook, policy): (Option<Hook>, Option<PolicyOut>),
    manager: &ServiceManager,
) -> Result<(), CliError> {
    // A reader that stalls must not hold the renewals up.
    logging::errors()?;
    let clock = SystemClock;
    let daemon = Daemon { hook, policy, ..Daemon::new(host, &clock) };
    let ended = signals::shutdown()?;
    let shutdown = async {
        ended.await;
        manager.stopping();
    };
    let hangups = signals::hangups()?.each(async || daemon.reload.notify_one());
    let ended = tokio::select! {
        ended = daemon.run(|event| report(event, manager), shutdown) => ended,
        never = hangups => match never {},
        never = signals::reap_orphans() => match never {},
    };
    ended.map_err(failed)
}

/// The error of a daemon that no signal has stopped.
fn failed(error: ClientError) -> CliError {
    if error.is_revoked() {
        note(format!("gatepass: {error}"));
        return CliError::Code(SHUT_OUT);
    }
    CliError::of_host(error)
}

fn report(event: DaemonEvent<'_>, manager: &ServiceManager) {
    match (&event, text(&event)) {
        (DaemonEvent::Waiting(_), Some(text)) => told(&text, || manager.ready(&text)),
        (_, Some(text)) => told(&text, || manager.status(&text)),
        (_, None) => manager.alive(),
    }
}

/// Logs an event, and reports it to the service manager.
fn told(text: &str, manager: impl FnOnce()) {
    note(format!("gatepass renew: {text}"));
    manager();
}

/// The line of an event. A loop that goes round is no news.
fn text(event: &DaemonEvent<'_>) -> Option<String> {
    Some(match event {
        DaemonEvent::Alive => return None,
        DaemonEvent::Waiting(at) => format!("next renewal at {at}"),
        DaemonEvent::Renewed(renewed) => renewal(renewed),
        DaemonEvent::Failed(error, at) => format!("{error}; retry at {at}"),
        DaemonEvent::Unseen(error, at) => {
            format!("the server has not seen the certificate yet: {error}; retry at {at}")
        }
        DaemonEvent::PolicyWritten(PolicyMark { policy, revision, outputs_revision: _ }) => {
            format!("wrote revision {revision} of the policy {policy}")
        }
        DaemonEvent::PolicyFailed(error) => {
            format!("the policy was not written: {error}; the next check-in tries again")
        }
        DaemonEvent::Replaced => String::from("another command has changed the identity"),
        DaemonEvent::Reloaded => String::from("SIGHUP: the identity was read again"),
        DaemonEvent::ClockSet(seconds) => {
            let direction = if *seconds < 0 { "back" } else { "forward" };
            let by = seconds.unsigned_abs();
            format!("this machine's clock was set {direction} by {by} s; if it is wrong now, set it right")
        }
        DaemonEvent::HookDone => String::from("the hook has run"),
        DaemonEvent::HookFailed(error, at) => format!("{error}; the hook is owed, and runs again at {at}"),
        DaemonEvent::HookBlocked(error) => format!("no hook can run: {error}"),
    })
}

fn renewal(Renewed { host, serial, replaced, name_withdrawn }: &Renewed) -> String {
    let renewed = format!(
        "renewed until {} at {}: certificate {serial} replaces {}",
        host.life.expires_at, host.servers.server, replaced.serial
    );
    match name_withdrawn {
        Some(name) => format!("{renewed}; {name} became a name of the authority and is withdrawn"),
        None => renewed,
    }
}
