//! The tokens of Elastic Fleet's API: listing, showing, minting and deleting them.

mod readings;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::readings::Readings;
use super::base::ATTEMPTS;
use super::base::Base;
use super::policies::live::LivePolicies;
use super::tokens::mint::Minting;
use super::tokens::order::MintOrder;
use super::{Caller, ServiceError};
use crate::access::Permission;
use crate::clock::Timestamp;
use crate::id::{PolicyId, TokenId};
use crate::ledger::Action;
use crate::name::Label;
use crate::secret::Secret;
use crate::store::{
    DeleteFleetTokens, FleetFilter, FleetMint, FleetPage, MintFleetToken, Policy, RecordMint, StoreError,
    TokenKind, TokenRecord,
};
use crate::token::Terms;

/// Maximum number of tokens that one request deletes.
pub const MOST_DELETED: usize = 10_000;

/// Number of tokens in one transaction, and in one page of a selection.
const PIECE: u32 = 1000;

/// A token with its `api_key`, if the caller may read it and the reading is recorded.
pub struct FleetToken {
    /// The token.
    pub record: TokenRecord,
    /// Its second form, for the `Authorization` header; `None`: the caller must not see it.
    pub api_key: Option<Secret<String>>,
}

/// The outcome of minting.
pub enum FleetMinting {
    /// The token with its `api_key`.
    Minted(Box<FleetToken>),
    /// A token of the policy has the name.
    NameTaken,
    /// The policy does not exist.
    NoPolicy,
}

/// Number of deleted tokens, and of those that were not found or are beyond the caller's limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FleetDeleted {
    /// Number of tokens that are revoked, by this request or before.
    pub deleted: u64,
    /// Number of the others.
    pub failed: u64,
}

/// An administrator's use cases of tokens with an `api_key`.
pub struct FleetAdmin {
    base: Base,
    minting: Arc<Minting>,
    policies: Arc<LivePolicies>,
    readings: Readings,
}

impl FleetAdmin {
    pub(super) fn new(minting: Arc<Minting>, policies: Arc<LivePolicies>) -> Self {
        Self { base: minting.base.clone(), minting, policies, readings: Readings::default() }
    }

