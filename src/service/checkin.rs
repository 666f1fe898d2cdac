//! The use cases of a host about itself: it checks in, reads its policy, and gets access tokens.

use std::sync::Arc;
use std::time::Duration;

use super::accounts::unwritten::UnwrittenUses;
use super::base::Base;
use super::outputs::hosts::{HostOutput, HostOutputs};
use super::outputs::keys::{HostKeys, OutputKeys};
use super::policies::live::LivePolicies;
use super::trust::LiveTrust;
use super::{HostCaller, HostError, RequestError, ServiceError};
use crate::id::{HostId, OutputId, PolicyId, TokenId, random};
use crate::name::Role;
use crate::store::{CheckIn, Policy};
use crate::token::{self, AccessGrant, MintedToken};

/// Check-ins, policies and access tokens of hosts.
pub struct CheckIns {
    pub(super) base: Base,
    pub(super) trust: Arc<LiveTrust>,
    pub(super) policies: Arc<LivePolicies>,
    pub(super) outputs: HostOutputs,
    pub(super) keys: Arc<OutputKeys>,
    pub(super) unwritten: Arc<UnwrittenUses>,
    /// The time between two check-ins of a host.
    pub(super) interval: Duration,
    /// Life of an access token.
    pub(super) access_ttl: Duration,
}

/// The next steps of a host that checked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextSteps {
    /// The policy of the host, and its current revision.
    pub policy: Option<(PolicyId, u64)>,
    /// True if the host has another policy or revision.
    pub fetch_policy: bool,
    /// Time until the next check-in.
    pub next: Duration,
}

/// The policy of a host, with the state of its outputs.
pub struct OwnPolicy {
    /// Its current revision.
    pub policy: Arc<Policy>,
    /// A number that each change of its outputs and of the host's keys moves.
    pub outputs_revision: u64,
    /// The host's keys at the clusters of its outputs.
    pub keys: Option<HostKeys>,
}

impl CheckIns {
    /// Takes the check-in of a host, which is written within a minute. Only the newest certificate's holder is the host: a
    /// copy may hold a superseded one. `outputs` is the revision of the outputs that the host has. The keys of outputs that
    /// it reports as `failed` are checked.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn check_in(
        &self,
        host: &HostCaller,
        checkin: CheckIn,
        outputs: Option<u64>,
        failed: Vec<OutputId>,
    ) -> Result<NextSteps, ServiceError> {
        let current = self.current(host);
        let policy = current.as_ref().map(|policy| (policy.id, policy.revision));
        let has = checkin.policy.zip(checkin.policy_revision);
        if host.record.is_current(host.certificate.serial) {
            self.unwritten.checked_in(host.id, checkin).await;
            if !failed.is_empty() {
                self.keys.doubt(host.id, failed).await;
            }
        }
        let mut fetch_policy = policy.is_some() && policy != has;
        if let (false, Some(policy), Some(outputs)) = (fetch_policy, current, outputs) {
            let keys = self.known_keys(host, &policy).await?;
            fetch_policy = self.outputs_revision(&policy, keys.as_ref()).await? != outputs;
        }
        Ok(NextSteps { policy, fetch_policy, next: jittered(self.interval, random()) })
    }

    /// The policy of the host. A key that it lacks is requested in the background.
    ///
    /// # Errors
    /// The host has none, or the store cannot be read.
    pub async fn policy(&self, host: &HostCaller) -> Result<OwnPolicy, ServiceError> {
        let policy = self.current(host).ok_or_else(|| RequestError::not_found("policy", "of this host"))?;
        let keys = match policy.terms.outputs.is_empty() {
            true => None,
            false => Some(self.keys.of_host(host.id).await?),
        };
        let outputs_revision = self.outputs_revision(&policy, keys.as_ref()).await?;
        Ok(OwnPolicy { policy, outputs_revision, keys })
    }

    /// The outputs of a host's policy, with the secrets that hosts use.
    ///
    /// # Errors
    /// A secret cannot be opened, or the store cannot be read.
    pub async fn outputs(&self, host: HostId, policy: &OwnPolicy) -> Result<Vec<HostOutput>, ServiceError> {
        if policy.keys.is_none() {
            return Ok(Vec::new());
        }
        let mut outputs = self.outputs.of_policy(policy.policy.id).await?;
        for (output, key) in self.keys.given(host).await? {
            if let Some(given) = outputs.iter_mut().find(|given| given.output.id == output) {
                given.key = Some(key);
            }
        }
        Ok(outputs)
    }

    async fn known_keys(&self, host: &HostCaller, policy: &Policy) -> Result<Option<HostKeys>, ServiceError> {
        match policy.terms.outputs.is_empty() {
            true => Ok(None),
            false => Ok(Some(self.keys.known_of_host(host.id).await?)),
        }
    }

    /// 0 without outputs: most policies have none, and are read in memory.
    async fn outputs_revision(&self, policy: &Policy, keys: Option<&HostKeys>) -> Result<u64, ServiceError> {
        let Some(keys) = keys else { return Ok(0) };
        Ok(self.outputs.revision(policy.id).await?.wrapping_add(keys.revision()))
    }

    /// Mints an access token of the host for the service `audience`. It is bound to the presented certificate, and ends with it
    /// or with its overlap at the latest. Nothing is recorded: the token ends with its host, and within the hour.
    ///
    /// # Errors
    /// The clock is in doubt, the host has no policy, its policy does not name the service, or the key does not sign.
    pub fn access_token(
        &self,
        host: &HostCaller,
        audience: &str,
    ) -> Result<MintedToken<AccessGrant>, ServiceError> {
        let now = self.base.time.trusted()?;
        let policy = self.current(host).ok_or(HostError::NoPolicy)?;
        let trust = self.trust.load();
        let allowed = |audiences: &[String]| audiences.iter().any(|known| known == audience);
        if !allowed(&policy.terms.audiences) || !allowed(&trust.audiences) {
            return Err(HostError::AudienceNotAllowed.into());
        }
        let issued_at = now.whole_second();
        // A token lasts at least a second.
        let ends_at = host.ends_at.whole_second().max(issued_at.plus(Duration::from_secs(1)));
        let grant = AccessGrant {
            id: TokenId::generate(now),
            issuer: trust.issuers.current().to_owned(),
            audience: audience.to_owned(),
            host: host.id,
            issued_at,
            expires_at: issued_at.plus(self.access_ttl).min(ends_at),
            roles: present_roles(host),
            certificate: host.thumbprint,
        };
        Ok(token::mint_access(&grant, &trust.ring, now)?)
    }

    fn current(&self, host: &HostCaller) -> Option<Arc<Policy>> {
        self.policies.get(host.record.facts.policy?)
    }
}

/// The roles of the certificate that the host still has. A removed one is in the certificate until the next.
fn present_roles(host: &HostCaller) -> Vec<Role> {
    host.roles.iter().filter(|role| host.record.facts.roles.contains(role)).cloned().collect()
}

/// The interval, longer or shorter by up to a tenth: hosts that started together check in apart.
fn jittered(interval: Duration, bits: [u8; 4]) -> Duration {
    let share = f64::from(u32::from_be_bytes(bits)) / f64::from(u32::MAX);
    interval.mul_f64(0.9 + share / 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_ins_are_spread_by_a_tenth() {
        let interval = Duration::from_secs(300);
        let spread = [[0; 4], [0x80, 0, 0, 0], [0xff; 4]].map(|bits| jittered(interval, bits).as_secs());
        assert_eq!(spread, [270, 300, 330]);
    }
}
