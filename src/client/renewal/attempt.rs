//! One attempt to renew, with its trace in the record.

use std::time::Duration;

use super::pace::{gap, patience, pause, random_share, time_left};
use super::record::{Attempt, BootTime, Renewal, RenewalRecord};
use crate::client::directory::{load_enrolled, repair};
use crate::client::error::ClientError;
use crate::client::host::{HostFile, ThisHost};
use crate::client::renew::{Renewed, renew_only};
use crate::clock::Reading;
use crate::connect::ConnectError;
use crate::wire::CertificateLife;

/// Renews the identity of `this` host, due or not, and records the attempt. The first use is left to the caller.
///
/// # Errors
/// As [`renew_only`] has them.
pub async fn renew_now(this: &ThisHost, now: Reading) -> Result<Renewed, ClientError> {
    repair(&this.cert_dir)?;
    attempt(this, &load_enrolled(&this.cert_dir)?, now).await
}

/// The same if renewal is due, and records that somebody has looked.
///
/// # Errors
/// As [`renew_only`] has them.
pub async fn renew_if_due(this: &ThisHost, now: Reading) -> Result<Option<Renewed>, ClientError> {
    repair(&this.cert_dir)?;
    let host = load_enrolled(&this.cert_dir)?;
    note(this, |record| record.looked_at = Some(now.wall));
    attempt_if_due(this, &host, now).await
}

/// The same for a caller that does not come again, so that nobody counts on it.
pub(in crate::client) async fn attempt_if_due(
    this: &ThisHost,
    host: &HostFile,
    now: Reading,
) -> Result<Option<Renewed>, ClientError> {
    let earliest = earliest(&RenewalRecord::load(&this.cert_dir), &host.life);
    match host.is_due(now.wall) && now.boot >= earliest {
        true => attempt(this, host, now).await.map(Some),
        false => Ok(None),
    }
}

/// One attempt. A host with little time left gives it up in time for the next.
pub(in crate::client) async fn attempt(
    this: &ThisHost,
    host: &HostFile,
    now: Reading,
) -> Result<Renewed, ClientError> {
    let span = patience(time_left(now.wall, &host.life));
    let late = |_| {
        let server = host.servers.server.clone();
        Err(ConnectError::TimedOut { server, span }.into())
    };
    let renewed = tokio::time::timeout(span, renew_only(this, now.wall)).await.unwrap_or_else(late);
    note(this, |record| {
        record.attempt = Attempt::of(now.wall, &renewed);
        record.asked_until = renewed.as_ref().err().and_then(|error| asked_until(error, host, now));
        if renewed.is_ok() {
            record.renewed = Some(Renewal { at: now.wall, boot: boot_time(now.boot) });
        }
    });
    renewed
}

/// Changes the record. A host that has left has none, and a record that cannot be written must not stop renewals.
pub(in crate::client) fn note(this: &ThisHost, change: impl FnOnce(&mut RenewalRecord)) {
    if load_enrolled(&this.cert_dir).is_err() {
        return;
    }
    if let Err(error) = RenewalRecord::update(&this.cert_dir, change) {
        tracing::warn!(%error, "the state of the renewals was not written");
    }
}

/// Boot clock before which the certificate of this `life` is not renewed again. The clock of an earlier boot says nothing.
pub(in crate::client) fn earliest(record: &RenewalRecord, life: &CertificateLife) -> Duration {
    let known = |time: &BootTime| (time.boot_id == boot_id()).then(|| Duration::from_secs(time.uptime));
    let renewed = record.renewed.as_ref().and_then(|renewed| known(&renewed.boot));
    let asked = record.asked_until.as_ref().and_then(known);
    renewed
        .map_or(Duration::ZERO, |renewed| renewed.saturating_add(gap(life)))
        .max(asked.unwrap_or(Duration::ZERO))
}

/// The end of a pause that the server asks for. A command from a timer keeps it too.
fn asked_until(error: &ClientError, host: &HostFile, now: Reading) -> Option<BootTime> {
    let asked = error.retry_after(now.wall)?;
    let left = time_left(now.wall, &host.life);
    Some(boot_time(now.boot + pause(0, random_share(), left, Some(asked))))
}

fn boot_time(uptime: Duration) -> BootTime {
    BootTime { uptime: uptime.as_secs(), boot_id: boot_id() }
}

/// The kernel's name for this boot; empty where it has none.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_renewal_of_an_earlier_boot_delays_none() {
        let life = CertificateLife {
            expires_at: Timestamp::from_secs(30 * 86_400),
            renew_after: Timestamp::from_secs(20 * 86_400),
        };
        let renewed = |boot_id| {
            let boot = BootTime { uptime: 30, boot_id };
            Renewal { at: Timestamp::from_secs(0), boot }
        };
        let record = |boot_id| RenewalRecord { renewed: Some(renewed(boot_id)), ..RenewalRecord::default() };
        assert_eq!(earliest(&record(boot_id()), &life), Duration::from_secs(3630));
        assert_eq!(earliest(&record(String::from("another")), &life), Duration::ZERO);
        assert_eq!(earliest(&RenewalRecord::default(), &life), Duration::ZERO);
        let asked_until = Some(BootTime { uptime: 9000, boot_id: boot_id() });
        let asked = RenewalRecord { asked_until, ..record(boot_id()) };
        assert_eq!(earliest(&asked, &life), Duration::from_secs(9000), "the server asked for patience");
        let damaged = BootTime { uptime: u64::MAX, boot_id: boot_id() };
        let renewed = Some(Renewal { at: Timestamp::from_secs(0), boot: damaged });
        let damaged = RenewalRecord { renewed, ..RenewalRecord::default() };
        assert_eq!(earliest(&damaged, &life), Duration::MAX);
    }
}
