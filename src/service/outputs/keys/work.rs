//! One piece of work on a host's key: at most one call to its cluster, and the record of its end.

use std::time::Duration;

use super::{OutputKeys, next_try, state_after};
use crate::clock::Timestamp;
use crate::id::{AttemptId, OutputId};
use crate::ledger::{Action, Draft, Subjects};
use crate::outbound::{Cluster, ClusterError, Credential, KeyName, MadeKey, Which};
use crate::seal::SealError;
use crate::secret::Secret;
use crate::service::base::ATTEMPTS;
use crate::service::outputs::default_roles::default_roles;
use crate::service::{Caller, KeysError, ServiceError};
use crate::store::{
    AbandonOutputKeys, AskOutputKey, FailOutputWork, Invalidation, InvalidationEnd, JudgeOutputKey,
    KeepOutputKey, KeyCluster, KeyKeeping, KeyOf, LATE_KEYS, OutputState, OutputTask, OutputWork,
    ProbeCluster, SecretField, SettleInvalidation, StoreError, StoredKey, UNKNOWN_KEYS,
};

/// Time until a cluster is asked again about a key that it does not know.
const UNKNOWN_AGAIN: Duration = Duration::from_secs(60 * 60);

/// A cluster with its opened credential.
struct OpenCluster {
    cluster: KeyCluster,
    credential: Secret<String>,
}

/// A call without a usable answer, or one that cannot be made.
struct Failure {
    state: OutputState,
    text: String,
}

impl From<&ClusterError> for Failure {
    fn from(error: &ClusterError) -> Self {
        Self { state: state_after(error), text: error.to_string() }
    }
}

impl OutputKeys {
    /// Does due work to its end, and records it. If its cluster fails, all work there waits.
    ///
    /// # Errors
    /// The clock is in doubt, or the store cannot be read or written. The work stays due.
    pub async fn work(&self, work: OutputWork) -> Result<(), ServiceError> {
        let (output, cluster, at) = (work.key.output, work.cluster, self.base.time.trusted()?);
        if work.task == OutputTask::Abandon {
            self.base.store.abandon_output_keys(AbandonOutputKeys { key: Some(work.key), at }).await?;
            return Ok(());
        }
        // One call finds out whether the cluster works again. The others would only fail too.
        let is_probe = work.failures > 0;
        if is_probe && !self.base.store.probe_cluster(ProbeCluster { output, cluster, at }).await? {
            return Ok(());
        }
        let done = match &work.task {
            OutputTask::Abandon => Ok(()),
            OutputTask::Make => self.make(&work).await,
            OutputTask::Check { attempt, id } => self.check(&work, *attempt, id).await,
            OutputTask::Invalidate(invalidation) => self.invalidate(&work, invalidation).await,
        };
        match done {
            Err(ServiceError::Keys(error)) => {
                let failure = Failure { state: OutputState::Unreachable, text: error.to_string() };
                self.fail(&work, None, false, failure).await
            }
            done => done,
        }
    }

    async fn make(&self, work: &OutputWork) -> Result<(), ServiceError> {
        let (key, at) = (work.key, self.base.time.trusted()?);
        let Some(cluster) = self.cluster(key.output, None).await? else {
            self.judge_soon();
            return Ok(());
        };
        let attempt = AttemptId::generate(at);
        let revision = cluster.cluster.cluster;
        if !self.base.store.ask_output_key(AskOutputKey { key, attempt, cluster: revision, at }).await? {
            // The host may have lost the right to the key. Then the row is deleted.
            self.judge_soon();
            return Ok(());
        }
        let name = KeyName { output: key.output, host: key.host, attempt };
        // Without roles a key would get every privilege of the credential.
        let roles = cluster.cluster.settings.role_descriptors.clone().filter(|roles| !roles.is_empty());
        let roles = roles.unwrap_or_else(default_roles).into();
        let made = cluster.at(work.failures).create_key(&self.outbound, name, &roles).await;
        count("create", made.as_ref().err());
        match made {
            Ok(made) => {
                self.logged.works((key.output, work.cluster));
                self.keep(key, attempt, made).await
            }
            Err(error) => self.fail(work, Some(attempt), error.may_have_acted(), (&error).into()).await,
        }
    }

