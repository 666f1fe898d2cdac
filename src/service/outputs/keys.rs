//! The keys of hosts at Elasticsearch clusters. A host's request or report is a row. The work on it is done apart from every
//! request, and repeated until its end is recorded.
//!
//! The row of an attempt, with the key's unique name, is durable before its cluster is asked. So each key that a cluster can
//! have made is known here by id or by name.

mod backoff;
mod logged;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use strum::VariantArray as _;
use tokio::sync::Notify;

use self::backoff::backoff;
use self::logged::Logged;
use crate::clock::Timestamp;
use crate::id::{HostId, OutputId, random};
use crate::outbound::{ClusterError, Outbound};
use crate::seal::{Seal, SealError};
use crate::secret::Secret;
use crate::service::ServiceError;
use crate::service::base::ATTEMPTS;
use crate::service::base::Base;
use crate::service::outputs::hosts::GivenKey;
use crate::service::trust::LiveTrust;
use crate::store::{
    AbandonOutputKeys, DoubtOutputKeys, HostKey, HostOutputState, KeyCounts, KeyOf, OutputState, OutputWork,
    StoreError, StoredKey, WantOutputKeys, WithdrawOutputKeys,
};

/// Keys that one transaction withdraws: few, so that redemptions do not wait long.
const AT_ONCE: u32 = 500;
/// Time after which a host asks again for a key that is being made.
const RETRY_SOON: Duration = Duration::from_secs(5);
/// The same while the cluster fails. Each check-in tells the host of a change, so that it need not ask more often.
const RETRY_FAILED: Duration = Duration::from_secs(5 * 60);

/// The keys of a host, by the outputs of its policy.
pub struct HostKeys(Vec<(OutputId, Option<HostKey>)>);

impl HostKeys {
    /// A number that each new key and each change of a state moves.
    pub fn revision(&self) -> u64 {
        let keys = self.0.iter().filter_map(|(_, key)| key.as_ref());
        keys.map(HostKey::revision).fold(0, u64::wrapping_add)
    }

    /// The time after which the host asks again; `None` if every key is ready.
    pub fn retry_after(&self) -> Option<Duration> {
        let waits = |(_, key): &(OutputId, Option<HostKey>)| match key.as_ref().map(|key| key.state) {
            Some(OutputState::Ready) => None,
            Some(OutputState::Unreachable | OutputState::Refused) => Some(RETRY_FAILED),
            Some(OutputState::Preparing | OutputState::Invalid) | None => Some(RETRY_SOON),
        };
        self.0.iter().filter_map(waits).min()
    }
}

/// The keys of hosts at outputs.
pub struct OutputKeys {
    base: Base,
    trust: Arc<LiveTrust>,
    outbound: Outbound,
    /// There is new work.
    wake: Notify,
    /// Policies or outputs changed: hosts may have lost the right to their keys.
    changed: Notify,
    logged: Logged,
}

impl OutputKeys {
    /// The keys of hosts, with the client that calls clusters.
    pub fn new(base: Base, trust: Arc<LiveTrust>, outbound: Outbound) -> Self {
        Self { base, trust, outbound, wake: Notify::new(), changed: Notify::new(), logged: Logged::default() }
    }

