//! Authentication by the `api_key` of a token, which stands for its signed text.

use std::sync::Arc;

use super::{Authenticated, Lifetime};
use crate::id::KeyId;
use crate::token::fleet_key::ProvenToken;
use crate::token::grant::Grant;
use crate::token::key::KeyScope;

impl Authenticated<Grant> {
    /// The grant in the record of a token, whose holder proved its `api_key` instead of presenting the signed text.
    /// `signing_key` signed that text. `None` if the record is of another token.
    pub(crate) fn by_api_key(proven: ProvenToken, grant: Grant, signing_key: KeyId) -> Option<Self> {
        let starts_at = grant.not_before.max(grant.issued_at);
        let (expires_at, persistent) = (grant.terms.expires_at, grant.terms.persistent);
        (grant.token.id == proven.token()).then(|| Self {
            value: Arc::new(grant),
            lifetime: Lifetime { starts_at, expires_at, persistent },
            signing_key,
            // Only a persistent token has an `api_key`, so an earlier epoch does not refuse it.
            scope: KeyScope::PersistentOnly,
            fleet_key: Some(proven.key()),
        })
    }
}

#[cfg(all(test, feature = "server"))]
impl super::Verified<Grant> {
    /// The same grant, proven by a Fleet key.
    pub(crate) fn assumed_of_fleet_key(self, key: crate::id::FleetKeyId) -> Self {
        Self { fleet_key: Some(key), ..self }
    }
}
