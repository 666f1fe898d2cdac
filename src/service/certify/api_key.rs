//! The `api_key` of a token, which stands for its signed text.

use super::Enrollment;
use crate::service::ServiceError;
use crate::store::MintRecord;
use crate::token::{Authenticated, Grant, ProvenToken, UnprovenApiKey, VerifyError};

impl Enrollment {
    /// Checks an `api_key`. The store is read only for one that is right.
    pub(super) async fn prove(
        &self,
        unproven: &UnprovenApiKey,
    ) -> Result<Result<Authenticated<Grant>, VerifyError>, ServiceError> {
        let refused = VerifyError::BadSignature;
        let Some(proven) = self.trust.fleet_keys().prove(unproven) else { return Ok(Err(refused)) };
        let recorded = self.base.store.token(proven.token()).await?;
        let recorded = recorded.filter(|record| record.fleet_key == Some(proven.key()));
        Ok(recorded.and_then(|record| authenticated(proven, record.mint)).ok_or(refused))
    }
}

/// The grant in the record of a token that its `api_key` proved. Its host trusts the current root.
fn authenticated(proven: ProvenToken, mint: MintRecord) -> Option<Authenticated<Grant>> {
    let MintRecord { token, terms, signing_key, created_at, .. } = mint;
    let at = created_at.whole_second();
    let grant = Grant { token, issued_at: at, not_before: at, root: None, terms };
    Authenticated::by_api_key(proven, grant, signing_key)
}
