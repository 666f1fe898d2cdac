//! A pair that redeemed before: its certificate again, or another one for the same host and key.

use super::redeem::RedeemTicket;
use super::{Enrolled, Enrollment, Warrant, judged, withdrawal};
use crate::clock::Timestamp;
use crate::id::{HostId, SpkiHash, TokenId};
use crate::ledger::Action;
use crate::service::base::ATTEMPTS;
use crate::service::{Caller, HostError, ServiceError, TokenError};
use crate::store::{
    NextCertificate, Pair, REPEAT_WINDOW, Recertify, RenewRefusal, Renewed, StoreError, StoredCertificate,
};
use crate::token::Grant;

impl Enrollment {
    /// A pair that redeemed more than a day ago: a new certificate for the same host and key, without a use.
    pub(super) async fn recertify(
        &self,
        caller: &Caller,
        ticket: RedeemTicket,
        id: HostId,
        now: Timestamp,
    ) -> Result<Enrolled, ServiceError> {
        for _ in 0..ATTEMPTS {
            let facts = self.base.store.host(id).await?.ok_or(TokenError::Revoked)?.facts;
            let (host, name_withdrawn) = self.certifiable(facts).await?;
            let policy = self.policy_of(host.policy)?;
            let policy = policy.as_deref();
            let warrant = Warrant { csr: &ticket.csr, host: id, facts: &host, policy };
            let certificate = self.issue(warrant, now)?;
            let stored = certificate.clone();
            let entry = self.enrolled_entry(caller, Action::HostReenrolled, &ticket, &stored, now);
            let (grant, roles) = (ticket.grant.clone(), host.roles.clone());
            let withdrawal = name_withdrawn.as_ref().map(|name| withdrawal(caller, id, name, now));
            let reached_url = ticket.reached_url.clone();
            let node_limit = self.node_limit(&ticket.grant);
            let name = host.name.clone();
            let next = NextCertificate {
                roles,
                name,
                policy: judged(policy),
                withdrawal,
                certificate,
                reached_url,
                node_limit,
                entry,
            };
            let command = Recertify { grant, next };
            return match self.base.store.recertify(command).await? {
                Renewed::First | Renewed::Replaced(_) => {
                    self.sound_alarm(&ticket.grant, id);
                    let (cas, root) = (self.cas.load(), ticket.grant.root);
                    let enrolled = Enrolled::new(host.name, host.roles, stored, &cas, root);
                    Ok(Enrolled { name_withdrawn, ..enrolled })
                }
                Renewed::Again(winner) => self.answer_again(winner, ticket.grant.root).await,
                Renewed::Refused(RenewRefusal::Key(refusal)) => Err(HostError::from(refusal).into()),
                Renewed::Refused(RenewRefusal::NodeLimit) => Err(HostError::NodeLimit.into()),
                Renewed::Refused(_) => Err(TokenError::Revoked.into()),
                Renewed::FactsChanged => {
                    self.catch_up(judged(policy)).await?;
                    continue;
                }
            };
        }
        Err(StoreError::Contended.into())
    }

    /// The pair of token and key, or of a host that renewed since: the token that admitted it, and its newest key. Such a host
    /// names itself, and the request proves the key. Its answers are not repeated.
    pub(super) async fn pair_of(
        &self,
        token: TokenId,
        host_key: SpkiHash,
        claimed: Option<HostId>,
    ) -> Result<Option<Pair>, ServiceError> {
        let redeemed = self.base.store.pair(token, host_key).await?;
        let (None, Some(id)) = (&redeemed, claimed) else { return Ok(redeemed) };
        let host = self.base.store.host(id).await?;
        Ok(host.filter(|host| host.token == token && host.newest.host_key == host_key).map(|host| Pair {
            host: id,
            redeemed_at: host.enrolled_at,
            host_revoked: host.revoked_at.is_some(),
            certificate: None,
        }))
    }

    /// The answer to a repeat: the pair redeemed within [`REPEAT_WINDOW`], and its certificate is still good.
    pub(super) async fn repeat(
        &self,
        pair: Option<&Pair>,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<Option<Enrolled>, ServiceError> {
        let Some(pair) = pair else { return Ok(None) };
        if pair.host_revoked {
            return Err(HostError::Revoked.into());
        }
        let lately = now.since(pair.redeemed_at) < REPEAT_WINDOW;
        let good = |stored: &StoredCertificate| {
            let revoked = self.base.store.revocations().certificate_revoked(stored.record.serial);
            lately && !revoked && stored.record.not_after > now
        };
        match pair.certificate.clone().filter(good) {
            Some(stored) => Ok(Some(self.answer_again(stored, grant.root).await?)),
            None => Ok(None),
        }
    }
}
