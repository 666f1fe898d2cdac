//! Other roles for many hosts.

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::hosts::HostAdmin;
use super::membership::refuse_outside;
use super::selection::Selection;
use super::together::{HostsOrder, SelectionCount};
use super::{Caller, RequestError, ServiceError};
use crate::access::Act;
use crate::name::Role;
use crate::store::{HostRecord, RolesChange, StoreError};

/// Number of hosts that are changed at once: they share commits.
const AT_ONCE: usize = 32;

/// The result of giving hosts other roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RolesSet {
    /// Number of hosts that changed.
    pub changed: u64,
    /// Number of hosts that have ended: they stay as they are.
    pub ended: u64,
    /// Number of unknown ids.
    pub unknown: u64,
}

impl RolesSet {
    /// The sum with the outcome for one more host.
    fn with(self, outcome: &RolesChange) -> Result<Self, ServiceError> {
        let Self { changed, ended, unknown } = self;
        Ok(match outcome {
            RolesChange::Changed(_) => Self { changed: changed + 1, ended, unknown },
            RolesChange::Unchanged(_) => self,
            RolesChange::HostRevoked | RolesChange::Unknown => Self { changed, ended: ended + 1, unknown },
            RolesChange::Moved | RolesChange::Stale => return Err(StoreError::Contended.into()),
        })
    }
}

impl HostAdmin {
    /// A dry run of [`HostAdmin::set_roles_of`].
    ///
    /// # Errors
    /// As for the change; nothing is written.
    pub async fn count_roles(
        &self,
        caller: &Caller,
        order: &HostsOrder,
        roles: &[String],
    ) -> Result<SelectionCount, ServiceError> {
        let (hosts, _) = self.with_roles(caller, order, &self.picked(roles)?).await?;
        let selection = Selection::of(hosts.iter().map(|host| *host.id.as_bytes()));
        Ok(SelectionCount { count: hosts.len() as u64, hosts: 0, selection })
    }

    /// Gives the selected hosts these roles, as [`HostAdmin::set_roles`] does for one. A filter matches no host beyond the caller's
    /// limits. A host that has ended is skipped. After a failure the hosts before it stay changed.
    ///
    /// # Errors
    /// As for one host; then no host changes. The selection has changed. Or the store cannot be written.
    pub async fn set_roles_of(
        &self,
        caller: &Caller,
        order: &HostsOrder,
        (roles, now): (&[String], bool),
    ) -> Result<RolesSet, ServiceError> {
        let roles = self.picked(roles)?;
        let (hosts, unknown) = self.with_roles(caller, order, &roles).await?;
        if let Some(expected) = &order.expect {
            expected.judge(hosts.iter().map(|host| *host.id.as_bytes()))?;
        }
        let give = |host: HostRecord| self.give_roles(caller, host.id, (&roles, now), None);
        let outcomes = futures_util::stream::iter(hosts.into_iter().map(give)).buffered(AT_ONCE);
        let none = RolesSet { unknown, ..RolesSet::default() };
        outcomes.try_fold(none, |sum, outcome| async move { sum.with(&outcome) }).await
    }

    /// The known ones of these roles.
    ///
    /// # Errors
    /// A role is unknown.
    pub(super) fn picked(&self, roles: &[String]) -> Result<Vec<Role>, RequestError> {
        let mut faults = Vec::new();
        let roles = self.roles.pick(roles, &mut faults);
        RequestError::refuse(faults).map(|()| roles)
    }

    /// The selected hosts, all of which may get the roles, and the number of unknown ids.
    async fn with_roles(
        &self,
        caller: &Caller,
        order: &HostsOrder,
        roles: &[Role],
    ) -> Result<(Vec<HostRecord>, u64), ServiceError> {
        // The roles alone: a filter leaves out the hosts, not the order.
        caller.may(Act::SetRoles { before: &[], after: roles })?;
        let judge = |host: &HostRecord| -> Result<(), ServiceError> {
            Ok(caller.may(Act::SetRoles { before: &host.facts.roles, after: roles })?)
        };
        let (hosts, unknown) = self.selected(order, judge).await?;
        hosts.iter().try_for_each(|host| self.judge_added(host, roles))?;
        Ok((hosts, unknown))
    }

    /// Checks that the host's policy has every role that the host does not have yet. It keeps a role that its policy lost.
    /// A revoked host gets no roles, whatever its policy.
    pub(super) fn judge_added(&self, host: &HostRecord, roles: &[Role]) -> Result<(), ServiceError> {
        if host.revoked_at.is_some() {
            return Ok(());
        }
        let had = &host.facts.roles;
        let added = roles.iter().filter(|role| !had.contains(role)).cloned().collect::<Vec<_>>();
        let policy = host.facts.policy.and_then(|policy| self.policies.get(policy));
        Ok(refuse_outside(&added, policy.as_deref())?)
    }
}
