//! The policies in memory, which redeeming, renewing and check-ins read.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, MutexGuard};

use crate::id::PolicyId;
use crate::service::ServiceError;
use crate::store::{JudgedPolicy, Policy, Store};

/// The policies in memory.
#[derive(Default)]
pub struct LivePolicies {
    policies: ArcSwap<BTreeMap<PolicyId, Arc<Policy>>>,
    /// One change at a time: it covers the commit and the change of memory after it.
    changing: Mutex<()>,
}

impl LivePolicies {
    /// Loads the policies of the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open(store: &dyn Store) -> Result<Self, ServiceError> {
        let live = Self::default();
        live.reload(store).await?;
        Ok(live)
    }

    /// Reads the policies from the store. Call it after a change on another node.
    ///
    /// # Errors
    /// The store cannot be read. The previous policies stay in memory.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), ServiceError> {
        let policies = store.policies().await?.into_iter().map(|policy| (policy.id, Arc::new(policy)));
        self.policies.store(Arc::new(policies.collect()));
        Ok(())
    }

    /// The current revision of a policy.
    pub fn get(&self, id: PolicyId) -> Option<Arc<Policy>> {
        self.policies.load().get(&id).cloned()
    }

    /// The current revisions of all policies, by id.
    pub fn load(&self) -> Arc<BTreeMap<PolicyId, Arc<Policy>>> {
        self.policies.load_full()
    }

    /// Reads a policy again whose revision the store did not confirm. It waits for a running change.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(in crate::service) async fn catch_up(
        &self,
        judged: Option<JudgedPolicy>,
        store: &dyn Store,
    ) -> Result<(), ServiceError> {
        let Some(JudgedPolicy { policy: id, revision }) = judged else { return Ok(()) };
        let _turn = self.change().await;
        if self.get(id).is_none_or(|policy| policy.revision != revision) {
            return Ok(());
        }
        match store.policy(id).await? {
            Some(policy) => self.put(policy),
            None => self.remove(id),
        }
        Ok(())
    }

    /// Begins a change of policies: others wait.
    pub(super) async fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Replaces a policy after its commit.
    pub(super) fn put(&self, policy: Policy) {
        let mut policies = BTreeMap::clone(&self.policies.load());
        policies.insert(policy.id, Arc::new(policy));
        self.policies.store(Arc::new(policies));
    }

    /// Removes a policy after its commit.
    pub(super) fn remove(&self, id: PolicyId) {
        let mut policies = BTreeMap::clone(&self.policies.load());
        policies.remove(&id);
        self.policies.store(Arc::new(policies));
    }
}
