//! Renewing: a host's certificate and a new request become its next certificate.

use super::{Enrolled, Enrollment, Warrant, judged, withdrawal};
use crate::ca::{Csr, CsrPolicy};
use crate::ledger::{Action, Subjects};
use crate::service::base::ATTEMPTS;
use crate::service::{Caller, HostCaller, HostError, ServiceError, TokenError};
use crate::store::{
    HostFacts, MOST_RENEWALS, NextCertificate, Policy, RENEWALS_WITHIN, Renew, RenewRefusal, Renewed,
    StoreError,
};

impl Enrollment {
    /// Renews the certificate of the host that presented `host`'s and reached the server at another URL than recorded, if given.
    ///
    /// # Errors
    /// The clock is in doubt, the request cannot be signed, the host or certificate is revoked or superseded, or the
    /// store cannot be written. The certificate in use stays valid.
    pub async fn renew(
        &self,
        caller: &Caller,
        host: &HostCaller,
        csr: &str,
        reached_url: Option<&str>,
    ) -> Result<Enrolled, ServiceError> {
        self.base.time.trusted()?;
        let csr = Csr::parse(csr, CsrPolicy { allow_rsa: self.terms.allow_rsa })?;
        let mut facts = host.record.facts.clone();
        for _ in 0..ATTEMPTS {
            if let Some(enrolled) = self.try_renew(caller, host, facts, (&csr, reached_url)).await? {
                return Ok(enrolled);
            }
            facts = self.base.store.host(host.id).await?.ok_or(HostError::Unknown)?.facts;
        }
        Err(StoreError::Contended.into())
    }

    /// Maximum number of certificates of a host within [`RENEWALS_WITHIN`]: at least three times the number that it needs.
    fn most_renewals(&self, policy: Option<&Policy>) -> u32 {
        let needed = RENEWALS_WITHIN.as_secs() / self.lifetime(policy).as_secs().max(1);
        MOST_RENEWALS.max(u32::try_from(needed.saturating_mul(3)).unwrap_or(u32::MAX))
    }

    /// One attempt; `None` if roles, name and policy in the row are not those in `facts`, or the policy changed.
    async fn try_renew(
        &self,
        caller: &Caller,
        host: &HostCaller,
        facts: HostFacts,
        (csr, reached_url): (&Csr, Option<&str>),
    ) -> Result<Option<Enrolled>, ServiceError> {
        let now = self.base.time.trusted()?;
        let (facts, name_withdrawn) = self.certifiable(facts).await?;
        let policy = self.policy_of(facts.policy)?;
        let policy = policy.as_deref();
        let warrant = Warrant { csr, host: host.id, facts: &facts, policy };
        let certificate = self.issue(warrant, now)?;
        let stored = certificate.clone();
        let subjects = Subjects::host(host.id).with_serial(stored.record.serial);
        let entry = caller.did(Action::HostRenewed, now).about(subjects);
        let next = NextCertificate {
            roles: facts.roles.clone(),
            name: facts.name.clone(),
            policy: judged(policy),
            withdrawal: name_withdrawn.as_ref().map(|name| withdrawal(caller, host.id, name, now)),
            certificate,
            reached_url: reached_url.map(str::to_owned),
            node_limit: self.capacity.limit_of_hosts(),
            entry,
        };
        let command = Renew { most: self.most_renewals(policy), presented: host.certificate.serial, next };
        let enrolled = || {
            let enrolled = Enrolled::new(facts.name, facts.roles, stored, &self.cas.load(), None);
            Enrolled { name_withdrawn, ..enrolled }
        };
        Ok(match self.base.store.renew(command).await? {
            Renewed::First => Some(enrolled()),
            Renewed::Replaced(unseen) => {
                tracing::warn!(host = %host.id, presented = %host.certificate.serial, %unseen,
                    "a superseded certificate renewed with another key: the answer before and its key were lost, or two machines hold one identity");
                Some(enrolled())
            }
            Renewed::Again(newest) => {
                let again = self.answer_again(newest, None).await?;
                // The host lost the answer that named it.
                let name_withdrawn = host.name.clone().filter(|_| again.name.is_none());
                Some(Enrolled { name_withdrawn, ..again })
            }
            Renewed::FactsChanged => {
                self.catch_up(judged(policy)).await?;
                None
            }
            Renewed::Refused(RenewRefusal::LineageConflict) => {
                return Err(self
                    .authenticator
                    .conflicts
                    .alarm(caller, host.id, host.certificate.serial, now)
                    .await);
            }
            Renewed::Refused(refusal) => return Err(refused(refusal)),
        })
    }
}

fn refused(refusal: RenewRefusal) -> ServiceError {
    match refusal {
        RenewRefusal::Unknown => HostError::Unknown.into(),
        RenewRefusal::Key(refusal) => HostError::from(refusal).into(),
        RenewRefusal::CertificateRevoked => HostError::CertificateRevoked.into(),
        RenewRefusal::TooOften => HostError::RenewedTooOften.into(),
        RenewRefusal::LineageConflict => HostError::LineageConflict.into(),
        RenewRefusal::TokenRevoked => TokenError::Revoked.into(),
        RenewRefusal::TokenSuspended => TokenError::Suspended.into(),
        RenewRefusal::NodeLimit => HostError::NodeLimit.into(),
    }
}
