//! One piece of work on a host's key: at most one call to its cluster, and the record of its end.

use super::{OutputKeys, next_try, state_after};
use crate::clock::Timestamp;
use crate::id::{AttemptId, OutputId};
use crate::ledger::{Action, Draft, Subjects};
use crate::outbound::{Cluster, ClusterError, Credential, KeyName, MadeKey, Which};
use crate::seal::SealError;
use crate::secret::Secret;
use crate::service::outputs::default_roles::default_roles;
use crate::service::tokens::mint::ATTEMPTS;
use crate::service::{Caller, KeysError, ServiceError};
use crate::store::{
    AbandonOutputKeys, AskOutputKey, DelayOutputKey, Invalidation, InvalidationEnd, JudgeOutputKey,
    KeepOutputKey, KeyCluster, KeyKeeping, KeyOf, LATE_KEYS, OutputState, OutputWork, SecretField,
    SettleInvalidation, StoreError, StoredKey,
};

/// A cluster with its opened credential.
struct OpenCluster {
    cluster: KeyCluster,
    credential: Secret<String>,
}

impl OutputKeys {
    /// Does due work to its end, and records it.
    ///
    /// # Errors
    /// The clock is in doubt, the credential of the cluster cannot be opened, or the store cannot be read or written. The work
    /// stays due.
    pub async fn work(&self, work: OutputWork) -> Result<(), ServiceError> {
        match work {
            OutputWork::Make { key, failures } => self.make(key, failures).await,
            OutputWork::Abandon(key) => {
                let at = self.base.time.trusted()?;
                self.base.store.abandon_output_keys(AbandonOutputKeys { key: Some(key), at }).await?;
                Ok(())
            }
            OutputWork::Check { key, attempt, id, cluster } => self.check(key, attempt, &id, cluster).await,
            OutputWork::Invalidate(invalidation) => self.invalidate(invalidation).await,
        }
    }

    async fn make(&self, key: KeyOf, failures: u32) -> Result<(), ServiceError> {
        let at = self.base.time.trusted()?;
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
        let made = cluster.at(failures).create_key(&self.outbound, name, &roles).await;
        count("create", made.as_ref().err());
        match made {
            Ok(made) => self.keep(key, attempt, made).await,
            Err(error) => self.delay(key, attempt, failures, &error).await,
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
            let entry = about(Action::OutputKeyCreated, key, attempt, at).with("key_id", made.id.as_str());
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

    async fn delay(
        &self,
        key: KeyOf,
        attempt: AttemptId,
        failures: u32,
        error: &ClusterError,
    ) -> Result<(), ServiceError> {
        let (at, failures) = (self.base.time.now(), failures.saturating_add(1));
        log(key.output, failures, error, "no key for a host could be made");
        let (state, may_exist) = (state_after(error), error.may_have_acted());
        let next_at = next_try(at, failures);
        let command = DelayOutputKey { key, attempt, may_exist, state, failures, at, next_at };
        Ok(self.base.store.delay_output_key(command).await?)
    }

    /// Asks the cluster about a key that its host reported. Only its word makes the key invalid.
    async fn check(&self, key: KeyOf, attempt: AttemptId, id: &str, of: u64) -> Result<(), ServiceError> {
        let Some(cluster) = self.cluster(key.output, Some(of)).await? else { return Ok(()) };
        let valid = cluster.at(0).is_valid(&self.outbound, id).await;
        count("check", valid.as_ref().err());
        if let Err(error) = &valid {
            log(key.output, 1, error, "a reported key could not be checked");
        }
        let (is_invalid, at) = (valid == Ok(false), self.base.time.now());
        let command = JudgeOutputKey { key, attempt, is_invalid, at };
        self.base.store.judge_output_key(command).await?;
        if is_invalid {
            self.wake.notify_one();
        }
        Ok(())
    }

    async fn invalidate(&self, invalidation: Invalidation) -> Result<(), ServiceError> {
        let Invalidation { attempt, key, cluster: of, id, asked_at, failures } = invalidation;
        let Some(cluster) = self.cluster(key.output, Some(of)).await? else {
            tracing::error!(output = %key.output, host = %key.host, "the cluster of a key to be invalidated is not known");
            let (at, failures) = (self.base.time.now(), failures.saturating_add(1));
            let end = InvalidationEnd::Failed { failures, at, next_at: next_try(at, failures) };
            return Ok(self.base.store.settle_invalidation(SettleInvalidation { attempt, end }).await?);
        };
        let name = KeyName { output: key.output, host: key.host, attempt };
        let which = id.as_deref().map_or(Which::Name(name), Which::Id);
        let done = cluster.at(failures).invalidate(&self.outbound, &which).await;
        count("invalidate", done.as_ref().err());
        let at = self.base.time.now();
        let entry = || about(Action::OutputKeyInvalidated, key, attempt, at);
        let end = match done {
            Ok(known) if known || id.is_some() => {
                let entry = id.iter().fold(entry(), |entry, id| entry.with("key_id", id.as_str()));
                InvalidationEnd::Done(Some(Box::new(entry)))
            }
            // A slow cluster may still make the key.
            Ok(_) if at < asked_at.plus(LATE_KEYS) => {
                InvalidationEnd::Again { next_at: asked_at.plus(LATE_KEYS) }
            }
            Ok(_) => InvalidationEnd::Done(None),
            Err(error) => {
                let failures = failures.saturating_add(1);
                log(key.output, failures, &error, "a key could not be invalidated");
                InvalidationEnd::Failed { failures, at, next_at: next_try(at, failures) }
            }
        };
        self.base.store.settle_invalidation(SettleInvalidation { attempt, end }).await?;
        self.wake.notify_one();
        Ok(())
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
fn about(action: Action, key: KeyOf, attempt: AttemptId, at: Timestamp) -> Draft {
    let entry = Caller::SYSTEM.did(action, at).about(Subjects::host(key.host));
    entry.with("output", key.output.to_string()).with("attempt", attempt.to_string())
}

/// Logs the first failure in a row. The others are counted and shown.
fn log(output: OutputId, failures: u32, error: &ClusterError, what: &str) {
    if failures == 1 {
        tracing::warn!(%output, %error, "{what}; gatepass tries again");
    } else {
        tracing::debug!(%output, failures, %error, "{what}");
    }
}

fn count(call: &'static str, error: Option<&ClusterError>) {
    let outcome = error.map_or("done", |error| match state_after(error) {
        OutputState::Refused => "refused",
        _ => "unreachable",
    });
    metrics::counter!("gatepass_output_calls_total", "call" => call, "outcome" => outcome).increment(1);
}