    /// Returns a page of the tokens with an `api_key`, newest first, and their number on all pages.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: FleetFilter,
        (offset, limit): (u32, u32),
    ) -> Result<(Vec<FleetToken>, u64), ServiceError> {
        let FleetPage { items, total } = self.base.store.fleet_tokens(filter, offset, limit).await?;
        let readable = items.iter().filter(|token| may_read(caller, token));
        let readable = readable.map(|token| token.mint.token.id).collect::<Vec<_>>();
        let recorded = self.readings.record(&self.base, caller, &readable).await;
        let readable = readable.into_iter().filter(|_| recorded).collect::<BTreeSet<_>>();
        let shown = |record: TokenRecord| match readable.contains(&record.mint.token.id) {
            true => self.with_api_key(record),
            false => FleetToken { record, api_key: None },
        };
        Ok((items.into_iter().map(shown).collect(), total))
    }

    /// Returns one token, if the caller may read its `api_key`; `None` if no such token is listed.
    ///
    /// # Errors
    /// Minting it is beyond the caller's limits, or the store cannot be read.
    pub async fn show(&self, caller: &Caller, id: TokenId) -> Result<Option<FleetToken>, ServiceError> {
        let Some(record) = self.listed(id).await? else { return Ok(None) };
        caller.may(record.mint.minting())?;
        Ok(Some(match self.readings.record(&self.base, caller, &[id]).await {
            true => self.with_api_key(record),
            false => FleetToken { record, api_key: None },
        }))
    }

    /// Mints a persistent, unlimited token for a policy, with exactly the policy's roles. Its name is unique among the listed
    /// tokens of the policy.
    ///
    /// # Errors
    /// It goes beyond the caller's limits, the clock is in doubt, or the store cannot be written.
    pub async fn mint(
        &self,
        caller: &Caller,
        policy: PolicyId,
        name: Label,
        expires_at: Option<Timestamp>,
    ) -> Result<FleetMinting, ServiceError> {
        for _ in 0..ATTEMPTS {
            let Some(policy) = self.policies.get(policy) else { return Ok(FleetMinting::NoPolicy) };
            let now = self.base.time.trusted()?;
            let order = order(&policy, name.clone(), expires_at);
            caller.may(order.act(now))?;
            let (minted, record) = self.minting.sign(caller, order, &self.minting.trust.ring(), now).await?;
            let id = minted.grant().token.id;
            match self.record(record).await? {
                FleetMint::Recorded => {
                    let record = self.listed(id).await?.ok_or(StoreError::Contended)?;
                    return Ok(FleetMinting::Minted(Box::new(self.with_fresh_api_key(record).await)));
                }
                FleetMint::NameTaken => return Ok(FleetMinting::NameTaken),
                FleetMint::KeyGone => drop(self.minting.trust.change().await),
            }
        }
        Err(StoreError::Contended.into())
    }

    async fn record(&self, record: RecordMint) -> Result<FleetMint, StoreError> {
        self.base.store.mint_fleet_token(MintFleetToken(record)).await
    }

    /// Deletes tokens: they are revoked, and listed until they are collected. With `forced` they are listed no more. Hosts stay.
    ///
    /// # Errors
    /// The store cannot be read or written. Tokens of earlier transactions are deleted.
    pub async fn delete(
        &self,
        caller: &Caller,
        tokens: &[TokenId],
        forced: bool,
    ) -> Result<FleetDeleted, ServiceError> {
        let mut done = FleetDeleted::default();
        for piece in tokens.chunks(PIECE as usize) {
            let mut permitted = Vec::with_capacity(piece.len());
            for id in piece {
                if self.may_delete(caller, *id).await? {
                    permitted.push(*id);
                }
            }
            let asked = piece.len() as u64;
            let entry = caller.did(Action::TokenRevoked, self.base.time.now());
            let command = DeleteFleetTokens { tokens: permitted, forced, entry };
            let deleted = self.base.store.delete_fleet_tokens(command).await?;
            done = FleetDeleted { deleted: done.deleted + deleted, failed: done.failed + asked - deleted };
        }
        Ok(done)
    }

    /// Deletes one token. `false` if no such token is listed.
    ///
    /// # Errors
    /// Revoking it is beyond the caller's limits, or the store cannot be read or written.
    pub async fn delete_one(&self, caller: &Caller, id: TokenId, forced: bool) -> Result<bool, ServiceError> {
        let Some(record) = self.listed(id).await? else { return Ok(false) };
        self.base.may_revoke_token(caller, &record.mint, false).await?;
        Ok(self.delete(caller, &[id], forced).await?.deleted == 1)
    }

    /// Returns the ids of the tokens that match; `None` if they are more than [`MOST_DELETED`].
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn select(&self, filter: &FleetFilter) -> Result<Option<Vec<TokenId>>, ServiceError> {
        let mut ids = Vec::new();
        loop {
            let offset = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            let page = self.base.store.fleet_tokens(filter.clone(), offset, PIECE).await?;
            if page.total > MOST_DELETED as u64 {
                return Ok(None);
            }
            let is_last = page.items.len() < PIECE as usize;
            ids.extend(page.items.into_iter().map(|token| token.mint.token.id));
            if is_last {
                return Ok(Some(ids));
            }
        }
    }

    async fn may_delete(&self, caller: &Caller, id: TokenId) -> Result<bool, ServiceError> {
        let Some(record) = self.listed(id).await? else { return Ok(false) };
        match self.base.may_revoke_token(caller, &record.mint, false).await {
            Ok(()) => Ok(true),
            Err(ServiceError::Request(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn listed(&self, id: TokenId) -> Result<Option<TokenRecord>, StoreError> {
        let found = self.base.store.token(id).await?;
        Ok(found.filter(|record| record.fleet_key.is_some() && !record.fleet_removed))
    }

    fn with_api_key(&self, record: TokenRecord) -> FleetToken {
        let keys = self.minting.trust.fleet_keys();
        let api_key = record.fleet_key.and_then(|key| keys.api_key(key, record.mint.token.id));
        FleetToken { record, api_key }
    }

    /// The `api_key` of a token that was minted just now. Its key may be newer than memory, until the change of keys is over.
    async fn with_fresh_api_key(&self, record: TokenRecord) -> FleetToken {
        match self.with_api_key(record) {
            FleetToken { record, api_key: None } => {
                drop(self.minting.trust.change().await);
                self.with_api_key(record)
            }
            shown => shown,
        }
    }
}

/// Returns true if the caller could mint the token: then it may read the token's `api_key`.
fn may_read(caller: &Caller, token: &TokenRecord) -> bool {
    caller.rights.permissions.contain(Permission::WriteTokens) && caller.may(token.mint.minting()).is_ok()
}

fn order(policy: &Policy, label: Label, expires_at: Option<Timestamp>) -> MintOrder {
    let roles = policy.terms.roles.clone();
    let terms = Terms { roles, persistent: true, expires_at, policy: Some(policy.id), ..Terms::default() };
    MintOrder { terms, label, kind: TokenKind::Policy, expected_hosts: None }
}
