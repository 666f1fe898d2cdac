//! The external URLs of the authority: the current one, and former ones that tokens in the field still name.

use std::sync::Arc;

use super::keys::Retired;
use super::{Authority, Caller, KeysError, RequestError, ServiceError};
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
        Arc::clone(self.trust.load().issuers())
    }

    /// The external URLs that are not retired, with since when.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_issuers(&self) -> Result<Vec<IssuerRecord>, ServiceError> {
        Ok(self.store.issuers().await?)
    }

    /// Refuses tokens that name a former external URL, from now on. Live persistent ones are revoked if that is
    /// `confirmed`; if the emergency token is among them, it is minted anew and its file rewritten.
    ///
    /// # Errors
    /// The URL is the current one, needed or unknown, the clock is in doubt, or a file or the store cannot be written.
    pub async fn retire_issuer(
        &self,
        caller: &Caller,
        url: &str,
        confirmed: bool,
    ) -> Result<Retired, ServiceError> {
        let _one_at_a_time = self.changing.lock().await;
        let at = self.time.trusted()?;
        let ending = self.store.emergency_token().await?.filter(|token| token.mint.issuer == url);
        // The current one cannot be retired, so the new token does not name what ends here.
        let successor = match ending.filter(|_| confirmed && self.issuers().current() != url) {
            Some(_) => Some(self.prepare_emergency(&self.ring(), at).await?),
            None => None,
        };
        let (successor, emergency) = successor.unzip();
        let entry = caller.did(Action::IssuerRetired, at).with("issuer", url);
        let command = RetireIssuer { issuer: url.to_owned(), even_needed: confirmed, emergency, at, entry };
        let refused = match self.store.retire_issuer(command).await? {
            IssuerRetirement::Retired { tokens, emergency } => {
                if let Some(successor) = &successor {
                    self.emergency_recorded(successor, emergency);
                }
                if let Some(issuers) = Issuers::from_records(&self.store.issuers().await?) {
                    let issuers = Arc::new(issuers);
                    self.trust.rcu(|trust| trust.with_issuers(Arc::clone(&issuers)));
                    self.status_lists.renew();
                }
                return Ok(Retired { tokens, emergency });
            }
            IssuerRetirement::Needed { tokens } => KeysError::IssuerNeeded { tokens }.into(),
            IssuerRetirement::Current => KeysError::IssuerInUse.into(),
            IssuerRetirement::Unknown => {
                RequestError::NotFound { what: "external URL", id: url.to_owned() }.into()
            }
        };
        if successor.is_some() {
            self.emergency_stays();
        }
        Err(refused)
    }
}
