//! Bulk revocation of tokens or hosts. The selection is read first and compared with that of the dry run. Then it is revoked
//! in batches, so that no redemption waits long.

use super::hosts::HostAdmin;
use super::revocable::is_unlimited;
use super::selection::Selection;
use super::tokens::{TokenAdmin, unconfirmed};
use super::{Caller, RequestError, ServiceError};
use crate::id::{HostId, TokenId};
use crate::ledger::Action;
use crate::store::{
    EndedTokens, HostFilter, HostRecord, HostState, MOST_LOOKED_AT, PageQuery, RevokeHosts, RevokeTokens,
    TokenFilter, TokenState, TokenType, TokensRevoked,
};

/// Tokens or hosts per transaction. A token that is revoked with its hosts has its own transaction.
pub(super) const AT_ONCE: usize = 256;

/// The selected tokens or hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which<Filter, Id> {
    /// Those with these ids.
    Ids(Vec<Id>),
    /// Those that match the filter; an empty filter matches all.
    Matching(Filter),
}

impl<Words, Id> Which<Words, Id> {
    /// The same selection with a validated filter.
    ///
    /// # Errors
    /// The filter is invalid.
    pub fn judged<Filter, E>(
        self,
        judge: impl FnOnce(Words) -> Result<Filter, E>,
    ) -> Result<Which<Filter, Id>, E> {
        Ok(match self {
            Self::Ids(ids) => Which::Ids(ids),
            Self::Matching(words) => Which::Matching(judge(words)?),
        })
    }
}

/// A bulk revocation of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokensOrder {
    /// The selection. A filter without a state matches tokens that can still enroll hosts; with `hosts`, tokens in any state.
    pub which: Which<TokenFilter, TokenId>,
    /// Revokes the hosts of the tokens too.
    pub hosts: bool,
    /// The selection that a dry run returned.
    pub expect: Option<Selection>,
}

/// A bulk revocation of hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostsOrder {
    /// The selection. A filter without a state matches hosts that are not revoked.
    pub which: Which<HostFilter, HostId>,
    /// The selection that a dry run returned.
    pub expect: Option<Selection>,
}

/// The result of a dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectionCount {
    /// Number of selected tokens or hosts, including those that have ended already.
    pub count: u64,
    /// Number of live hosts of the selected tokens.
    pub hosts: u64,
    /// Name of the selected set.
    pub selection: Selection,
}

/// The result of a bulk revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Number of revoked tokens, without those that had ended already.
    pub tokens: u64,
    /// Number of revoked hosts.
    pub hosts: u64,
    /// Number of unknown ids.
    pub unknown: u64,
}

impl TokenAdmin {
    /// A dry run of [`TokenAdmin::revoke_tokens`].
    ///
    /// # Errors
    /// An id is beyond the caller's limits or the live emergency token's, or the store cannot be read.
    pub async fn count_tokens(
        &self,
        caller: &Caller,
        order: &TokensOrder,
    ) -> Result<SelectionCount, ServiceError> {
        let tokens = self.these_tokens(caller, order).await?;
        let (count, selection) = (tokens.len() as u64, Selection::of(tokens.iter().map(|id| *id.as_bytes())));
        let hosts = match order.hosts {
            true => self.base.store.count_live_hosts(tokens).await?,
            false => 0,
        };
        Ok(SelectionCount { count, hosts, selection })
    }

    /// Revokes the selected tokens, and their hosts if asked. A filter matches neither the emergency token nor tokens beyond
    /// the caller's limits. After a failure the batches before it stay revoked.
    ///
    /// # Errors
    /// The selection has changed. An id is beyond the caller's limits, or the live emergency token's. Or the store cannot be
    /// written.
    pub async fn revoke_tokens(&self, caller: &Caller, order: &TokensOrder) -> Result<Tally, ServiceError> {
        let tokens = self.these_tokens(caller, order).await?;
        if let Some(expected) = &order.expect {
            expected.judge(tokens.iter().map(|id| *id.as_bytes()))?;
        }
        let mut tally = Tally::default();
        for some in tokens.chunks(if order.hosts { 1 } else { AT_ONCE }) {
            let entry = caller.did(Action::TokenRevoked, self.base.time.now());
            let (tokens, hosts) = (some.to_vec(), order.hosts);
            let command = RevokeTokens { tokens, hosts, entry };
            let TokensRevoked { tokens, hosts, unknown, emergency } =
                self.base.store.revoke_tokens(command).await?;
            // The token became the emergency token after the check of the ids.
            if emergency {
                return Err(unconfirmed(caller).into());
            }
            tally.tokens += tokens;
            tally.hosts += hosts;
            tally.unknown += unknown;
        }
        Ok(tally)
    }

    async fn these_tokens(&self, caller: &Caller, order: &TokensOrder) -> Result<Vec<TokenId>, ServiceError> {
        let mut filter = match &order.which {
            Which::Ids(ids) => return self.named_tokens(caller, &once(ids), order.hosts).await,
            Which::Matching(filter) => filter.clone(),
        };
        match (&filter.states, order.hosts) {
            (None, false) => filter.states = Some(TokenState::REVOCABLE.to_vec()),
            // Tokens that ended long ago may have live hosts.
            (_, true) => filter.ended = EndedTokens::All,
            (Some(_), false) => {}
        }
        self.matching_tokens(caller, &filter, order.hosts).await
    }

