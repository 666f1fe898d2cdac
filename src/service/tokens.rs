//! Listing, showing and revoking tokens: enrollment tokens here, service tokens beside `service_tokens.rs`.

pub mod bulk;
pub mod due;
pub(super) mod indexes;
pub mod mint;
pub mod order;
pub mod reenrollment;
pub mod release;
pub mod rotation;
pub mod service_tokens;
pub(super) mod take_back;

use std::sync::Arc;

use self::mint::Minting;
use super::base::Base;
use super::labels::ActorLabels;
use super::settings::LiveSpans;
use super::shared_run::SharedRun;
use super::{Caller, RequestError, ServiceError, TokenError};
use crate::id::TokenId;
use crate::ledger::{Action, Subjects};
use crate::name::Role;
pub use crate::store::HowToRevoke;
use crate::store::{
    Page, PageQuery, Position, RevokeToken, StoreError, TokenFilter, TokenRecord, TokenRevocation, TokenType,
};

/// Lists of every live persistent token, one at a time.
type PersistentLists = SharedRun<Result<Arc<Vec<(TokenId, Vec<Role>)>>, StoreError>>;

/// The effect of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The token changed. A token that was revoked before or had no use left stays as it is.
    pub changed: bool,
    /// Number of hosts revoked with it.
    pub hosts: u64,
}

/// An administrator's use cases for minted tokens.
pub struct TokenAdmin {
    pub(super) base: Base,
    pub(super) spans: Arc<LiveSpans>,
    minting: Arc<Minting>,
    persistent_lists: PersistentLists,
}

impl TokenAdmin {
    pub(super) fn new(minting: Arc<Minting>, spans: Arc<LiveSpans>) -> Self {
        Self { base: minting.base.clone(), spans, minting, persistent_lists: PersistentLists::default() }
    }

    /// A page of the tokens that match, in the order of the filter.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_tokens(
        &self,
        filter: TokenFilter,
        page: PageQuery<Position<TokenId>>,
    ) -> Result<Page<TokenRecord, Position<TokenId>>, ServiceError> {
        Ok(self.base.store.list_tokens(filter, page).await?)
    }

    /// The labels of the API keys that minted these tokens.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn minter_labels(&self, tokens: &[TokenRecord]) -> Result<ActorLabels, ServiceError> {
        let minters = tokens.iter().map(|token| token.mint.minter.as_str());
        ActorLabels::of(self.base.store.as_ref(), minters).await
    }

    /// One token.
    ///
    /// # Errors
    /// The token is unknown, or the store cannot be read.
    pub async fn show_token(&self, id: TokenId) -> Result<TokenRecord, ServiceError> {
        self.show_typed(TokenType::Enrollment, id).await
    }

    /// One token, if it is of that type.
    pub(super) async fn show_typed(
        &self,
        token_type: TokenType,
        id: TokenId,
    ) -> Result<TokenRecord, ServiceError> {
        let found = self.base.store.token(id).await?.filter(|token| token.mint.token_type() == token_type);
        Ok(found.ok_or_else(|| RequestError::not_found("token", id))?)
    }

    /// Every live persistent token with its roles. Concurrent callers share one list.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_persistent_tokens(&self) -> Result<Arc<Vec<(TokenId, Vec<Role>)>>, ServiceError> {
        let list = async { self.base.store.list_persistent(self.base.time.now()).await.map(Arc::new) };
        Ok(self.persistent_lists.share(list).await?)
    }

    /// Revokes an enrollment token by its id. The hosts that it admitted stay (I9) unless `how` includes them. The same
    /// transaction revokes them, also for a token that was revoked before or has no use left.
    ///
    /// # Errors
    /// The token is unknown or beyond the caller's limits. It is the live emergency token without confirmation, or the caller
    /// is no admin. Or the store cannot be written.
    pub async fn revoke_token(
        &self,
        caller: &Caller,
        id: TokenId,
        how: HowToRevoke,
    ) -> Result<Taken, ServiceError> {
        self.may_revoke(caller, TokenType::Enrollment, id, how.hosts).await?;
        self.revoke_typed(caller, TokenType::Enrollment, id, how).await
    }

    /// Checks that the caller may revoke a token of that type by its id. An unknown token is refused later.
    pub(super) async fn may_revoke(
        &self,
        caller: &Caller,
        token_type: TokenType,
        id: TokenId,
        hosts: bool,
    ) -> Result<(), ServiceError> {
        match self.base.store.token(id).await?.filter(|token| token.mint.token_type() == token_type) {
            Some(token) => self.base.may_revoke_token(caller, &token.mint, hosts).await,
            None => Ok(()),
        }
    }

    /// Revokes a token of that type, which the caller may revoke. The emergency token takes an admin.
    pub(super) async fn revoke_typed(
        &self,
        caller: &Caller,
        token_type: TokenType,
        id: TokenId,
        how: HowToRevoke,
    ) -> Result<Taken, ServiceError> {
        let subjects = Subjects::token(id);
        let entry = caller.did(Action::TokenRevoked, self.base.time.now()).about(subjects);
        let how = HowToRevoke { even_emergency: how.even_emergency && caller.is_admin(), ..how };
        let command = RevokeToken { token: id, token_type, how, entry };
        match self.base.store.revoke_token(command).await? {
            TokenRevocation::Revoked { hosts } => Ok(Taken { changed: true, hosts }),
            TokenRevocation::Before { hosts } => Ok(Taken { changed: false, hosts }),
            TokenRevocation::Emergency => Err(unconfirmed(caller).into()),
            TokenRevocation::Unknown => Err(RequestError::not_found("token", id).into()),
        }
    }
}

/// The refusal to revoke the live emergency token.
pub(super) const fn unconfirmed(caller: &Caller) -> TokenError {
    if caller.is_admin() { TokenError::Emergency } else { TokenError::EmergencyOfAdmins }
}
