//! The renewals of an identity, as `status` shows them.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::lock::DaemonLock;
use super::pace::last_third;
use super::record::{Attempt, CheckInRecord, HookRecord, PolicyRecord, RenewalRecord};
use crate::client::host::load_serial;
use crate::clock::Timestamp;
use crate::wire::CertificateLife;

/// Time that a daemon has to run a hook after a renewal.
const HOOK_PATIENCE: Duration = Duration::from_secs(600);

/// The renewals of an identity.
#[derive(Clone, Debug, Serialize)]
pub struct RenewalStatus {
    /// The process that renews.
    #[serde(flatten)]
    pub by: Renewer,
    /// The last attempt.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// The last renewal.
    pub renewed_at: Option<Timestamp>,
    /// Next attempt of the daemon.
    pub next_attempt_at: Option<Timestamp>,
    /// The hook, if the present certificate is owed it.
    pub hook_owed: Option<HookRecord>,
    /// The check-ins of the daemon.
    pub checkin: Option<CheckInRecord>,
    /// The hook of the policy, if the policy in the file is owed it.
    pub policy_hook_owed: Option<HookRecord>,
}

/// A process that renews.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Renewer {
    /// A running `gatepass renew --daemon`.
    Daemon {
        /// Its process.
        pid: Option<u32>,
    },
    /// A timer or cron that runs `gatepass renew --if-due`, and ran within a third of the certificate's life.
    Timer {
        /// Its last run.
        looked_at: Timestamp,
    },
    /// No process.
    Nobody,
}

impl RenewalStatus {
    /// The renewals of the identity in `dir`, whose certificate has this `life`.
    pub fn read(dir: &Path, life: &CertificateLife, now: Timestamp) -> Self {
        let record = RenewalRecord::load(dir);
        let by = renewer(dir, &record, life, now);
        let serial = load_serial(dir).ok().map(|serial| serial.to_string());
        let hook_owed = record.hook.filter(|hook| serial.is_some() && hook.served != serial);
        let daemon = matches!(by, Renewer::Daemon { .. });
        let checkin = record.checkin.filter(|_| daemon);
        let policy =
            checkin.as_ref().and_then(|checkin| checkin.policy.as_ref()).and_then(PolicyRecord::mark);
        let policy_hook_owed = record.policy_hook.filter(|hook| policy.is_some() && hook.served != policy);
        let next_attempt_at = record.next_attempt_at.filter(|_| daemon);
        let renewed_at = record.renewed.map(|renewed| renewed.at);
        let attempt = record.attempt;
        Self { by, attempt, renewed_at, next_attempt_at, hook_owed, checkin, policy_hook_owed }
    }

    /// Returns true if a hook is owed that no daemon is about to run: it has failed, or nobody ran it.
    pub(in crate::client) fn is_hook_late(&self, now: Timestamp) -> bool {
        let Some(hook) = &self.hook_owed else { return false };
        let runs = matches!(self.by, Renewer::Daemon { .. });
        let recent = self.renewed_at.is_some_and(|at| at <= now && now < at.plus(HOOK_PATIENCE));
        hook.attempt.error.is_some() || !runs || !recent
    }

    /// Returns true if the policy, or the hook that it is owed, has failed.
    pub(in crate::client) fn is_policy_late(&self) -> bool {
        let policy = self.checkin.as_ref().and_then(|checkin| checkin.policy.as_ref());
        let hook = self.policy_hook_owed.as_ref();
        policy.is_some_and(|policy| policy.policy_error.is_some())
            || hook.is_some_and(|hook| hook.attempt.error.is_some())
    }

    /// Returns true if a certificate with this `life` was to be renewed before. A daemon and a timer have a third of the time
    /// for it, unless they fail.
    pub(in crate::client) fn is_late(&self, life: &CertificateLife, now: Timestamp) -> bool {
        let works = self.by != Renewer::Nobody && self.attempt.error.is_none();
        let patience = if works { last_third(life) / 3 } else { Duration::ZERO };
        now >= life.renew_after.plus(patience)
    }
}

fn renewer(dir: &Path, record: &RenewalRecord, life: &CertificateLife, now: Timestamp) -> Renewer {
    if DaemonLock::is_held(dir, record) {
        return Renewer::Daemon { pid: record.pid };
    }
    match record.looked_at {
        // A time ahead is of a clock that was wrong.
        Some(looked_at) if looked_at <= now && now.since(looked_at) < last_third(life) => {
            Renewer::Timer { looked_at }
        }
        _ => Renewer::Nobody,
    }
}
