//! A copied identity: a superseded certificate renewed after the first use of its successor. The host is put in quarantine, and
//! an alarm is raised.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::access::Actor;
use crate::clock::Timestamp;
use crate::id::{HostId, Serial};
use crate::ledger::{Action, Subjects};
use crate::service::accounts::unwritten::UnwrittenUses;
use crate::service::base::Base;
use crate::service::refusals::{MOST, WINDOW};
use crate::service::{Caller, HostError, ServiceError};
use crate::store::{AppendEntries, QuarantineHost, Quarantining};

/// The hosts with an alarm within the last minute. The ledger gets one entry per host in that time.
pub(in crate::service) struct Conflicts {
    base: Base,
    unwritten: Arc<UnwrittenUses>,
    /// Maximum number of hosts that are put in quarantine within an hour.
    most: u32,
    latest: Mutex<HashMap<HostId, Timestamp>>,
}

impl Conflicts {
    pub(in crate::service) fn new(base: Base, unwritten: Arc<UnwrittenUses>, most: u32) -> Self {
        Self { base, unwritten, most, latest: Mutex::default() }
    }

    /// Puts the host in quarantine and raises the alarm: a counter, a log line and a ledger entry. Returns the refusal of the
    /// renewal.
    pub(in crate::service) async fn alarm(
        &self,
        caller: &Caller,
        host: HostId,
        serial: Serial,
        now: Timestamp,
    ) -> ServiceError {
        metrics::counter!("gatepass_lineage_conflicts_total").increment(1);
        if self.is_first_in_a_minute(host, now) {
            let caller = Caller { actor: Actor::Host { id: host, serial }, ..caller.clone() };
            if let Err(error) = self.decide(&caller, host, serial, now).await {
                // The next renewal tries again.
                self.latest.lock().remove(&host);
                return error;
            }
        }
        HostError::LineageConflict.into()
    }

    /// Puts the host in quarantine, or records why it is not.
    async fn decide(
        &self,
        caller: &Caller,
        host: HostId,
        serial: Serial,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let about = Subjects::host(host).with_serial(serial);
        let quarantining = match self.most {
            0 => Quarantining::TooMany,
            most => {
                // The entry names the last contact of the other machine. A quarantine does not depend on it.
                let _ = self.unwritten.write().await;
                let entry = caller.did(Action::HostQuarantined, now).about(about.clone());
                let entry = entry.with("alarm", "lineage_conflict");
                let command = QuarantineHost { host, presented: serial, most, entry };
                self.base.store.quarantine_host(command).await?
            }
        };
        match quarantining {
            Quarantining::Before => return Err(HostError::Quarantined.into()),
            Quarantining::Quarantined => {
                tracing::error!(%host, %serial, "ALARM: two machines hold one identity: the host is in quarantine");
                return Ok(());
            }
            Quarantining::TooMany if self.most > 0 => {
                tracing::error!(%host, %serial, most = self.most,
                    "ALARM: two machines hold one identity: the host stays, because hosts.quarantine_most is reached");
            }
            Quarantining::TooMany | Quarantining::Harmless => {
                tracing::error!(%host, %serial, "ALARM: two machines hold one identity");
            }
        }
        let entry = caller.was_refused(Action::HostRefused, now, "lineage_conflict").about(about);
        Ok(self.base.store.append_entries(AppendEntries { entries: vec![entry] }).await?)
    }

    fn is_first_in_a_minute(&self, host: HostId, now: Timestamp) -> bool {
        let mut latest = self.latest.lock();
        latest.retain(|_, at| now.since(*at) < WINDOW);
        let first = latest.len() < MOST && !latest.contains_key(&host);
        if first {
            latest.insert(host, now);
        }
        first
    }
}
