//! Memory of the database's keys, external URLs and emergency token.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard, watch};

use super::keys::files::{complete_keys, destroy_unneeded, load_ring};
use super::keys::fleet::{complete_fleet_keys, destroy_retired, load_fleet_keys};
use super::keys::seal::{complete_seal_keys, destroy_retired_seals, load_seal};
use super::vault::Vault;
use super::verification::issuers::Issuers;
use super::verification::trust::Trust;
use super::{RequestError, ServiceError};
use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::seal::Seal;
use crate::store::{Store, StoreError};
use crate::token::{FleetKeys, KeyRing};

/// The generation in use: what memory holds of the database's keys, external URLs and emergency token.
pub struct LiveTrust {
    trust: ArcSwap<Trust>,
    /// The keys of Elastic Fleet's API.
    fleet_keys: ArcSwap<FleetKeys>,
    /// The seal of secrets in the store.
    seal: ArcSwap<Seal>,
    /// The live emergency token: every use of it raises an alarm.
    emergency: ArcSwapOption<TokenId>,
    vault: Vault,
    /// One change of keys or external URLs at a time: each spans files and the store.
    changing: Arc<Mutex<()>>,
    changes: watch::Sender<u64>,
}

impl LiveTrust {
    /// Loads the keys and external URLs of the store. A use of keys without any key in the store gets its first ones.
    ///
    /// # Errors
    /// The store or a file cannot be read or written.
    pub async fn open(
        store: &dyn Store,
        vault: Vault,
        (audiences, hot_tokens): (Arc<[String]>, usize),
        now: Timestamp,
    ) -> Result<Self, ServiceError> {
        let keys = complete_keys(store, &vault, now).await?;
        let ring = load_ring(&vault, &keys)?;
        destroy_unneeded(&vault, &keys)?;
        let fleet_keys = complete_fleet_keys(store, &vault, now).await?;
        let seal = ArcSwap::from_pointee(complete_seal_keys(store, &vault, now).await?);
        let trust = Trust::new(Arc::new(ring), stored_issuers(store).await?, audiences, hot_tokens);
        let (changing, changes) = (Arc::default(), watch::Sender::new(0));
        let emergency = ArcSwapOption::new(stored_emergency(store).await?);
        let (trust, fleet_keys) = (ArcSwap::from_pointee(trust), ArcSwap::from_pointee(fleet_keys));
        Ok(Self { trust, fleet_keys, seal, emergency, vault, changing, changes })
    }

    /// Uses the keys, external URLs and emergency token of the store, then destroys private halves that are no longer needed.
    /// Call it after each change of them, here or on another node.
    ///
    /// # Errors
    /// The store or a file cannot be read: the previous generation stays in use. Or a file cannot be removed.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), ServiceError> {
        let records = store.keys().await?;
        let ring = Arc::new(load_ring(&self.vault, &records)?);
        let issuers = stored_issuers(store).await?;
        let fleet_keys = store.fleet_keys().await?;
        self.fleet_keys.store(Arc::new(load_fleet_keys(&self.vault, &fleet_keys)?));
        let seal_keys = store.seal_keys().await?;
        self.seal.store(Arc::new(load_seal(&self.vault, seal_keys.iter().map(|record| record.id))?));
        self.emergency.store(stored_emergency(store).await?);
        self.trust.rcu(|trust| trust.next(Arc::clone(&ring), Arc::clone(&issuers)));
        self.announce();
        destroy_retired(&self.vault, &fleet_keys)?;
        destroy_retired_seals(&self.vault, &seal_keys)?;
        destroy_unneeded(&self.vault, &records)
    }

    /// Ends a change of keys, for which files were made: uses the keys of the store, and destroys private halves that it does
    /// not have. If the outcome is unknown the files stay, and the next start decides.
    pub(in crate::service) async fn conclude<T>(
        &self,
        store: &dyn Store,
        outcome: Result<T, StoreError>,
    ) -> Result<T, ServiceError> {
        match outcome {
            Ok(changed) => {
                self.reload(store).await?;
                Ok(changed)
            }
            Err(unknown @ (StoreError::Failed { .. } | StoreError::Closed)) => Err(unknown.into()),
            Err(refused) => {
                // The next change tries again.
                if let Ok(records) = store.keys().await {
                    let _ = destroy_unneeded(&self.vault, &records);
                }
                if let Ok(records) = store.fleet_keys().await {
                    let _ = destroy_retired(&self.vault, &records);
                }
                if let Ok(records) = store.seal_keys().await {
                    let _ = destroy_retired_seals(&self.vault, &records);
                }
                Err(refused.into())
            }
        }
    }

    /// The generation in use.
    pub fn load(&self) -> Arc<Trust> {
        self.trust.load_full()
    }

    /// The signing keys in use.
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.trust.load().ring)
    }

    /// The keys of Elastic Fleet's API in use.
    pub fn fleet_keys(&self) -> Arc<FleetKeys> {
        self.fleet_keys.load_full()
    }

    /// The seal of secrets in the store.
    pub fn seal(&self) -> Arc<Seal> {
        self.seal.load_full()
    }

    /// The external URLs in use.
    pub fn issuers(&self) -> Arc<Issuers> {
        Arc::clone(&self.trust.load().issuers)
    }

    /// Returns whether `token` is the live emergency token.
    pub fn is_emergency(&self, token: TokenId) -> bool {
        self.emergency.load().as_deref() == Some(&token)
    }

    pub(in crate::service) fn set_emergency(&self, token: TokenId) {
        self.emergency.store(Some(Arc::new(token)));
    }

    /// A counter that moves when other keys or external URLs are in use. Documents published under the previous ones are stale.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Moves the counter of [`LiveTrust::changes`].
    pub(in crate::service) fn announce(&self) {
        self.changes.send_modify(|version| *version += 1);
    }

    /// The turn of one change of keys or external URLs. It covers the change in the store and the reload after it.
    pub(in crate::service) async fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// The same turn, for a holder that outlives this value.
    pub(in crate::service) async fn change_owned(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.changing).lock_owned().await
    }
}

async fn stored_issuers(store: &dyn Store) -> Result<Arc<Issuers>, ServiceError> {
    let issuers = Issuers::from_records(&store.issuers().await?);
    Ok(Arc::new(issuers.ok_or_else(|| RequestError::not_found("external URL", "current"))?))
}

async fn stored_emergency(store: &dyn Store) -> Result<Option<Arc<TokenId>>, StoreError> {
    Ok(store.emergency_token().await?.map(|token| Arc::new(token.mint.token.id)))
}
