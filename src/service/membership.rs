//! The policy of a host: the roles that it allows, and moves to another one. A move is effective with the next certificate.

use std::sync::Arc;

use super::base::ATTEMPTS;
use super::hosts::HostAdmin;
use super::policies::live::LivePolicies;
use super::revocable::{is_unlimited, judge_host};
use super::selection::Selection;
use super::together::{AT_ONCE, HostsOrder, SelectionCount};
use super::{Caller, FieldError, HostError, RequestError, ServiceError};
use crate::access::Act;
use crate::id::{HostId, PolicyId};
use crate::ledger::Action;
use crate::name::Role;
use crate::store::{HostMove, HostMoved, HostRecord, HostsMoved, MoveHosts, Policy, StoreError};

/// A move to another policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The policy; `None`: none.
    pub policy: Option<PolicyId>,
    /// Takes the roles that the policy does not have from the hosts.
    pub drop_roles: bool,
}

/// The result of a bulk move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Number of hosts that changed.
    pub moved: u64,
    /// Number of hosts that have ended: they stay as they are.
    pub ended: u64,
    /// Number of unknown ids.
    pub unknown: u64,
}

impl Moves {
    /// Counts the outcome for one more host.
    fn add(&mut self, outcome: HostMoved) -> Result<(), StoreError> {
        match outcome {
            HostMoved::Moved => self.moved += 1,
            HostMoved::Before => {}
            HostMoved::Revoked | HostMoved::Unknown => self.ended += 1,
            HostMoved::Stale => return Err(StoreError::Contended),
        }
        Ok(())
    }
}

impl HostAdmin {
    /// Moves a host to another policy.
    ///
    /// # Errors
    /// The host, its former or its next policy is beyond the caller's limits. The policy does not exist, or has not every role of
    /// the host. The host is unknown, revoked, or at another revision than `revision`. Or the store cannot be written.
    pub async fn move_host(
        &self,
        caller: &Caller,
        id: HostId,
        to: Target,
        revision: Option<u64>,
    ) -> Result<HostRecord, ServiceError> {
        let policy = target(&self.policies, caller, to)?;
        match self.try_move(caller, id, (to, policy.as_deref()), revision).await? {
            HostMoved::Moved | HostMoved::Before => self.show_host(id).await,
            HostMoved::Stale if revision.is_some() => Err(RequestError::Stale.into()),
            HostMoved::Stale => Err(StoreError::Contended.into()),
            HostMoved::Revoked => Err(HostError::Revoked.into()),
            HostMoved::Unknown => Err(RequestError::not_found("host", id).into()),
        }
    }

    /// Judges and moves a host. One that changed in between is judged again, unless the caller saw one revision of it.
    async fn try_move(
        &self,
        caller: &Caller,
        id: HostId,
        (to, policy): (Target, Option<&Policy>),
        revision: Option<u64>,
    ) -> Result<HostMoved, ServiceError> {
        for _ in 0..ATTEMPTS {
            let Some(host) = self.base.store.host(id).await? else { return Ok(HostMoved::Unknown) };
            if revision.is_some_and(|seen| seen != host.revision) {
                return Ok(HostMoved::Stale);
            }
            judge_leaving(caller, &host)?;
            let moves = moves(std::slice::from_ref(&host), to, policy)?;
            match self.send(caller, moves, to.policy).await?.first() {
                Some(HostMoved::Stale) => {}
                Some(outcome) => return Ok(*outcome),
                None => return Ok(HostMoved::Unknown),
            }
        }
        Ok(HostMoved::Stale)
    }

    /// A dry run of [`HostAdmin::move_hosts`].
    ///
    /// # Errors
    /// As for the move; nothing is written.
    pub async fn count_moves(
        &self,
        caller: &Caller,
        order: &HostsOrder,
        to: Target,
    ) -> Result<SelectionCount, ServiceError> {
        let policy = target(&self.policies, caller, to)?;
        let (hosts, _) = self.selected(order, |host| judge_leaving(caller, host)).await?;
        moves(&hosts, to, policy.as_deref())?;
        let selection = Selection::of(hosts.iter().map(|host| *host.id.as_bytes()));
        Ok(SelectionCount { count: hosts.len() as u64, hosts: 0, selection })
    }