    /// Tokens by their ids, each of which the caller may revoke.
    async fn named_tokens(
        &self,
        caller: &Caller,
        ids: &[TokenId],
        hosts: bool,
    ) -> Result<Vec<TokenId>, ServiceError> {
        let emergency = self.base.store.emergency_token().await?.map(|token| token.mint.token.id);
        if emergency.is_some_and(|token| ids.contains(&token)) {
            return Err(unconfirmed(caller).into());
        }
        if !is_unlimited(caller) {
            for id in ids {
                self.may_revoke(caller, TokenType::Enrollment, *id, hosts).await?;
            }
        }
        Ok(ids.to_vec())
    }

    async fn matching_tokens(
        &self,
        caller: &Caller,
        filter: &TokenFilter,
        hosts: bool,
    ) -> Result<Vec<TokenId>, ServiceError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = PageQuery::new(after, MOST_LOOKED_AT);
            let page = self.base.store.list_tokens(filter.clone(), page).await?;
            for token in page.items.into_iter().filter(|token| !token.mint.is_emergency()) {
                if is_allowed(self.base.may_revoke_token(caller, &token.mint, hosts).await)? {
                    found.push(token.mint.token.id);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}

impl HostAdmin {
    /// A dry run of [`HostAdmin::revoke_hosts`].
    ///
    /// # Errors
    /// An id is beyond the caller's limits, or the store cannot be read.
    pub async fn count_hosts(
        &self,
        caller: &Caller,
        order: &HostsOrder,
    ) -> Result<SelectionCount, ServiceError> {
        let hosts = self.these_hosts(caller, order).await?;
        Ok(SelectionCount {
            count: hosts.len() as u64,
            hosts: 0,
            selection: Selection::of(hosts.iter().map(|id| *id.as_bytes())),
        })
    }

    /// Revokes the selected hosts. A filter matches no host beyond the caller's limits. After a failure the batches before it
    /// stay revoked.
    ///
    /// # Errors
    /// The selection has changed, an id is beyond the caller's limits, or the store cannot be written.
    pub async fn revoke_hosts(&self, caller: &Caller, order: &HostsOrder) -> Result<Tally, ServiceError> {
        let hosts = self.these_hosts(caller, order).await?;
        if let Some(expected) = &order.expect {
            expected.judge(hosts.iter().map(|id| *id.as_bytes()))?;
        }
        let mut tally = Tally::default();
        for some in hosts.chunks(AT_ONCE) {
            let entry = caller.did(Action::HostRevoked, self.base.time.now());
            let done = self.base.store.revoke_hosts(RevokeHosts { hosts: some.to_vec(), entry }).await?;
            tally.hosts += done.hosts;
            tally.unknown += done.unknown;
        }
        Ok(tally)
    }

    async fn these_hosts(&self, caller: &Caller, order: &HostsOrder) -> Result<Vec<HostId>, ServiceError> {
        let mut filter = match &order.which {
            Which::Ids(ids) => return self.named_hosts(caller, once(ids)).await,
            Which::Matching(filter) => filter.clone(),
        };
        filter.states.get_or_insert_with(|| HostState::NOT_REVOKED.to_vec());
        // A host's own words decide nothing.
        filter.texts.reported_words = false;
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.list_hosts(filter.clone(), PageQuery::new(after, MOST_LOOKED_AT)).await?;
            for host in page.items {
                if is_allowed(self.base.may_revoke_host(caller, &host).await)? {
                    found.push(host.id);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// The selected hosts and the number of unknown ids. `judge` refuses hosts beyond the caller's limits: a filter leaves them out,
    /// and one such id is an error.
    pub(super) async fn selected(
        &self,
        order: &HostsOrder,
        judge: impl Fn(&HostRecord) -> Result<(), ServiceError>,
    ) -> Result<(Vec<HostRecord>, u64), ServiceError> {
        let (mut found, mut unknown) = (Vec::new(), 0);
        let filter = match &order.which {
            Which::Matching(filter) => filter.clone(),
            Which::Ids(ids) => {
                for id in once(ids) {
                    match self.base.store.host(id).await? {
                        Some(host) => judge(&host).map(|()| found.push(host))?,
                        None => unknown += 1,
                    }
                }
                return Ok((found, unknown));
            }
        };
        self.each_matching(filter, |host| {
            if is_allowed(judge(&host))? {
                found.push(host);
            }
            Ok(())
        })
        .await?;
        Ok((found, unknown))
    }

    /// Hands the hosts that match to `take`: without a state, those that are not revoked.
    async fn each_matching(
        &self,
        mut filter: HostFilter,
        mut take: impl FnMut(HostRecord) -> Result<(), ServiceError>,
    ) -> Result<(), ServiceError> {
        filter.states.get_or_insert_with(|| HostState::NOT_REVOKED.to_vec());
        // A host's own words decide nothing.
        filter.texts.reported_words = false;
        let mut after = None;
        loop {
            let page = self.list_hosts(filter.clone(), PageQuery::new(after, MOST_LOOKED_AT)).await?;
            page.items.into_iter().try_for_each(&mut take)?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Hosts by their ids, each of which the caller may revoke.
    async fn named_hosts(&self, caller: &Caller, ids: Vec<HostId>) -> Result<Vec<HostId>, ServiceError> {
        if !is_unlimited(caller) {
            for id in &ids {
                self.may_revoke(caller, *id).await?;
            }
        }
        Ok(ids)
    }
}

/// Turns a refusal by limits into `false`.
pub(super) fn is_allowed(judged: Result<(), ServiceError>) -> Result<bool, ServiceError> {
    match judged {
        Ok(()) => Ok(true),
        Err(ServiceError::Request(RequestError::BeyondLimits(_))) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The ids without repetitions.
pub(super) fn once<Id: Copy + Ord>(ids: &[Id]) -> Vec<Id> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}
