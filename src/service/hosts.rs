//! Listing, showing, changing and revoking hosts.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::accounts::unwritten::UnwrittenUses;
use super::base::{ATTEMPTS, Base};
use super::policies::live::LivePolicies;
use super::tokens::order::Catalogue;
use super::verification::identify::superseded;
use super::{Caller, HostCaller, HostError, RequestError, ServiceError};
use crate::access::Act;
use crate::id::{HostId, TokenId};
use crate::ledger::{Action, Subjects};
use crate::name::{Label, Role};
use crate::store::{
    Contact, HostContact, HostFacts, HostFilter, HostRecord, HostRevocation, LabelChange, Page, PageQuery,
    Position, RecordReport, RevokeHost, RolesChange, SetLabel, SetRoles, StoreError,
};
use crate::wire::HostReport;

/// Time between two reports of a host that are kept.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// Maximum number of hosts shown with the token that admitted them.
pub const MOST_SHOWN: u32 = 100;

/// An administrator's use cases of hosts.
pub struct HostAdmin {
    pub(super) base: Base,
    pub(super) roles: Arc<Catalogue>,
    pub(super) policies: Arc<LivePolicies>,
    pub(super) unwritten: Arc<UnwrittenUses>,
}

impl HostAdmin {
    /// Notes that the caller, a host, is in contact, at `reached_url` if that is another one than recorded. Once a minute the
    /// contacts are written.
    pub async fn note_contact(&self, caller: &Caller, host: HostId, reached_url: Option<String>) {
        let contact = Contact { at: self.base.time.now(), from: caller.address };
        self.unwritten.host_seen(host, HostContact { contact, reached_url }).await;
    }

