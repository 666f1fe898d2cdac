//! The check-ins of a daemon, and the policy that they bring.

use std::time::Duration;

use super::{Daemon, PolicyOut};
use crate::client::checkin::{FetchedPolicy, check_in, fetch_policy, is_unknown_route, report};
use crate::client::error::ClientError;
use crate::client::first_use::first_use;
use crate::client::host::HostFile;
use crate::client::renewal::note;
use crate::client::renewal::record::{Attempt, CheckInRecord, PolicyRecord, RenewalRecord};
use crate::clock::Timestamp;

/// Bounds of a pause that a server asks for.
pub(super) const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(86_400));

/// The answer of the server: what a daemon does next.
pub(super) struct Steps {
    /// The host file, with the addresses of the answer.
    pub(super) host: HostFile,
    /// Time of the renewal. A time that has come is not later than now.
    pub(super) renew_after: Timestamp,
    /// Time until the next check-in; `None`: the server has no check-ins.
    pub(super) pause: Option<Duration>,
    /// True if the server has another policy than the file.
    pub(super) has_new_policy: bool,
}

/// Checks in, or asks a server without check-ins for the identity. The report of a new host goes first.
pub(super) async fn ask(daemon: &Daemon<'_>, now: Timestamp) -> Result<Steps, ClientError> {
    let this = &daemon.host;
    let record = RenewalRecord::load(&this.cert_dir);
    let held = daemon.policy.as_ref().and_then(|out| out.file.held());
    if record.report.is_some() {
        first_use(this, now).await?;
    }
    match check_in(this, &report(&record, held), now).await {
        Ok((host, answer)) => {
            let renew_after = if answer.renew { now } else { host.life.renew_after };
            let pause = Some(Duration::from_secs(answer.next).clamp(PAUSE.0, PAUSE.1));
            Ok(Steps { host, renew_after, pause, has_new_policy: answer.fetch_policy })
        }
        Err(error) if is_unknown_route(&error) => {
            let (host, renew_after) = first_use(this, now).await?;
            Ok(Steps { host, renew_after, pause: None, has_new_policy: false })
        }
        Err(error) => Err(error),
    }
}

/// Fetches the policy into its file.
pub(super) async fn fetch(
    daemon: &Daemon<'_>,
    out: &PolicyOut,
    now: Timestamp,
) -> Result<FetchedPolicy, ClientError> {
    let fetched = fetch_policy(&daemon.host, &out.file, now).await;
    note(&daemon.host, |record| {
        let policy = policy_of(record, out);
        policy.policy_error = fetched.as_ref().err().map(ToString::to_string);
        if fetched.as_ref().is_ok_and(|fetched| fetched.is_new) {
            policy.written_at = Some(now);
        }
        policy.mark = out.file.held();
    });
    fetched
}

/// Notes a check-in, and the time of the next.
pub(super) fn record(
    daemon: &Daemon<'_>,
    now: Timestamp,
    asked: &Result<Steps, ClientError>,
    next_at: Timestamp,
) {
    note(&daemon.host, |record| {
        let checkin = record.checkin.get_or_insert_default();
        checkin.attempt = Attempt::of(now, asked);
        checkin.next_at = Some(next_at);
        if let Some(out) = &daemon.policy {
            policy_of(record, out).mark = out.file.held();
        }
    });
}

fn policy_of<'r>(record: &'r mut RenewalRecord, out: &PolicyOut) -> &'r mut PolicyRecord {
    let CheckInRecord { policy, .. } = record.checkin.get_or_insert_default();
    let policy = policy.get_or_insert_default();
    policy.file = out.file.path().to_owned();
    policy
}
