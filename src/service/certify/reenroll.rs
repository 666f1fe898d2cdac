//! Re-enrolling: the host that a token is bound to gets a certificate for a new key. It keeps its id, its name and its roles.

use super::opaque_key::{first_key, of_credential};
use super::redeem::RedeemTicket;
use super::refusal::refused;
use super::{Enrolled, Enrollment, Redemption, Warrant, judged, withdrawal};
use crate::access::OpaqueKey;
use crate::admission::BindingError;
use crate::clock::Timestamp;
use crate::id::HostId;
use crate::ledger::Action;
use crate::service::base::ATTEMPTS;
use crate::service::membership::refuse_outside;
use crate::service::{Caller, HostError, ServiceError, TokenError};
use crate::store::{HostRecord, NextCertificate, RedeemRefusal, Redeemed, Reenroll, StoreError};
use crate::token::Grant;

impl Enrollment {
    /// The host that the token is bound to, if the token still fits it.
    async fn bound_host(&self, id: HostId, grant: &Grant) -> Result<HostRecord, ServiceError> {
        let host = self.base.store.host(id).await?.filter(|host| host.revoked_at.is_none());
        let host = host.ok_or(HostError::Revoked)?;
        let moved = host.moved_at.is_some_and(|moved_at| moved_at >= grant.token.id.minted_at());
        match !moved && grant.terms.fits_host(host.facts.name.as_ref(), &host.facts.roles) {
            true => Ok(host),
            false => Err(TokenError::Binding(BindingError::HostChanged).into()),
        }
    }

    /// A new pair of a token that is bound to the host `id`: the next certificate of its lineage. Its former certificates and
    /// keys are revoked in the same act.
    pub(super) async fn reenroll(
        &self,
        caller: &Caller,
        ticket: RedeemTicket,
        id: HostId,
        now: Timestamp,
    ) -> Result<Redemption, ServiceError> {
        let credential = ticket.presented.claims.credential;
        for _ in 0..ATTEMPTS {
            let bound = self.bound_host(id, &ticket.grant).await?;
            let policy = self.policy_of_token(ticket.grant.terms.policy)?;
            let policy = policy.as_deref();
            let moves = bound.facts.policy != ticket.grant.terms.policy;
            if moves && refuse_outside(&bound.facts.roles, policy).is_err() {
                return Err(TokenError::Binding(BindingError::HostChanged).into());
            }
            let opaque_key = first_key(credential, policy)?;
            let (facts, name_withdrawn) = self.certifiable(bound.facts).await?;
            let warrant = Warrant { csr: &ticket.csr, host: id, facts: &facts, policy };
            let certificate = self.issue(warrant, now)?;
            let stored = certificate.clone();
            let entry = self.enrolled_entry(caller, Action::HostReenrolled, &ticket, &stored, now);
            let entry = of_credential(entry, credential);
            let next = NextCertificate {
                roles: facts.roles.clone(),
                name: facts.name.clone(),
                policy: judged(policy),
                withdrawal: name_withdrawn.as_ref().map(|name| withdrawal(caller, id, name, now)),
                certificate,
                reached_url: ticket.reached_url.clone(),
                node_limit: self.capacity.limit_of_hosts(),
                entry,
            };
            let (grant, root) = (ticket.grant.clone(), ticket.grant.root);
            let command = Reenroll { grant, next, opaque_key: opaque_key.as_ref().map(OpaqueKey::id) };
            match self.base.store.reenroll(command).await? {
                Redeemed::First => {
                    let enrolled = Enrolled::new(facts.name, facts.roles, stored, &self.cas.load(), root);
                    let enrolled = Box::new(Enrolled { name_withdrawn, ..enrolled });
                    return Ok(Redemption::Enrolled(enrolled, opaque_key));
                }
                Redeemed::Again(winner) => {
                    let again = self.answer_again(winner, root).await?;
                    return self.answer_repeat(caller, (&ticket.grant, credential), again, now).await;
                }
                Redeemed::Refused(RedeemRefusal::Contended) => self.catch_up(judged(policy)).await?,
                Redeemed::Refused(refusal) => return Err(refused(refusal, &ticket.grant)),
                Redeemed::Waits(_) | Redeemed::FactsChanged => break,
            }
        }
        Err(StoreError::Contended.into())
    }
}
