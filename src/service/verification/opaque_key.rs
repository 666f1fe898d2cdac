//! The host of an opaque key, checked on every request.

use crate::access::OpaqueKey;
use crate::secret::Secret;
use crate::service::verification::Authenticator;
use crate::service::verification::identify::HostCaller;
use crate::service::{Caller, HostError, ServiceError};
use crate::store::UseOpaqueKey;

impl Authenticator {
    /// Returns the host of an opaque key. The key is as good as the certificate that it was given with, while the policy of the host
    /// allows keys. Its first use is written before the answer, because no repeat gets a key after it.
    ///
    /// # Errors
    /// The key is unknown, or was replaced. The policy of the host does not allow keys. The certificate is refused, as by
    /// [`Authenticator::identify`]. The store cannot be read, or cannot write the first use.
    pub async fn identify_by_key(
        &self,
        caller: &Caller,
        unproven: &Secret<String>,
    ) -> Result<HostCaller, ServiceError> {
        let key = OpaqueKey::parse(unproven.expose()).ok_or(HostError::KeyNotGood)?.id();
        let found = self.base.store.opaque_key(key).await?.ok_or(HostError::KeyNotGood)?;
        let policy = found.policy.and_then(|policy| self.policies.get(policy));
        if !policy.is_some_and(|policy| policy.terms.api_key_credential) {
            return Err(HostError::CredentialNotAllowed.into());
        }
        let host = match self.identify(caller, &found.certificate).await {
            Err(ServiceError::Host(HostError::NoCertificate)) => return Err(HostError::KeyNotGood.into()),
            identified => identified?,
        };
        let at = self.base.time.now();
        if !found.was_used && !self.base.store.use_opaque_key(UseOpaqueKey { key, at }).await? {
            return Err(HostError::KeyNotGood.into());
        }
        Ok(host)
    }
}
