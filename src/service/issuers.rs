//! The external URLs of the authority: the current one, and former ones that tokens in the field still name.

use std::sync::Arc;

use super::{Authority, Caller, ServiceError};
use crate::ledger::Action;
use crate::store::{IssuerRecord, IssuerRetirement, RetireIssuer};

/// The external URLs whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct Issuers {
    current: String,
    accepted: Vec<String>,
}

impl Issuers {
    /// From the stored records; `None` if no record is current.
    pub fn from_records(records: &[IssuerRecord]) -> Option<Self> {
        let current = records.iter().find(|record| record.current)?.url.clone();
        Some(Self { current, accepted: records.iter().map(|record| record.url.clone()).collect() })
    }

    /// The URL that new tokens name.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Every URL whose tokens are accepted.
    pub fn accepted(&self) -> &[String] {
        &self.accepted
    }
}

impl Authority {
    /// The external URLs as they are now.
    pub fn issuers(&self) -> Arc<Issuers> {
        self.issuers.load_full()
    }

    /// The external URLs that are not retired, with since when.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_issuers(&self) -> Result<Vec<IssuerRecord>, ServiceError> {
        Ok(self.store.issuers().await?)
    }

    /// Refuses tokens that name a former external URL, from now on.
    ///
    /// # Errors
    /// The URL is the current one or unknown, or the store cannot be written.
    pub async fn retire_issuer(&self, caller: &Caller, url: &str) -> Result<(), ServiceError> {
        let _one_at_a_time = self.changing.lock().await;
        let entry = caller.did(Action::IssuerRetired, self.time.now()).with("issuer", url);
        match self.store.retire_issuer(RetireIssuer { issuer: url.to_owned(), entry }).await? {
            IssuerRetirement::Retired => {}
            IssuerRetirement::Current => return Err(ServiceError::IssuerInUse),
            IssuerRetirement::Unknown => {
                return Err(ServiceError::NotFound { what: "external URL", id: url.to_owned() });
            }
        }
        if let Some(issuers) = Issuers::from_records(&self.store.issuers().await?) {
            self.issuers.store(Arc::new(issuers));
        }
        Ok(())
    }
}
