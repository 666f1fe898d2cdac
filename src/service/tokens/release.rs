//! Releasing tokens that a restore suspended. A release gives what a mint gives, and is checked as one (I5).

use super::TokenAdmin;
use super::rotation::ended;
use crate::id::TokenId;
use crate::ledger::Action;
use crate::service::selection::Selection;
use crate::service::together::{AT_ONCE, SelectionCount, Which, is_allowed, once};
use crate::service::{Caller, FieldError, RequestError, ServiceError, TokenError};
use crate::store::{
    MOST_LOOKED_AT, PageQuery, ReleaseTokens, TokenFilter, TokenRecord, TokenRelease, TokenState,
};

/// A bulk release of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseOrder {
    /// The selection. A filter matches suspended tokens only.
    pub which: Which<TokenFilter, TokenId>,
    /// Number of uses that each token with a use limit gets.
    pub uses_left: Option<u32>,
    /// The selection that a dry run returned.
    pub expect: Option<Selection>,
}

/// The result of a bulk release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Releases {
    /// Number of released tokens.
    pub released: u64,
    /// The other tokens, each with the reason.
    pub refused: Vec<(TokenId, TokenRelease)>,
}

impl TokenAdmin {
    /// Releases a suspended token. A token with a use limit needs `uses_left`: hosts may have used it after the backup. A token that is
    /// not suspended stays as it is.
    ///
    /// # Errors
    /// The token is unknown, has ended, or is beyond the caller's limits. `uses_left` is missing or too high. Or the store cannot be
    /// written.
    pub async fn release_token(
        &self,
        caller: &Caller,
        id: TokenId,
        uses_left: Option<u32>,
    ) -> Result<TokenRecord, ServiceError> {
        let token = self.show_token(id).await?;
        caller.may(token.mint.minting())?;
        let released = self.release_some(caller, vec![id], uses_left).await?;
        let token = self.show_token(id).await?;
        let left = token.mint.terms.max_uses.map_or(0, |most| most.saturating_sub(token.used));
        match released.first().copied().unwrap_or(TokenRelease::Unknown) {
            TokenRelease::Released | TokenRelease::NotSuspended => Ok(token),
            TokenRelease::Ended => Err(ended(token.state(self.base.time.now())).into()),
            TokenRelease::UsesLeftRequired => Err(TokenError::UsesLeftRequired { left }.into()),
            TokenRelease::TooManyUses => {
                let fault =
                    FieldError::new("uses_left", format!("from 1 to {left}, the uses left in the backup"));
                Err(RequestError::Fields(vec![fault]).into())
            }
            TokenRelease::Unknown => Err(RequestError::not_found("token", id).into()),
        }
    }

    /// A dry run of [`TokenAdmin::release_tokens`].
    ///
    /// # Errors
    /// An id is beyond the caller's limits, or the store cannot be read.
    pub async fn count_releases(
        &self,
        caller: &Caller,
        order: &ReleaseOrder,
    ) -> Result<SelectionCount, ServiceError> {
        let tokens = self.these_suspended(caller, order).await?;
        let selection = Selection::of(tokens.iter().map(|id| *id.as_bytes()));
        Ok(SelectionCount { count: tokens.len() as u64, hosts: 0, selection })
    }

    /// Releases the selected tokens. A filter does not match tokens beyond the caller's limits. After a failure the batches before it
    /// stay released.
    ///
    /// # Errors
    /// The selection has changed, an id is beyond the caller's limits, or the store cannot be written.
    pub async fn release_tokens(
        &self,
        caller: &Caller,
        order: &ReleaseOrder,
    ) -> Result<Releases, ServiceError> {
        let tokens = self.these_suspended(caller, order).await?;
        if let Some(expected) = &order.expect {
            expected.judge(tokens.iter().map(|id| *id.as_bytes()))?;
        }
        let mut done = Releases::default();
        for some in tokens.chunks(AT_ONCE) {
            let outcomes = self.release_some(caller, some.to_vec(), order.uses_left).await?;
            let refused = some.iter().copied().zip(outcomes);
            let before = done.refused.len();
            done.refused.extend(refused.filter(|(_, outcome)| *outcome != TokenRelease::Released));
            done.released += (some.len() - (done.refused.len() - before)) as u64;
        }
        Ok(done)
    }

    async fn release_some(
        &self,
        caller: &Caller,
        tokens: Vec<TokenId>,
        uses_left: Option<u32>,
    ) -> Result<Vec<TokenRelease>, ServiceError> {
        let entry = caller.did(Action::TokenReleased, self.base.time.now());
        Ok(self.base.store.release_tokens(ReleaseTokens { tokens, uses_left, entry }).await?)
    }

    async fn these_suspended(
        &self,
        caller: &Caller,
        order: &ReleaseOrder,
    ) -> Result<Vec<TokenId>, ServiceError> {
        let filter = match &order.which {
            Which::Ids(ids) => {
                let ids = once(ids);
                for id in &ids {
                    let token = self.base.store.token(*id).await?;
                    token.map_or(Ok(()), |token| caller.may(token.mint.minting()))?;
                }
                return Ok(ids);
            }
            Which::Matching(filter) => filter.clone(),
        };
        let filter = TokenFilter { states: Some(vec![TokenState::Suspended]), ..filter };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.list_tokens(filter.clone(), PageQuery::new(after, MOST_LOOKED_AT)).await?;
            for TokenRecord { mint, .. } in page.items {
                if is_allowed(caller.may(mint.minting()).map_err(ServiceError::from))? {
                    found.push(mint.token.id);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}
