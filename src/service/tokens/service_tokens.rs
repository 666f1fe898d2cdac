//! Service tokens: roles at one other service. They are minted, listed, shown and revoked like enrollment tokens, and cannot be
//! redeemed.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::access::Act;
use crate::clock::Timestamp;
use crate::id::{ShortId, TokenId};
use crate::ledger::{Action, Draft, Subjects};
use crate::name::{Label, Role};
use crate::service::base::ATTEMPTS;
use crate::service::tokens::mint::{Minting, object};
use crate::service::tokens::{HowToRevoke, TokenAdmin};
use crate::service::{Caller, ServiceError};
use crate::store::{
    EndedTokens, ListKind, MintRecord, Page, PageQuery, Position, RecordMint, StoreError, TokenFilter,
    TokenPurpose, TokenRecord, TokenType,
};
use crate::token::{self, KeyRing, MintedToken, ServiceGrant, Terms};

/// The terms of a service token that may be minted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ServiceTokenTerms)]
pub struct ServiceTokenOrder {
    /// URI of the service, one of `tokens.audiences`.
    #[schema(format = "uri", example = "https://jobs.example.org")]
    pub audience: String,
    /// The roles, each in the catalogue.
    pub roles: Vec<Role>,
    /// The expiry.
    pub expires_at: Timestamp,
    /// The label for people.
    pub label: Label,
}

impl Minting {
    /// Mints a service token. Its record is durable before the text is returned.
    ///
    /// # Errors
    /// It goes beyond the caller's limits, the clock is in doubt, the token would be too large, or the store cannot be written.
    pub async fn mint_service_token(
        &self,
        caller: &Caller,
        order: &ServiceTokenOrder,
    ) -> Result<MintedToken<ServiceGrant>, ServiceError> {
        for _ in 0..ATTEMPTS {
            let now = self.base.time.trusted()?;
            let lasts = order.expires_at.since(now.whole_second());
            caller.may(Act::MintServiceToken { roles: &order.roles, lasts })?;
            let ring = self.trust.ring();
            let (minted, record) = self.sign_service_token(caller, order, &ring, now).await?;
            if self.is_recorded(record).await? {
                return Ok(minted);
            }
        }
        Err(StoreError::Contended.into())
    }

    async fn sign_service_token(
        &self,
        caller: &Caller,
        order: &ServiceTokenOrder,
        ring: &KeyRing,
        now: Timestamp,
    ) -> Result<(MintedToken<ServiceGrant>, RecordMint), ServiceError> {
        let at = now.whole_second();
        let grant = ServiceGrant {
            token: self.next_token(ListKind::Ephemeral, now).await?,
            audience: order.audience.clone(),
            issued_at: at,
            not_before: at,
            expires_at: order.expires_at,
            roles: order.roles.clone(),
        };
        let minted = token::mint_service(&grant, ring, now)?;
        let entry = minted_entry(caller, order, &grant, now);
        let record = record(caller, order, &minted, now);
        Ok((minted, RecordMint { record, by: caller.actor.clone(), entry }))
    }
}

impl TokenAdmin {
    /// A page of service tokens, newest first: live and recently ended ones, or all that are kept.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_service_tokens(
        &self,
        short_id: Option<ShortId>,
        all: bool,
        page: PageQuery<Position<TokenId>>,
    ) -> Result<Page<TokenRecord, Position<TokenId>>, ServiceError> {
        let now = self.base.time.now();
        let ended = match all {
            true => EndedTokens::All,
            false => EndedTokens::Since(now.minus(self.spans.load().retention)),
        };
        let filter = TokenFilter { short_id, ..TokenFilter::every(TokenType::Service, ended, now) };
        self.list_tokens(filter, page).await
    }

    /// One service token.
    ///
    /// # Errors
    /// The token is unknown, or the store cannot be read.
    pub async fn show_service_token(&self, id: TokenId) -> Result<TokenRecord, ServiceError> {
        self.show_typed(TokenType::Service, id).await
    }

    /// Revokes a service token in its status list, by its id. `false` if it was revoked before.
    ///
    /// # Errors
    /// The token is unknown or beyond the caller's limits, or the store cannot be written.
    pub async fn revoke_service_token(&self, caller: &Caller, id: TokenId) -> Result<bool, ServiceError> {
        self.may_revoke(caller, TokenType::Service, id, false).await?;
        let done = self.revoke_typed(caller, TokenType::Service, id, HowToRevoke::default()).await?;
        Ok(done.changed)
    }
}

/// The mint record.
fn record(
    caller: &Caller,
    order: &ServiceTokenOrder,
    minted: &MintedToken<ServiceGrant>,
    now: Timestamp,
) -> MintRecord {
    let ServiceGrant { token, audience, expires_at, roles, .. } = &**minted.grant();
    MintRecord {
        token: token.clone(),
        terms: Terms { roles: roles.clone(), expires_at: Some(*expires_at), ..Terms::default() },
        signing_key: minted.signing_key(),
        label: order.label.clone(),
        minter: caller.actor.to_string(),
        created_at: now,
        purpose: TokenPurpose::Service(audience.clone()),
        expected_hosts: None,
        batch: None,
    }
}

/// The entry of a mint: the whole grant, never the token.
fn minted_entry(caller: &Caller, order: &ServiceTokenOrder, grant: &ServiceGrant, now: Timestamp) -> Draft {
    let subjects = Subjects::token(grant.token.id);
    let detail = json!({
        "audience": grant.audience,
        "label": order.label,
        "roles": grant.roles,
        "expires_at": grant.expires_at,
        "issuer": grant.token.issuer,
        "status_list": grant.token.status.list,
        "status_index": grant.token.status.index,
    });
    Draft { detail: object(detail), ..caller.did(Action::ServiceTokenCreated, now).about(subjects) }
}
