//! Listing, showing, changing and revoking hosts.

use std::sync::Arc;

use serde_json::json;

use super::accounts::unwritten::UnwrittenUses;
use super::base::Base;
use super::tokens::order::Catalogue;
use super::{Caller, HostError, RequestError, ServiceError};
use crate::access::Act;
use crate::id::{HostId, TokenId};
use crate::ledger::{Action, Subjects};
use crate::store::{
    HostFilter, HostRecord, HostRevocation, Page, PageQuery, RevokeHost, RolesChange, SetRoles, StoreError,
};

/// Maximum number of checks of one change. A check is repeated when the host's roles changed in between.
const ATTEMPTS: usize = 3;

/// Maximum number of hosts shown with the token that admitted them.
pub const MOST_SHOWN: u32 = 100;

/// An administrator's use cases of hosts.
pub struct HostAdmin {
    pub(super) base: Base,
    pub(super) roles: Arc<Catalogue>,
    pub(super) unwritten: Arc<UnwrittenUses>,
}

impl HostAdmin {
    /// Notes the URL at which a host reached the server, if it is another one than recorded.
    pub fn note_reached(&self, host: HostId, url: Option<String>) {
        if let Some(url) = url {
            self.unwritten.host_reached(host, &url, self.base.time.now());
        }
    }

    /// Returns a page of the hosts that match, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_hosts(
        &self,
        filter: HostFilter,
        page: PageQuery<HostId>,
    ) -> Result<Page<HostRecord, HostId>, ServiceError> {
        Ok(self.base.store.list_hosts(filter, page).await?)
    }

    /// Returns the newest hosts that a token admitted, at most [`MOST_SHOWN`].
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn hosts_of(&self, token: TokenId) -> Result<Vec<HostRecord>, ServiceError> {
        let filter = HostFilter::every(Some(token), self.base.time.now());
        Ok(self.base.store.list_hosts(filter, PageQuery::new(None, MOST_SHOWN)).await?.items)
    }

    /// Returns one host.
    ///
    /// # Errors
    /// The host is unknown, or the store cannot be read.
    pub async fn show_host(&self, id: HostId) -> Result<HostRecord, ServiceError> {
        Ok(self.base.store.host(id).await?.ok_or_else(|| RequestError::not_found("host", id))?)
    }

    /// Revokes a host with its certificates and keys, effective immediately. Returns `false` if it was revoked before.
    ///
    /// # Errors
    /// The host is unknown or beyond the caller's limits, or the store cannot be written.
    pub async fn revoke_host(&self, caller: &Caller, id: HostId) -> Result<bool, ServiceError> {
        self.may_revoke(caller, id).await?;
        let entry = caller.did(Action::HostRevoked, self.base.time.now()).about(Subjects::host(id));
        match self.base.store.revoke_host(RevokeHost { host: id, entry }).await? {
            HostRevocation::Revoked => Ok(true),
            HostRevocation::Before => Ok(false),
            HostRevocation::Unknown => Err(RequestError::not_found("host", id).into()),
        }
    }

    /// Checks that the caller may revoke a host by its id. An unknown host is refused later.
    pub(super) async fn may_revoke(&self, caller: &Caller, id: HostId) -> Result<(), ServiceError> {
        match self.base.store.host(id).await? {
            Some(host) => self.base.may_revoke_host(caller, &host).await,
            None => Ok(()),
        }
    }

    /// Gives a host these roles from its next certificate on. Removing a role revokes the certificates that carry it:
    /// when the next one is issued, or at once with `now`.
    ///
    /// # Errors
    /// A role that the host had or gets is beyond the caller's limits, or a new one is unknown. The host is unknown or
    /// revoked. Or the store cannot be written.
    pub async fn set_roles(
        &self,
        caller: &Caller,
        id: HostId,
        roles: &[String],
        now: bool,
    ) -> Result<HostRecord, ServiceError> {
        let mut faults = Vec::new();
        let roles = self.roles.pick(roles, &mut faults);
        RequestError::refuse(faults)?;
        for _ in 0..ATTEMPTS {
            let before = self.show_host(id).await?.facts.roles;
            caller.may(Act::SetRoles { before: &before, after: &roles })?;
            let entry = caller.did(Action::HostRolesChanged, self.base.time.now()).about(Subjects::host(id));
            let entry = entry.with("roles", json!(roles)).with("now", now);
            let command = SetRoles { host: id, before, roles: roles.clone(), now, entry };
            match self.base.store.set_roles(command).await? {
                RolesChange::Changed(host) | RolesChange::Unchanged(host) => return Ok(*host),
                RolesChange::HostRevoked => return Err(HostError::Revoked.into()),
                RolesChange::Unknown => return Err(RequestError::not_found("host", id).into()),
                RolesChange::Moved => {}
            }
        }
        Err(StoreError::Contended.into())
    }
}
