//! Certifying: the only way to a host certificate. Issuing consumes a [`Warrant`], which only the files below this one, redeeming
//! and renewing, can make.

mod api_key;
mod approval;
mod deciding;
mod enrolled;
mod opaque_key;
mod redeem;
mod reenroll;
mod refusal;
mod renew;
mod repeat;

use std::sync::Arc;
use std::time::Duration;

pub use approval::ApprovalTerms;
pub use deciding::{Decided, Verdict};
pub use enrolled::{Enrolled, Redemption};
pub use redeem::RedeemRequest;

use super::base::Base;
use super::ca::live::LiveCas;
use super::capacity::FleetCapacity;
use super::policies::live::LivePolicies;
use super::refusals::Refusals;
use super::rules::LiveRules;
use super::trust::LiveTrust;
use super::verification::Authenticator;
use super::{Caller, ServiceError, TokenError};
use crate::access::throttle::Throttles;
use crate::ca::{ApprovedRequest, Csr, HostProfile, PreparedCertificate};
use crate::clock::Timestamp;
use crate::host_certificate::HostPeer;
use crate::id::{Fingerprint, HostId, PolicyId};
use crate::ledger::{Action, Draft, Subjects};
use crate::name::DnsName;
use crate::store::{CertificateRecord, HostFacts, JudgedPolicy, Policy, StoreError, StoredCertificate};

/// The permission of a judged redemption or renewal: this key for this host, with these roles and this name, under this policy.
/// Issuing consumes it.
struct Warrant<'a> {
    csr: &'a Csr,
    host: HostId,
    facts: &'a HostFacts,
    policy: Option<&'a Policy>,
}

/// The terms of every host certificate.
#[derive(Clone, Debug)]
pub struct CertificateTerms {
    /// The life of a host certificate.
    pub lifetime: Duration,
    /// The time for which a lapsed host keeps its DNS name.
    pub name_hold: Duration,
    /// The SPIFFE trust domain.
    pub trust_domain: String,
    /// RSA keys of 2048 to 4096 bits are certified too.
    pub allow_rsa: bool,
    /// The plain-http URL of the directory with the CRL of each issuing CA, if certificates name one.
    pub crl_url: Option<String>,
}

/// Redeeming tokens and renewing certificates.
pub struct Enrollment {
    pub(super) base: Base,
    pub(super) trust: Arc<LiveTrust>,
    pub(super) cas: Arc<LiveCas>,
    pub(super) throttles: Arc<Throttles>,
    pub(super) refusals: Arc<Refusals>,
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) capacity: Arc<FleetCapacity>,
    pub(super) rules: Arc<LiveRules>,
    pub(super) policies: Arc<LivePolicies>,
    pub(super) terms: CertificateTerms,
    pub(super) approval: ApprovalTerms,
}

impl Enrollment {
    /// The facts for the next certificate of a host, and the name that it loses because it is the authority's.
    async fn certifiable(&self, facts: HostFacts) -> Result<(HostFacts, Option<DnsName>), ServiceError> {
        let Some(name) = facts.name.clone() else { return Ok((facts, None)) };
        Ok(match self.base.store.own_name(name.clone()).await? {
            true => (HostFacts { name: None, ..facts }, Some(name)),
            false => (facts, None),
        })
    }

    /// Builds, signs and checks a host certificate. It takes only the public key from the request.
    fn issue(&self, warrant: Warrant<'_>, now: Timestamp) -> Result<StoredCertificate, ServiceError> {
        let Warrant { csr, host, facts, policy } = warrant;
        let profile = HostProfile {
            host,
            roles: facts.roles.clone(),
            dns_name: facts.name.clone(),
            trust_domain: self.terms.trust_domain.clone(),
            lifetime: self.lifetime(policy),
            crl_url: self.terms.crl_url.clone(),
        };
        let cas = self.cas.load();
        let issued = ApprovedRequest::new(csr, profile).prepare(cas.current(), now);
        let issued = issued.and_then(PreparedCertificate::issue).map_err(|error| cas.refusal(error))?;
        let (serial, issued_at, not_after) = (issued.serial, issued.issued_at, issued.not_after);
        let due_at = policy.map(|policy| {
            issued_at.plus(policy.terms.renew_at.of(not_after.since(issued_at))).whole_second()
        });
        let record = CertificateRecord { serial, host_key: csr.spki_hash(), issued_at, not_after, due_at };
        Ok(StoredCertificate { host, record, der: issued.der })
    }

    /// Lifetime of the certificates under a policy.
    fn lifetime(&self, policy: Option<&Policy>) -> Duration {
        let configured = self.terms.lifetime;
        policy.map_or(configured, |policy| policy.terms.lifetime(configured))
    }

    /// The current revision of a token's policy. The tokens of a deleted policy are revoked.
    fn policy_of_token(&self, id: Option<PolicyId>) -> Result<Option<Arc<Policy>>, TokenError> {
        let Some(id) = id else { return Ok(None) };
        self.policies.get(id).map(Some).ok_or(TokenError::Revoked)
    }

    /// The current revision of a host's policy. A policy that a host has is never deleted.
    fn policy_of(&self, id: Option<PolicyId>) -> Result<Option<Arc<Policy>>, ServiceError> {
        let Some(id) = id else { return Ok(None) };
        self.policies.get(id).map(Some).ok_or_else(|| StoreError::Contended.into())
    }

    /// Prepares another judgement under a policy, after the store has refused this one.
    async fn catch_up(&self, judged: Option<JudgedPolicy>) -> Result<(), ServiceError> {
        self.policies.catch_up(judged, self.base.store.as_ref()).await
    }

    /// The answer with a certificate that was issued before, for a host that trusts `root`.
    async fn answer_again(
        &self,
        stored: StoredCertificate,
        root: Option<Fingerprint>,
    ) -> Result<Enrolled, ServiceError> {
        let name = self.base.store.host(stored.host).await?.and_then(|host| host.facts.name);
        let roles = HostPeer::parse(&stored.der).map(|peer| peer.roles).unwrap_or_default();
        Ok(Enrolled::new(name, roles, stored, &self.cas.load(), root))
    }
}

/// A policy for the transaction, which compares its revision.
fn judged(policy: Option<&Policy>) -> Option<JudgedPolicy> {
    policy.map(|policy| JudgedPolicy { policy: policy.id, revision: policy.revision })
}

/// The entry of a withdrawn name.
fn withdrawal(caller: &Caller, host: HostId, name: &DnsName, now: Timestamp) -> Draft {
    caller.did(Action::NameWithdrawn, now).about(Subjects::host(host)).with("name", name.as_str())
}
