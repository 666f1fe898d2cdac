//! Listing and retiring external URLs.

use super::keys::TrustAdmin;
use super::{Caller, KeysError, RequestError, ServiceError};
use crate::ledger::Action;
use crate::store::{IssuerRecord, RetireIssuer, Retired, Retirement};

impl TrustAdmin {
    /// Returns the external URLs that are not retired.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_issuers(&self) -> Result<Vec<IssuerRecord>, ServiceError> {
        Ok(self.base.store.issuers().await?)
    }

    /// Retires a former external URL: tokens that name it are refused from now on. If `confirmed`, its live persistent tokens
    /// are revoked. If the emergency token is one of them, a new one is minted and its file rewritten.
    ///
    /// # Errors
    /// The URL is the current one, needed or unknown, the clock is in doubt, or a file or the store cannot be written.
    pub async fn retire_issuer(
        &self,
        caller: &Caller,
        url: &str,
        confirmed: bool,
    ) -> Result<Retired, ServiceError> {
        let _one_at_a_time = self.trust.change().await;
        let at = self.base.time.trusted()?;
        let ending = self.base.store.emergency_token().await?;
        let ends = ending.is_some_and(|token| token.mint.token.issuer == url);
        // The current URL cannot be retired, so the new token never names the retired one.
        let ends = ends && confirmed && self.trust.issuers().current() != url;
        let emergency = self.emergency.prepare(ends, &self.trust.ring(), at).await?;
        let successor = emergency.as_ref().map(|mint| mint.record.token.id);
        let entry = caller.did(Action::IssuerRetired, at).with("issuer", url);
        let command = RetireIssuer { issuer: url.to_owned(), even_needed: confirmed, emergency, entry };
        let outcome = self.base.store.retire_issuer(command).await?;
        self.emergency.conclude(successor, outcome);
        match outcome {
            Retirement::Retired(retired) => {
                self.trust.reload(self.base.store.as_ref()).await?;
                Ok(retired)
            }
            Retirement::Needed { tokens } => Err(KeysError::IssuerNeeded { tokens }.into()),
            Retirement::InUse => Err(KeysError::IssuerInUse.into()),
            Retirement::Unknown => Err(RequestError::not_found("external URL", url).into()),
        }
    }
}
