//! Taking back many tokens or hosts in one go: which they are is settled first, and nobody takes back more than was
//! counted before; then they go a bounded number at a time, so that no redemption waits long behind it.

use super::hosts::HostAdmin;
use super::listing::{HostWords, TokenWords};
use super::selection::Selection;
use super::tokens::TokenAdmin;
use super::{Caller, ServiceError, TokenError};
use crate::id::{HostId, TokenId};
use crate::ledger::Action;
use crate::store::{
    Ended, HostState, MOST_LOOKED_AT, PageQuery, RevokeHosts, RevokeTokens, TokenFilter, TokenKind,
    TokenState, TokensRevoked,
};

/// How many tokens or hosts go in one transaction. A token that takes its hosts along has one to itself.
const AT_ONCE: usize = 256;

/// Which things are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which<Words, Id> {
    /// These.
    Ids(Vec<Id>),
    /// Those that the words say; without a word all of them.
    Matching(Words),
}

/// Tokens that are to be taken back together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokensOrder {
    /// Which. Without a state in the words: those that still admit hosts; with `hosts` those in any state.
    pub which: Which<TokenWords, TokenId>,
    /// Take the hosts along that they admitted.
    pub hosts: bool,
    /// The selection that a dry run returned.
    pub expect: Option<Selection>,
}

/// Hosts that are to be revoked together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostsOrder {
    /// Which. Without a state in the words: those that are not revoked.
    pub which: Which<HostWords, HostId>,
    /// The selection that a dry run returned.
    pub expect: Option<Selection>,
}

/// What would be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many tokens or hosts were asked about; those that were revoked before, or have no use left, among them.
    pub count: u64,
    /// How many hosts would go with tokens.
    pub hosts: u64,
    /// Which they are.
    pub selection: Selection,
}

/// What was taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many tokens; not those that had been revoked before, or have no use left.
    pub tokens: u64,
    /// How many hosts.
    pub hosts: u64,
    /// How many ids name nothing.
    pub unknown: u64,
}

impl TokenAdmin {
    /// What [`TokenAdmin::revoke_tokens`] would take back.
    ///
    /// # Errors
    /// A word is wrong, or the store cannot be read.
    pub async fn count_tokens(&self, order: &TokensOrder) -> Result<Counted, ServiceError> {
        let tokens = self.these_tokens(order).await?;
        let (count, selection) = (tokens.len() as u64, Selection::of(tokens.iter().map(|id| *id.as_bytes())));
        let hosts = match order.hosts {
            true => self.store.count_live_hosts(tokens).await?,
            false => 0,
        };
        Ok(Counted { count, hosts, selection })
    }

    /// Takes tokens back together, and if asked the hosts that they admitted. The emergency token is never among those that words
    /// say. If it fails on the way, what was done stays done.
    ///
    /// # Errors
    /// They are not what was expected, an id is the live emergency token's, or the store cannot be written.
    pub async fn revoke_tokens(&self, caller: &Caller, order: &TokensOrder) -> Result<Tally, ServiceError> {
        let tokens = self.these_tokens(order).await?;
        if let Some(expected) = &order.expect {
            expected.judge(tokens.iter().map(|id| *id.as_bytes()))?;
        }
        let mut tally = Tally::default();
        for some in tokens.chunks(if order.hosts { 1 } else { AT_ONCE }) {
            let entry = caller.did(Action::TokenRevoked, self.time.now());
            let (tokens, hosts) = (some.to_vec(), order.hosts);
            let command = RevokeTokens { tokens, hosts, entry };
            let TokensRevoked { tokens, hosts, unknown, emergency } =
                self.store.revoke_tokens(command).await?;
            // It was no emergency token yet when the ids were looked at.
            if emergency {
                return Err(TokenError::Emergency.into());
            }
            tally.tokens += tokens;
            tally.hosts += hosts;
            tally.unknown += unknown;
        }
        Ok(tally)
    }

    async fn these_tokens(&self, order: &TokensOrder) -> Result<Vec<TokenId>, ServiceError> {
        let words = match &order.which {
            Which::Ids(ids) => {
                let emergency = self.store.emergency_token().await?.map(|token| token.mint.token.id);
                let refused = emergency.is_some_and(|token| ids.contains(&token));
                return if refused { Err(TokenError::Emergency.into()) } else { Ok(once(ids)) };
            }
            Which::Matching(words) => words,
        };
        let mut filter = words.judge(TokenKind::Enrollment, self.time.now(), self.spans.load().retention)?;
        match (&filter.states, order.hosts) {
            (None, false) => filter.states = Some(TokenState::LIVE.to_vec()),
            // What ended long ago may have admitted hosts that are live.
            (_, true) => filter.ended = Ended::All,
            (Some(_), false) => {}
        }
        self.matching_tokens(&filter).await
    }

    async fn matching_tokens(&self, filter: &TokenFilter) -> Result<Vec<TokenId>, ServiceError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = PageQuery::new(after, MOST_LOOKED_AT);
            let page = self.store.list_tokens(filter.clone(), page).await?;
            let taken = page.items.into_iter().filter(|token| !token.mint.emergency);
            found.extend(taken.map(|token| token.mint.token.id));
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}

impl HostAdmin {
    /// What [`HostAdmin::revoke_hosts`] would revoke.
    ///
    /// # Errors
    /// A word is wrong, or the store cannot be read.
    pub async fn count_hosts(&self, order: &HostsOrder) -> Result<Counted, ServiceError> {
        let hosts = self.these_hosts(order).await?;
        Ok(Counted {
            count: hosts.len() as u64,
            hosts: 0,
            selection: Selection::of(hosts.iter().map(|id| *id.as_bytes())),
        })
    }

    /// Revokes hosts together. If it fails on the way, what was done stays done.
    ///
    /// # Errors
    /// They are not what was expected, or the store cannot be written.
    pub async fn revoke_hosts(&self, caller: &Caller, order: &HostsOrder) -> Result<Tally, ServiceError> {
        let hosts = self.these_hosts(order).await?;
        if let Some(expected) = &order.expect {
            expected.judge(hosts.iter().map(|id| *id.as_bytes()))?;
        }
        let mut tally = Tally::default();
        for some in hosts.chunks(AT_ONCE) {
            let entry = caller.did(Action::HostRevoked, self.time.now());
            let done = self.store.revoke_hosts(RevokeHosts { hosts: some.to_vec(), entry }).await?;
            tally.hosts += done.hosts;
            tally.unknown += done.unknown;
        }
        Ok(tally)
    }

    async fn these_hosts(&self, order: &HostsOrder) -> Result<Vec<HostId>, ServiceError> {
        let words = match &order.which {
            Which::Ids(ids) => return Ok(once(ids)),
            Which::Matching(words) => words,
        };
        let mut filter = words.judge(self.time.now())?;
        filter.states.get_or_insert_with(|| vec![HostState::Live, HostState::Expired]);
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.list_hosts(filter.clone(), PageQuery::new(after, MOST_LOOKED_AT)).await?;
            found.extend(page.items.into_iter().map(|host| host.id));
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}

/// The ids, each once.
fn once<Id: Copy + Ord>(ids: &[Id]) -> Vec<Id> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}