    /// Keeps a key that its cluster made. If a rotation of the seal was faster, it is sealed again.
    async fn keep(&self, key: KeyOf, attempt: AttemptId, made: MadeKey) -> Result<(), ServiceError> {
        let field = StoredKey::field(key.host);
        for _ in 0..ATTEMPTS {
            let at = self.base.time.now();
            let sealed = self.trust.seal().seal(StoredKey::place(key.output, &field, at), &made.secret);
            let sealed = sealed.map_err(|cause| unreadable(key.output, &field, cause))?;
            let stored = StoredKey { id: made.id.clone(), made_at: at, sealed };
            let entry = about(Caller::SYSTEM.did(Action::OutputKeyCreated, at), key, attempt);
            let entry = entry.with("key_id", made.id.as_str());
            let command = KeepOutputKey { key, attempt, made: stored, entry };
            match self.base.store.keep_output_key(command).await? {
                KeyKeeping::Kept => return Ok(()),
                KeyKeeping::Withdrawn => {
                    self.wake.notify_one();
                    return Ok(());
                }
                KeyKeeping::SealGone => drop(self.trust.change().await),
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Records that a call failed. The log has each cause once, until the cluster works again.
    async fn fail(
        &self,
        work: &OutputWork,
        attempt: Option<AttemptId>,
        may_exist: bool,
        failure: Failure,
    ) -> Result<(), ServiceError> {
        let (at, Failure { state, text: error }) = (self.base.time.now(), failure);
        let KeyOf { output, host } = work.key;
        let failures = work.failures.saturating_add(1);
        let task = match work.task {
            OutputTask::Make | OutputTask::Abandon => "create",
            OutputTask::Check { .. } => "check",
            OutputTask::Invalidate(_) => "invalidate",
        };
        if self.logged.is_new((output, work.cluster), &error) {
            tracing::warn!(%output, %host, task, error, "a call to the cluster of an output failed; gatepass tries again");
        } else {
            tracing::debug!(%output, %host, task, failures, error, "a call to the cluster of an output failed");
        }
        let next_at = next_try(at, failures);
        let command = FailOutputWork { work: work.clone(), attempt, may_exist, state, at, next_at };
        Ok(self.base.store.fail_output_work(command).await?)
    }

    /// Asks the cluster about a key that its host reported. Only its word makes the key invalid.
    async fn check(&self, work: &OutputWork, attempt: AttemptId, id: &str) -> Result<(), ServiceError> {
        let key = work.key;
        let Some(cluster) = self.cluster(key.output, Some(work.cluster)).await? else {
            self.judge_soon();
            return Ok(());
        };
        let valid = cluster.at(work.failures).is_valid(&self.outbound, id).await;
        count("check", valid.as_ref().err());
        let is_invalid = match valid {
            Ok(is_valid) => !is_valid,
            Err(error) => return self.fail(work, None, false, (&error).into()).await,
        };
        self.logged.works((key.output, work.cluster));
        self.judge(key, attempt, is_invalid).await
    }

    /// Records whether a key is invalid. Then another one is requested.
    pub(super) async fn judge(
        &self,
        key: KeyOf,
        attempt: AttemptId,
        is_invalid: bool,
    ) -> Result<(), ServiceError> {
        let command = JudgeOutputKey { key, attempt, is_invalid, at: self.base.time.now() };
        self.base.store.judge_output_key(command).await?;
        if is_invalid {
            self.wake.notify_one();
        }
        Ok(())
    }

    async fn invalidate(&self, work: &OutputWork, invalidation: &Invalidation) -> Result<(), ServiceError> {
        let (KeyOf { output, host }, Invalidation { attempt, id, .. }) = (work.key, invalidation);
        let Some(cluster) = self.cluster(output, Some(work.cluster)).await? else {
            let text = String::from("the cluster of a key to be invalidated is not known");
            let failure = Failure { state: OutputState::Unreachable, text };
            return self.fail(work, None, false, failure).await;
        };
        let name = KeyName { output, host, attempt: *attempt };
        let which = id.as_deref().map_or(Which::Name(name), Which::Id);
        let done = cluster.at(work.failures).invalidate(&self.outbound, &which).await;
        count("invalidate", done.as_ref().err());
        let end = match done {
            Ok(known) => self.end_of(work.key, work.cluster, invalidation, known),
            Err(error) => return self.fail(work, None, false, (&error).into()).await,
        };
        let command = SettleInvalidation { attempt: *attempt, id: id.clone(), end };
        self.base.store.settle_invalidation(command).await?;
        self.wake.notify_one();
        Ok(())
    }

    /// The end of an invalidation whose cluster gave an answer: whether it knows the key.
    fn end_of(&self, key: KeyOf, cluster: u64, invalidation: &Invalidation, known: bool) -> InvalidationEnd {
        let (at, Invalidation { attempt, id, asked_at, since }) = (self.base.time.now(), invalidation);
        let entry = |draft: Draft| {
            let entry = about(draft, key, *attempt);
            Box::new(id.iter().fold(entry, |entry, id| entry.with("key_id", id.as_str())))
        };
        let later =
            |until: Timestamp, pause: Duration| InvalidationEnd::Again { next_at: until.min(at.plus(pause)) };
        match id {
            _ if known => {
                self.logged.works((key.output, cluster));
                InvalidationEnd::Done(Some(entry(Caller::SYSTEM.did(Action::OutputKeyInvalidated, at))))
            }
            // A slow cluster may still make the key.
            None if at < asked_at.plus(LATE_KEYS) => later(asked_at.plus(LATE_KEYS), LATE_KEYS),
            None => InvalidationEnd::Done(None),
            // The cluster made it. So this is another cluster, or the credential is not of the key's owner.
            Some(_) if at < since.plus(UNKNOWN_KEYS) => {
                let error =
                    "the cluster does not know a key that it made: check the output's `hosts` and credential";
                if self.logged.is_new((key.output, cluster), error) {
                    tracing::warn!(output = %key.output, host = %key.host, error, "a key is not invalidated yet");
                }
                later(since.plus(UNKNOWN_KEYS), UNKNOWN_AGAIN)
            }
            Some(_) => {
                let refused =
                    Caller::SYSTEM.was_refused(Action::OutputKeyInvalidated, at, "unknown_to_cluster");
                InvalidationEnd::Done(Some(entry(refused)))
            }
        }
    }

    /// The cluster that made keys of the revision `of`, or that makes new ones.
    async fn cluster(&self, output: OutputId, of: Option<u64>) -> Result<Option<OpenCluster>, ServiceError> {
        for _ in 0..ATTEMPTS {
            let seal = self.trust.seal();
            let Some(cluster) = self.base.store.key_cluster(output, of).await? else { return Ok(None) };
            let field = match cluster.settings.username {
                Some(_) => SecretField::Password,
                None => SecretField::ServiceToken,
            };
            let Some(secret) = cluster.secrets.iter().find(|secret| secret.field == field) else {
                return Ok(None);
            };
            match seal.open(secret.place(output), &secret.sealed) {
                // A rotation ends between both reads: its memory has the new key once it is over.
                Err(SealError::UnknownKey(_)) => drop(self.trust.change().await),
                opened => {
                    let credential =
                        opened.map_err(|cause| unreadable(output, secret.field.as_str(), cause))?;
                    return Ok(Some(OpenCluster { cluster, credential }));
                }
            }
        }
        Err(StoreError::Contended.into())
    }
}

impl OpenCluster {
    /// The cluster at one of its addresses: the next one after each failure.
    fn at(&self, failures: u32) -> Cluster<'_> {
        let settings = &self.cluster.settings;
        let place = usize::try_from(failures).unwrap_or(0).checked_rem(settings.hosts.len()).unwrap_or(0);
        let credential = match settings.username.as_deref() {
            Some(name) => Credential::User(name, &self.credential),
            None => Credential::ServiceToken(&self.credential),
        };
        let url = settings.hosts.get(place).map_or("", String::as_str);
        Cluster { url, ca: settings.ca.as_deref(), credential }
    }
}

pub(super) fn unreadable(output: OutputId, field: &str, cause: SealError) -> KeysError {
    KeysError::Unreadable { output, field: field.to_owned(), cause }
}

/// The entry of an act on a host's key. The name at the cluster follows from the ids.
fn about(entry: Draft, key: KeyOf, attempt: AttemptId) -> Draft {
    let entry = entry.about(Subjects::host(key.host));
    entry.with("output", key.output.to_string()).with("attempt", attempt.to_string())
}

fn count(call: &'static str, error: Option<&ClusterError>) {
    let outcome = error.map_or("done", |error| match state_after(error) {
        OutputState::Refused => "refused",
        _ => "unreachable",
    });
    metrics::counter!("gatepass_output_calls_total", "call" => call, "outcome" => outcome).increment(1);
}