    /// Keeps the facts that a host reports of itself, if they differ from the known ones. Within `REPORT_EVERY` of the
    /// previous report they are ignored, because a host must not fill the disk.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn keep_report(&self, host: &HostCaller, report: HostReport) -> Result<(), ServiceError> {
        let at = self.base.time.now();
        let known = host.record.reported.as_ref();
        let label = report.label.filter(|label| !label.is_empty());
        let label = known.and_then(|known| known.report.label.clone()).or(label);
        let report = HostReport { label, ..report };
        let is_kept = match known {
            Some(known) => known.report != report && at.since(known.at) >= REPORT_EVERY,
            None => report != HostReport::default(),
        };
        if is_kept {
            // Requests side by side all pass the check above.
            let replaces_until = at.minus(REPORT_EVERY);
            self.base.store.record_report(RecordReport { host: host.id, report, at, replaces_until }).await?;
        }
        Ok(())
    }

    /// Returns a page of the hosts that match, in the order of the filter.
    ///
    /// # Errors
    /// The store cannot be read, or written if the filter is about the last contact.
    pub async fn list_hosts(
        &self,
        filter: HostFilter,
        page: PageQuery<Position<HostId>>,
    ) -> Result<Page<HostRecord, Position<HostId>>, ServiceError> {
        if filter.unseen_since.is_some() {
            // A host that was just seen must not count as unseen.
            self.unwritten.write().await?;
        }
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

    /// Returns the number of live hosts that a token admitted.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn count_live(&self, token: TokenId) -> Result<u64, ServiceError> {
        Ok(self.base.store.count_live_hosts(vec![token]).await?)
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
    /// The host is unknown, at another revision than `revision`, or beyond the caller's limits, or the store cannot be written.
    pub async fn revoke_host(
        &self,
        caller: &Caller,
        id: HostId,
        revision: Option<u64>,
    ) -> Result<bool, ServiceError> {
        self.may_revoke(caller, id).await?;
        let entry = caller.did(Action::HostRevoked, self.base.time.now()).about(Subjects::host(id));
        match self.base.store.revoke_host(RevokeHost { host: id, revision, entry }).await? {
            HostRevocation::Revoked => Ok(true),
            HostRevocation::Before => Ok(false),
            HostRevocation::Stale => Err(RequestError::Stale.into()),
            HostRevocation::Unknown => Err(RequestError::not_found("host", id).into()),
        }
    }

    /// Revokes the calling host. A predecessor may not leave in its overlap: the host has another certificate.
    ///
    /// # Errors
    /// The certificate is superseded, or the store cannot be written.
    pub async fn leave(&self, caller: &Caller, host: &HostCaller) -> Result<(), ServiceError> {
        match host.record.is_current(host.certificate.serial) {
            true => self.revoke_host(caller, host.id, None).await.map(drop),
            false => Err(superseded()),
        }
    }

    /// Checks that the caller may revoke a host by its id, or label it. An unknown host is refused later.
    ///
    /// # Errors
    /// The host is beyond the caller's limits, or the store cannot be read.
    pub async fn may_revoke(&self, caller: &Caller, id: HostId) -> Result<(), ServiceError> {
        match self.base.store.host(id).await? {
            Some(host) => self.base.may_revoke_host(caller, &host).await,
            None => Ok(()),
        }
    }

    /// Gives a host these roles from its next certificate on. Removing a role revokes the certificates that carry it:
    /// when the next one is issued, or at once with `now`.
    ///
    /// # Errors
    /// A role that the host had or gets is beyond the caller's limits. A new one is unknown, or the host's policy does not have it.
    /// The host is unknown or revoked. Or the store cannot be written.
    pub async fn set_roles(
        &self,
        caller: &Caller,
        id: HostId,
        (roles, now): (&[String], bool),
        revision: Option<u64>,
    ) -> Result<HostRecord, ServiceError> {
        let roles = self.picked(roles)?;
        match self.give_roles(caller, id, (&roles, now), revision).await? {
            RolesChange::Changed(host) | RolesChange::Unchanged(host) => Ok(*host),
            RolesChange::Stale => Err(RequestError::Stale.into()),
            RolesChange::HostRevoked => Err(HostError::Revoked.into()),
            RolesChange::Unknown => Err(RequestError::not_found("host", id).into()),
            RolesChange::Moved => Err(StoreError::Contended.into()),
        }
    }

    /// Judges and gives the roles. A host that changed in between is judged again.
    pub(super) async fn give_roles(
        &self,
        caller: &Caller,
        id: HostId,
        (roles, now): (&[Role], bool),
        revision: Option<u64>,
    ) -> Result<RolesChange, ServiceError> {
        for _ in 0..ATTEMPTS {
            let Some(host) = self.base.store.host(id).await? else { return Ok(RolesChange::Unknown) };
            caller.may(Act::SetRoles { before: &host.facts.roles, after: roles })?;
            self.judge_added(&host, roles)?;
            let HostFacts { roles: before, policy, .. } = host.facts;
            let entry = caller.did(Action::HostRolesChanged, self.base.time.now()).about(Subjects::host(id));
            let entry = entry.with("roles", json!(roles)).with("now", now);
            let roles = roles.to_vec();
            let command = SetRoles { host: id, revision, before, policy, roles, now, entry };
            match self.base.store.set_roles(command).await? {
                RolesChange::Moved => {}
                outcome => return Ok(outcome),
            }
        }
        Ok(RolesChange::Moved)
    }

    /// Gives a host a label, or removes it with an empty one. It takes the place of the label that the host reported.
    ///
    /// # Errors
    /// The host is unknown or beyond the caller's limits, or the store cannot be written.
    pub async fn set_label(
        &self,
        caller: &Caller,
        id: HostId,
        label: Label,
        revision: Option<u64>,
    ) -> Result<HostRecord, ServiceError> {
        // A caller with limits labels the hosts that it may revoke.
        self.may_revoke(caller, id).await?;
        let entry = caller.did(Action::HostLabelChanged, self.base.time.now()).about(Subjects::host(id));
        let label = Some(label).filter(|label| !label.as_str().is_empty());
        match self.base.store.set_label(SetLabel { host: id, revision, label, entry }).await? {
            LabelChange::Set(host) => Ok(*host),
            LabelChange::Stale => Err(RequestError::Stale.into()),
            LabelChange::Unknown => Err(RequestError::not_found("host", id).into()),
        }
    }
}
