//! The tokens and hosts that a caller with limits may revoke: the one place that decides it.
//!
//! Without limits, a caller revokes every token and host that the route's permission opens. With limits, it revokes the
//! tokens that it or the owner of its API key minted, and those within the limits (I5). The holder of a whole token may
//! revoke it, except the emergency token, which takes an admin.

use super::base::Base;
use super::{Caller, ServiceError};
use crate::access::{Act, Actor, Limits};
use crate::id::TokenId;
use crate::name::DnsPattern;
use crate::store::{HostFacts, HostFilter, HostRecord, HostState, MOST_LOOKED_AT, MintRecord, PageQuery};

impl Base {
    /// Checks that `caller` may revoke a token by its id, with the hosts that it admitted if `along`.
    ///
    /// # Errors
    /// It goes beyond the caller's limits, or the store cannot be read.
    pub(super) async fn may_revoke_token(
        &self,
        caller: &Caller,
        token: &MintRecord,
        along: bool,
    ) -> Result<(), ServiceError> {
        if is_unlimited(caller) || caller.has_minted(token) {
            return Ok(());
        }
        caller.may(Act::Revoke(&token.minting()))?;
        if along { self.may_revoke_hosts_of(caller, token.token.id).await } else { Ok(()) }
    }

    /// Checks that `caller` may revoke every live host of somebody else's token: an admin may have given it more roles.
    async fn may_revoke_hosts_of(&self, caller: &Caller, token: TokenId) -> Result<(), ServiceError> {
        let states = Some(HostState::NOT_REVOKED.to_vec());
        let filter = HostFilter { states, ..HostFilter::every(Some(token), self.time.now()) };
        let mut after = None;
        loop {
            let page = PageQuery::new(after, MOST_LOOKED_AT);
            let page = self.store.list_hosts(filter.clone(), page).await?;
            page.items.iter().try_for_each(|host| judge_host(caller, host))?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Checks that `caller` may revoke a host. A host may revoke itself.
    ///
    /// # Errors
    /// It goes beyond the caller's limits, or the store cannot be read.
    pub(super) async fn may_revoke_host(
        &self,
        caller: &Caller,
        host: &HostRecord,
    ) -> Result<(), ServiceError> {
        let leaves = matches!(&caller.actor, Actor::Host { id, .. } | Actor::OpaqueKey(id) if *id == host.id);
        if leaves || is_unlimited(caller) {
            return Ok(());
        }
        let Err(beyond) = judge_host(caller, host) else { return Ok(()) };
        match self.store.token(host.token).await? {
            Some(token) if caller.has_minted(&token.mint) => Ok(()),
            _ => Err(beyond),
        }
    }
}

/// Returns true if the caller's limits bound no act.
pub(super) fn is_unlimited(caller: &Caller) -> bool {
    caller.rights.limits == Limits::ANY
}

pub(super) fn judge_host(caller: &Caller, host: &HostRecord) -> Result<(), ServiceError> {
    judge_facts(caller, &host.facts)
}

/// Checks that roles, name, cluster and policy of a host are within the caller's limits.
pub(super) fn judge_facts(caller: &Caller, facts: &HostFacts) -> Result<(), ServiceError> {
    let dns_names = facts.name.iter().filter_map(|name| DnsPattern::parse(name.as_str()).ok());
    let dns_names = dns_names.collect::<Vec<_>>();
    let HostFacts { roles, cluster, policy, .. } = facts;
    let (cluster, policy) = (cluster.as_ref(), *policy);
    Ok(caller.may(Act::RevokeHost { roles, dns_names: &dns_names, cluster, policy })?)
}
