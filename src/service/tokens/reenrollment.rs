//! Re-enrollment tokens: each brings one enrolled host back, with its name and its roles.

use crate::clock::Timestamp;
use crate::id::{BatchId, HostId, PolicyId};
use crate::name::{DnsPattern, Label};
use crate::service::base::ATTEMPTS;
use crate::service::membership::judge_move;
use crate::service::tokens::TokenAdmin;
use crate::service::tokens::bulk::Idempotency;
use crate::service::tokens::order::MintOrder;
use crate::service::{Caller, HostError, RequestError, ServiceError};
use crate::store::{HostFacts, HostMint, HostRecord, MintReenrollment, StoreError, TokenKind};
use crate::token::{Bindings, MintedToken, Terms};

/// A re-enrollment token that may be minted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReenrollmentOrder {
    /// The expiry.
    pub expires_at: Timestamp,
    /// The label for people.
    pub label: Label,
    /// The policy that the host gets; `None`: it keeps its own.
    pub policy: Option<PolicyId>,
}

impl TokenAdmin {
    /// Mints a re-enrollment token for a host, with its roles, its name and its policy or the given one. A redemption is refused if the
    /// host's have changed by then.
    ///
    /// # Errors
    /// The host is unknown or revoked. Its roles, name, cluster or policies are beyond the caller's limits. The given policy does not
    /// exist, or has not every role of the host. Or the token cannot be minted now.
    pub async fn mint_reenrollment(
        &self,
        caller: &Caller,
        host: HostId,
        order: ReenrollmentOrder,
        once: Option<Idempotency>,
    ) -> Result<(MintedToken, Label), ServiceError> {
        for _ in 0..ATTEMPTS {
            let record = self.base.store.host(host).await?;
            let record = record.ok_or_else(|| RequestError::not_found("host", host))?;
            let revision = record.revision;
            let mint = self.judged(caller, record, order.clone())?;
            let now = self.base.time.trusted()?;
            caller.may(mint.act(now))?;
            let (minted, mut mint) = self.minting.sign(caller, mint, &self.minting.trust.ring(), now).await?;
            let once = once.map(|once| once.record(caller, BatchId::generate(now), now));
            mint.record.batch = once.as_ref().map(|once| once.batch);
            match self.base.store.mint_reenrollment(MintReenrollment { mint, revision, once }).await? {
                HostMint::Recorded => return Ok((minted, order.label)),
                HostMint::KeyGone => drop(self.minting.trust.change().await),
                HostMint::HostChanged => {}
                // A repeat finds the token.
                HostMint::Before => break,
            }
        }
        Err(StoreError::Contended.into())
    }

    /// The order of a token for this host, which gives it its own policy or another one that it may get.
    fn judged(
        &self,
        caller: &Caller,
        host: HostRecord,
        order: ReenrollmentOrder,
    ) -> Result<MintOrder, ServiceError> {
        if host.revoked_at.is_some() {
            return Err(HostError::Ended.into());
        }
        let ReenrollmentOrder { expires_at, label, policy } = order;
        let policy = policy.filter(|policy| host.facts.policy != Some(*policy));
        if let Some(policy) = policy {
            judge_move(&self.minting.policies, caller, &host, policy)?;
        }
        let mut terms = bound_to(host.id, host.facts, expires_at);
        terms.policy = policy.or(terms.policy);
        Ok(MintOrder { terms, label, kind: TokenKind::ReEnrollment, expected_hosts: None })
    }
}

/// The terms of a token for one host: what it has, for one use.
fn bound_to(host: HostId, facts: HostFacts, expires_at: Timestamp) -> Terms {
    let HostFacts { name, cluster, roles, policy } = facts;
    let dns_names = name.iter().filter_map(|name| DnsPattern::parse(name.as_str()).ok()).collect();
    Terms {
        roles,
        expires_at: Some(expires_at),
        max_uses: Some(1),
        bindings: Bindings { host: Some(host), cluster, dns_names },
        policy,
        ..Terms::default()
    }
}