    /// Returns the keys of a host at the Elasticsearch outputs of its policy. A missing key becomes work: its row is durable
    /// before the answer.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn of_host(&self, host: HostId) -> Result<HostKeys, ServiceError> {
        let keys = self.base.store.keys_of_host(host).await?;
        let missing = keys.iter().filter(|(_, key)| key.is_none()).map(|(output, _)| *output);
        let outputs = missing.collect::<Vec<_>>();
        if outputs.is_empty() {
            return Ok(HostKeys(keys));
        }
        // Without a trusted clock or a free disk the host gets its policy all the same, and asks again for its keys.
        let Ok(at) = self.base.time.trusted() else { return Ok(HostKeys(keys)) };
        if let Err(error) = self.base.store.want_output_keys(WantOutputKeys { host, outputs, at }).await {
            tracing::debug!(%host, %error, "a key of the host could not be requested");
            return Ok(HostKeys(keys));
        }
        self.wake.notify_one();
        Ok(HostKeys(self.base.store.keys_of_host(host).await?))
    }

    /// Returns the keys of a host as they are.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn known_of_host(&self, host: HostId) -> Result<HostKeys, ServiceError> {
        Ok(HostKeys(self.base.store.keys_of_host(host).await?))
    }

    /// Has the clusters asked about the keys of a host that it reports as failing. Each key is checked at most once in five
    /// minutes. Without a trusted clock or a writable store nothing is recorded: the host reports again at its next check-in.
    pub async fn doubt(&self, host: HostId, outputs: Vec<OutputId>) {
        let Ok(at) = self.base.time.trusted() else { return };
        match self.base.store.doubt_output_keys(DoubtOutputKeys { host, outputs, at }).await {
            Ok(0) => {}
            Ok(_) => self.wake.notify_one(),
            Err(error) => tracing::debug!(%host, %error, "the failing outputs of the host were not recorded"),
        }
    }

    /// The keys of a host as the host gets them. A key that does not open is replaced, and the other outputs stay as they are.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn given(&self, host: HostId) -> Result<Vec<(OutputId, GivenKey)>, ServiceError> {
        for _ in 0..ATTEMPTS {
            let seal = self.trust.seal();
            let keys = self.base.store.keys_of_host(host).await?.into_iter();
            let opened = keys.map(|(output, key)| {
                let text = key.as_ref().and_then(|key| text(&seal, host, output, key)).transpose();
                (output, key, text)
            });
            let opened = opened.collect::<Vec<_>>();
            if opened.iter().any(|(_, _, text)| matches!(text, Err(SealError::UnknownKey(_)))) {
                // A rotation ends between both reads: its memory has the new key once it is over.
                drop(self.trust.change().await);
                continue;
            }
            let mut given = Vec::new();
            for (output, key, text) in opened {
                given.push((output, self.given_key(KeyOf { host, output }, key, text).await));
            }
            return Ok(given);
        }
        Err(StoreError::Contended.into())
    }

    async fn given_key(
        &self,
        of: KeyOf,
        key: Option<HostKey>,
        text: Result<Option<Secret<String>>, SealError>,
    ) -> GivenKey {
        let state = key.as_ref().map_or(OutputState::Preparing, |key| key.state);
        let Err(cause) = text else { return GivenKey { state, text: text.unwrap_or_default() } };
        let KeyOf { host, output } = of;
        tracing::warn!(%host, %output, %cause, "the key of a host cannot be read; it gets another one");
        if let Some(attempt) = key.and_then(|key| key.attempt)
            && let Err(error) = self.judge(of, attempt, true).await
        {
            tracing::debug!(%host, %output, %error, "the key of the host was not replaced");
        }
        GivenKey { state: OutputState::Invalid, text: None }
    }

    /// Has the keys judged soon: policies or outputs changed.
    pub fn judge_soon(&self) {
        self.changed.notify_one();
    }

    /// Returns the state of a host's key at each Elasticsearch output of its policy.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn states_of_host(&self, host: HostId) -> Result<Vec<HostOutputState>, ServiceError> {
        Ok(self.base.store.outputs_of_host(host).await?)
    }

    /// Counts the keys of each output that has any.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn count(&self) -> Result<BTreeMap<OutputId, KeyCounts>, ServiceError> {
        Ok(self.base.store.count_keys().await?)
    }

    /// Counts the keys of all outputs, also of deleted ones.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn count_all(&self) -> Result<KeyCounts, ServiceError> {
        Ok(self.count().await?.into_values().fold(KeyCounts::default(), KeyCounts::with))
    }

    /// Measures the keys of all outputs, for the metrics.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn measure(&self) -> Result<(), ServiceError> {
        let KeyCounts { states, invalidations, oldest_invalidation } = self.count_all().await?;
        for state in OutputState::VARIANTS {
            let number = states.get(state).copied().unwrap_or_default();
            metrics::gauge!("gatepass_output_keys", "state" => state.as_str()).set(number as f64);
        }
        let now = self.base.time.now();
        let oldest = oldest_invalidation.map_or(0.0, |at| now.since(at).as_secs_f64());
        metrics::gauge!("gatepass_output_keys_to_invalidate").set(invalidations as f64);
        metrics::gauge!("gatepass_output_keys_to_invalidate_oldest_seconds").set(oldest);
        Ok(())
    }

    /// Returns when there is new work.
    pub async fn new_work(&self) {
        self.wake.notified().await;
    }

    /// Returns when policies or outputs have changed.
    pub async fn changes(&self) {
        self.changed.notified().await;
    }

    /// Abandons the attempts of a former process. Their keys are invalidated by name, then requested again.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be written.
    pub async fn begin(&self) -> Result<(), ServiceError> {
        let at = self.base.time.trusted()?;
        self.base.store.abandon_output_keys(AbandonOutputKeys { key: None, at }).await?;
        Ok(())
    }

    /// Returns due work.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be read.
    pub async fn due(&self, most: u32) -> Result<Vec<OutputWork>, ServiceError> {
        let now = self.base.time.trusted()?;
        Ok(self.base.store.due_output_work(now, most).await?)
    }

    /// Withdraws the keys of hosts that may have them no longer: a host lapsed, or its policy or output changed.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be written.
    pub async fn withdraw(&self) -> Result<(), ServiceError> {
        loop {
            let at = self.base.time.trusted()?;
            // A reader finds them: the search reads every key, and redemptions must not wait for it.
            let keys = self.base.store.unentitled_keys(at, AT_ONCE).await?;
            let more = !keys.is_empty();
            self.base.store.withdraw_output_keys(WithdrawOutputKeys { keys, at }).await?;
            if !more {
                return Ok(());
            }
            self.wake.notify_one();
        }
    }
}

