//! The opaque key of a host: given with its first certificate, and given again by repeats while none was used.

use super::{Enrolled, Enrollment, Redemption};
use crate::access::OpaqueKey;
use crate::admission::HostCredential;
use crate::clock::Timestamp;
use crate::ledger::{Action, Draft, Subjects};
use crate::service::{Caller, HostError, ServiceError};
use crate::store::{Policy, ReplaceOpaqueKey};
use crate::token::Grant;

/// The opaque key of a new pair that asks for one. The transaction compares the revision of the policy.
///
/// # Errors
/// The policy does not allow opaque keys.
pub(super) fn first_key(
    credential: HostCredential,
    policy: Option<&Policy>,
) -> Result<Option<OpaqueKey>, HostError> {
    match (credential, allows_keys(policy)) {
        (HostCredential::Certificate, _) => Ok(None),
        (HostCredential::ApiKey, true) => Ok(Some(OpaqueKey::generate())),
        (HostCredential::ApiKey, false) => Err(HostError::CredentialNotAllowed),
    }
}

/// Returns true if hosts of the policy may have opaque keys.
pub(super) fn allows_keys(policy: Option<&Policy>) -> bool {
    policy.is_some_and(|policy| policy.terms.api_key_credential)
}

/// An entry with the credential, unless it is a certificate alone.
pub(super) fn of_credential(entry: Draft, credential: HostCredential) -> Draft {
    match credential {
        HostCredential::Certificate => entry,
        HostCredential::ApiKey => entry.with("credential", credential.as_str()),
    }
}

impl Enrollment {
    /// The answer to a repeat. Anyone can replay a certificate request. So it has another key only while the one before was never
    /// used.
    pub(super) async fn answer_repeat(
        &self,
        caller: &Caller,
        (grant, credential): (&Grant, HostCredential),
        enrolled: Enrolled,
        now: Timestamp,
    ) -> Result<Redemption, ServiceError> {
        if credential == HostCredential::Certificate {
            return Ok(enrolled.into());
        }
        let (key, token) = (OpaqueKey::generate(), grant.token.id);
        let (host, serial) = (enrolled.host, enrolled.record.serial);
        let subjects = Subjects::host(host).with_token(token).with_serial(serial);
        let entry = caller.did(Action::OpaqueKeyReplaced, now).about(subjects);
        let command = ReplaceOpaqueKey { host, serial, token, key: key.id(), entry };
        let is_given = self.base.store.replace_opaque_key(command).await?;
        Ok(Redemption::Enrolled(Box::new(enrolled), is_given.then_some(key)))
    }
}
