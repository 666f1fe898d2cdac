//! Capacity: the node limit and the number of enrolled hosts.

use std::sync::Arc;

use super::base::Base;
use super::settings::LiveSpans;
use super::{HostError, ServiceError};
use crate::admission::Capacity;
use crate::store::NodeLimit;

/// The use cases of the node limit. [`SettingsAdmin`](super::settings::SettingsAdmin) changes it.
pub struct FleetCapacity {
    pub(super) base: Base,
    pub(super) spans: Arc<LiveSpans>,
}

impl FleetCapacity {
    /// Returns the limit and the number of hosts at this moment.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn show(&self) -> Result<Capacity, ServiceError> {
        let enrolled = self.base.store.enrolled(self.base.time.now()).await?;
        Ok(Capacity { node_limit: self.spans.node_limit(), enrolled })
    }

    /// Returns the warning for the answer to a mint. The token exists by then, so a failed read warns of nothing.
    pub async fn warning(&self) -> Option<String> {
        self.show().await.ok()?.warning()
    }

    /// The limit that the transaction of a host judges.
    pub fn limit_of_hosts(&self) -> NodeLimit {
        self.spans.configured_node_limit()
    }

    /// An early check, before a certificate is signed. The transaction decides.
    pub(super) async fn expect_slot(&self) -> Result<(), ServiceError> {
        match self.spans.node_limit().is_none() || self.show().await?.has_slot() {
            true => Ok(()),
            false => Err(HostError::NodeLimit.into()),
        }
    }
}