    /// Moves the selected hosts to another policy. A filter matches no host beyond the caller's limits. A host that has ended is
    /// skipped. After a failure the batches before it stay moved.
    ///
    /// # Errors
    /// As for one host; then no host moves. The selection has changed. Or the store cannot be written.
    pub async fn move_hosts(
        &self,
        caller: &Caller,
        order: &HostsOrder,
        to: Target,
    ) -> Result<Moves, ServiceError> {
        let policy = target(&self.policies, caller, to)?;
        let (hosts, unknown) = self.selected(order, |host| judge_leaving(caller, host)).await?;
        if let Some(expected) = &order.expect {
            expected.judge(hosts.iter().map(|host| *host.id.as_bytes()))?;
        }
        let moves = moves(&hosts, to, policy.as_deref())?;
        let mut tally = Moves { unknown, ..Moves::default() };
        for some in moves.chunks(AT_ONCE) {
            let outcomes = self.send(caller, some.to_vec(), to.policy).await?;
            for (host, outcome) in some.iter().zip(outcomes) {
                let outcome = match outcome {
                    // It changed after the check of all.
                    HostMoved::Stale => {
                        self.try_move(caller, host.host, (to, policy.as_deref()), None).await?
                    }
                    outcome => outcome,
                };
                tally.add(outcome)?;
            }
        }
        Ok(tally)
    }

    async fn send(
        &self,
        caller: &Caller,
        hosts: Vec<HostMove>,
        policy: Option<PolicyId>,
    ) -> Result<Vec<HostMoved>, ServiceError> {
        let entry = caller.did(Action::HostMoved, self.base.time.now());
        match self.base.store.move_hosts(MoveHosts { hosts, policy, entry }).await? {
            HostsMoved::Each(outcomes) => Ok(outcomes),
            HostsMoved::NoPolicy => Err(no_policy()),
        }
    }
}

/// Checks that the caller may move a host to a policy that has every role of the host.
///
/// # Errors
/// The host, its former or its next policy is beyond the caller's limits. The policy does not exist, or lacks a role.
pub(super) fn judge_move(
    policies: &LivePolicies,
    caller: &Caller,
    host: &HostRecord,
    policy: PolicyId,
) -> Result<(), ServiceError> {
    let to = Target { policy: Some(policy), drop_roles: false };
    let policy = target(policies, caller, to)?;
    judge_leaving(caller, host)?;
    Ok(moves(std::slice::from_ref(host), to, policy.as_deref()).map(drop)?)
}

/// The policy that hosts get, if the caller may give it.
fn target(policies: &LivePolicies, caller: &Caller, to: Target) -> Result<Option<Arc<Policy>>, ServiceError> {
    let Some(id) = to.policy else { return Ok(None) };
    caller.may(Act::GivePolicy(id))?;
    policies.get(id).map(Some).ok_or_else(no_policy)
}

/// Checks that a host with its former policy is within the caller's limits: its next certificate is by the caller's act (I5).
fn judge_leaving(caller: &Caller, host: &HostRecord) -> Result<(), ServiceError> {
    if is_unlimited(caller) { Ok(()) } else { judge_host(caller, host) }
}

/// The moves of hosts that are not revoked, with the roles that each keeps.
fn moves(hosts: &[HostRecord], to: Target, policy: Option<&Policy>) -> Result<Vec<HostMove>, HostError> {
    let (mut refused, mut number) = (Vec::new(), 0);
    let moves_away = |host: &&HostRecord| host.facts.policy != to.policy && host.revoked_at.is_none();
    for host in hosts.iter().filter(|_| !to.drop_roles).filter(moves_away) {
        let outside = outside(&host.facts.roles, policy);
        number += usize::from(!outside.is_empty());
        refused.extend(outside);
    }
    if !refused.is_empty() {
        return Err(HostError::RolesNotInPolicy { roles: names(refused), hosts: number });
    }
    let kept = |host: &HostRecord| match to.drop_roles {
        true => allowed_roles(&host.facts.roles, policy),
        false => host.facts.roles.clone(),
    };
    let moved = |host: &HostRecord| HostMove { host: host.id, revision: host.revision, roles: kept(host) };
    Ok(hosts.iter().map(moved).collect())
}

/// The roles that a policy does not have.
fn outside<'a>(roles: &'a [Role], policy: Option<&Policy>) -> Vec<&'a Role> {
    let is_outside = |role: &&Role| policy.is_some_and(|policy| !policy.terms.allows(role));
    roles.iter().filter(is_outside).collect()
}

/// The roles that a policy has. It may have lost one since a token with this role was minted.
pub(super) fn allowed_roles(roles: &[Role], policy: Option<&Policy>) -> Vec<Role> {
    let outside = outside(roles, policy);
    roles.iter().filter(|role| !outside.contains(role)).cloned().collect()
}

/// Checks that a policy has the roles that a host is given.
///
/// # Errors
/// [`HostError::RoleOutsidePolicy`] with every other role.
pub(super) fn refuse_outside(roles: &[Role], policy: Option<&Policy>) -> Result<(), HostError> {
    match outside(roles, policy) {
        outside if outside.is_empty() => Ok(()),
        outside => Err(HostError::RoleOutsidePolicy { roles: names(outside) }),
    }
}

fn names(mut roles: Vec<&Role>) -> String {
    roles.sort_unstable();
    roles.dedup();
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
}

fn no_policy() -> ServiceError {
    RequestError::Fields(vec![FieldError::new("policy", "no policy has this id")]).into()
}