/// Id and secret of a key with a colon between, as Elasticsearch's clients take it. `None` if there is no key yet.
fn text(
    seal: &Seal,
    host: HostId,
    output: OutputId,
    key: &HostKey,
) -> Option<Result<Secret<String>, SealError>> {
    let StoredKey { id, made_at, sealed } = key.key.as_ref()?;
    let opened = seal.open(StoredKey::place(output, &StoredKey::field(host), *made_at), sealed);
    Some(opened.map(|secret| Secret::new(format!("{id}:{}", secret.expose()))))
}

/// The state after a failed call.
const fn state_after(error: &ClusterError) -> OutputState {
    match error {
        ClusterError::Refused(_) => OutputState::Refused,
        ClusterError::Call(_) | ClusterError::Unusable(_) => OutputState::Unreachable,
    }
}

/// The time of the next try after so many failures in a row.
fn next_try(now: Timestamp, failures: u32) -> Timestamp {
    now.plus(backoff(failures, random()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AttemptId, SealKeyId};
    use crate::seal::Sealed;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    fn key(state: OutputState) -> (OutputId, Option<HostKey>) {
        let sealed = Sealed { key: SealKeyId::FIRST, bytes: Vec::new() };
        let stored = StoredKey { id: String::from("id"), made_at: NOW, sealed };
        let key = (state == OutputState::Ready).then_some(stored);
        let key = HostKey { state, since: NOW, attempt: Some(AttemptId::generate(NOW)), key };
        (OutputId::generate(NOW), Some(key))
    }

    #[test]
    fn each_state_and_each_key_has_another_revision() {
        let states = OutputState::VARIANTS.iter().chain([&OutputState::Ready]);
        let mut revisions = states.map(|state| HostKeys(vec![key(*state)]).revision()).collect::<Vec<_>>();
        let most = 16 * revisions.iter().max().unwrap();
        assert!(most < 1 << 53, "the sum of 16 outputs is exact in JSON");
        revisions.sort_unstable();
        revisions.dedup();
        assert_eq!(revisions.len(), OutputState::VARIANTS.len() + 1);
        assert_eq!(HostKeys(Vec::new()).revision(), 0);
    }

    #[test]
    fn a_host_asks_again_until_every_key_is_ready() {
        let after =
            |states: &[OutputState]| HostKeys(states.iter().map(|state| key(*state)).collect()).retry_after();
        assert_eq!(after(&[]), None);
        assert_eq!(after(&[OutputState::Ready]), None);
        assert_eq!(after(&[OutputState::Ready, OutputState::Refused]), Some(RETRY_FAILED));
        assert_eq!(after(&[OutputState::Unreachable, OutputState::Preparing]), Some(RETRY_SOON));
        assert_eq!(HostKeys(vec![(OutputId::generate(NOW), None)]).retry_after(), Some(RETRY_SOON));
    }
}
