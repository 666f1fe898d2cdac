//! Service tokens: roles for the door of one other service. They are minted, listed, shown and taken back like enrollment
//! tokens, and redeem nothing.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::access::Act;
use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::ledger::{Action, Draft, Subjects};
use crate::name::{Label, Role};
use crate::service::listing::TokenWords;
use crate::service::tokens::mint::{ATTEMPTS, Minting, object};
use crate::service::tokens::order::life::{Bounds, Life};
use crate::service::tokens::order::{Catalogue, fault};
use crate::service::tokens::{HowToRevoke, TokenAdmin};
use crate::service::{Caller, FieldError, RequestError, ServiceError};
use crate::span::Spans;
use crate::store::{ListKind, MintRecord, Page, PageQuery, RecordMint, StoreError, TokenKind, TokenRecord};
use crate::token::{self, KeyRing, MintedToken, ServiceGrant, Terms};

/// A service token as it was asked for, nothing of it judged yet.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(example = json!({ "audience": "https://jobs.example.org", "roles": ["director"], "ttl": "15m", "label": "nightly" }))]
pub struct ServiceTokenRequest {
    /// The URI of the service it is for. There is no default: a token that is good anywhere is good somewhere else.
    #[schema(required, format = "uri")]
    pub audience: String,
    /// The roles; may be empty.
    #[schema(value_type = Vec<Role>, max_items = 32)]
    pub roles: Vec<String>,
    /// How long it lives, such as `15m`; not together with `expires_at`.
    #[schema(pattern = "^[0-9]+[smhd]$", example = "15m")]
    pub ttl: Option<String>,
    /// Until when it lives, RFC 3339; not together with `ttl`.
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Option<String>,
    /// What people know it by.
    #[schema(value_type = Label)]
    pub label: String,
}

/// A service token that may be minted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTokenOrder {
    /// The service, one of those that are configured.
    pub audience: String,
    /// The roles, all of them in the catalogue.
    pub roles: Vec<Role>,
    /// Until when it lives.
    pub expires_at: Timestamp,
    /// What people know it by.
    pub label: Label,
}

impl ServiceTokenRequest {
    /// Judges every field at `now`.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with everything that is wrong, `faults` of the decoding among it.
    pub fn judge(
        &self,
        (catalogue, audiences): (&Catalogue, &[String]),
        spans: &Spans,
        now: Timestamp,
        mut faults: Vec<FieldError>,
    ) -> Result<ServiceTokenOrder, RequestError> {
        let audience = self.audience(audiences, &mut faults);
        let roles = catalogue.pick(&self.roles, &mut faults);
        let life =
            Life { ttl: self.ttl.as_deref(), expires_at: self.expires_at.as_deref(), expires_days: None };
        let expires_at = life.judge(Bounds::ephemeral(spans), now, &mut faults);
        let label = Label::parse(&self.label).map_err(|error| faults.push(fault("label", &error))).ok();
        match (audience, expires_at, label) {
            (Some(audience), Some(expires_at), Some(label)) if faults.is_empty() => {
                Ok(ServiceTokenOrder { audience, roles, expires_at, label })
            }
            _ => Err(RequestError::Fields(faults)),
        }
    }

    fn audience(&self, audiences: &[String], faults: &mut Vec<FieldError>) -> Option<String> {
        let found = audiences.iter().find(|audience| **audience == self.audience);
        if found.is_none() {
            let known = audiences.join(", ");
            let message = match (audiences.is_empty(), self.audience.is_empty()) {
                (true, _) => "no services are configured: name their URIs in tokens.audiences".to_owned(),
                (false, true) => format!("say which service it is for: {known}"),
                (false, false) => format!("not a configured service; they are: {known}"),
            };
            faults.push(FieldError::new("audience", message));
        }
        found.cloned()
    }
}

impl Minting {
    /// Mints a service token. It is recorded, durably, before its text is known to anyone.
    ///
    /// # Errors
    /// It goes beyond the caller's limits, the clock is in doubt, the token would be too large, or the store cannot be written.
    pub async fn mint_service_token(
        &self,
        caller: &Caller,
        order: ServiceTokenOrder,
    ) -> Result<MintedToken<ServiceGrant>, ServiceError> {
        for _ in 0..ATTEMPTS {
            let now = self.time.trusted()?;
            let lasts = order.expires_at.since(now.whole_second());
            caller.may(Act::MintServiceToken { roles: &order.roles, lasts })?;
            let ring = self.trust.ring();
            let (minted, record) = self.sign_service_token(caller, &order, &ring, now).await?;
            if self.is_recorded(record).await? {
                return Ok(minted);
            }
        }
        Err(StoreError::Overloaded.into())
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
    /// A page of service tokens, newest first: live and lately ended ones, or all that are kept.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_service_tokens(
        &self,
        all: bool,
        page: PageQuery<TokenId>,
    ) -> Result<Page<TokenRecord, TokenId>, ServiceError> {
        let words = TokenWords { ended: Some(all), ..TokenWords::default() };
        let filter = words.judge(TokenKind::Service, self.time.now(), self.spans.load().retention)?;
        Ok(self.store.list_tokens(filter, page).await?)
    }

    /// One service token.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn show_service_token(&self, id: TokenId) -> Result<TokenRecord, ServiceError> {
        self.show_kind(TokenKind::Service, id).await
    }

    /// Takes a service token back: its status list says so from now on. `false` if it was revoked before.
    ///
    /// # Errors
    /// There is none, or the store cannot be written.
    pub async fn revoke_service_token(&self, caller: &Caller, id: TokenId) -> Result<bool, ServiceError> {
        let done = self.revoke_kind(caller, TokenKind::Service, id, HowToRevoke::default()).await?;
        Ok(done.changed)
    }
}

/// The record that lists show and that revoking by id needs.
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
        emergency: false,
        minter: caller.actor.to_string(),
        created_at: now,
        audience: Some(audience.clone()),
    }
}

/// The entry of a mint: the whole grant, never the token.
fn minted_entry(caller: &Caller, order: &ServiceTokenOrder, grant: &ServiceGrant, now: Timestamp) -> Draft {
    let subjects = Subjects { token: Some(grant.token.id), ..Subjects::default() };
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
