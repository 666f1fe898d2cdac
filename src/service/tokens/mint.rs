//! Minting: a judged order becomes a signed token, its record and its ledger entry.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::ledger::{Action, Draft, Subjects};
use crate::name::Label;
use crate::service::base::Base;
use crate::service::ca::live::LiveCas;
use crate::service::tokens::indexes::Indexes;
use crate::service::tokens::order::{Catalogue, MintOrder};
use crate::service::trust::LiveTrust;
use crate::service::{Caller, ServiceError};
use crate::store::{ListKind, MintOutcome, MintRecord, RecordMint, StoreError};
use crate::token::{self, Grant, KeyRing, MintedToken, Terms, TokenRef};

/// Maximum number of attempts to sign a token while the signing keys change.
pub(in crate::service) const ATTEMPTS: usize = 3;

/// Minting tokens of both kinds.
pub struct Minting {
    pub(in crate::service) base: Base,
    pub(in crate::service) trust: Arc<LiveTrust>,
    pub(in crate::service) cas: Arc<LiveCas>,
    pub(in crate::service) indexes: Arc<Indexes>,
    pub(in crate::service) roles: Arc<Catalogue>,
    /// Tokens name the root, unless an external CA certifies the listener.
    pub(in crate::service) pins_root: bool,
}

impl Minting {
    /// Mints a token. Its record is durable before the text is returned.
    ///
    /// # Errors
    /// It goes beyond the caller's limits, the clock is in doubt, the token would be too large, or the store cannot be written.
    pub async fn mint(&self, caller: &Caller, order: MintOrder) -> Result<MintedToken, ServiceError> {
        for _ in 0..ATTEMPTS {
            let now = self.base.time.trusted()?;
            caller.may(order.act(now))?;
            let (minted, record) = self.sign(caller, order.clone(), &self.trust.ring(), now).await?;
            if self.is_recorded(record).await? {
                return Ok(minted);
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Records a signed token. `false`: its key no longer signs, so sign it again.
    pub(in crate::service) async fn is_recorded(&self, record: RecordMint) -> Result<bool, ServiceError> {
        match self.base.store.record_mint(record).await? {
            MintOutcome::Recorded => Ok(true),
            MintOutcome::KeyGone => {
                // The ring has changed too, once the change of keys has finished.
                drop(self.trust.change().await);
                Ok(false)
            }
        }
    }

    /// Signs a token and prepares its record. The token must not leave before the record is stored.
    pub(in crate::service) async fn sign(
        &self,
        caller: &Caller,
        order: MintOrder,
        ring: &KeyRing,
        now: Timestamp,
    ) -> Result<(MintedToken, RecordMint), ServiceError> {
        let kind = if order.terms.persistent { ListKind::Persistent } else { ListKind::Ephemeral };
        let at = now.whole_second();
        let grant = Grant {
            token: self.next_token(kind, now).await?,
            issued_at: at,
            not_before: at,
            root: self.pins_root.then(|| self.cas.load().current().root_fingerprint()),
            terms: order.terms.clone(),
        };
        let minted = token::mint(&grant, ring, now)?;
        let entry = minted_entry(caller, &order, &grant, now);
        let record = MintRecord {
            token: grant.token,
            terms: order.terms,
            signing_key: minted.signing_key(),
            label: order.label,
            emergency: order.emergency,
            minter: caller.actor.to_string(),
            created_at: now,
            audience: None,
        };
        Ok((minted, RecordMint { record, by: caller.actor.clone(), entry }))
    }

    /// A token's id, issuer and status entry, none of which any other token gets.
    pub(in crate::service) async fn next_token(
        &self,
        kind: ListKind,
        now: Timestamp,
    ) -> Result<TokenRef, ServiceError> {
        let status = self.indexes.take(kind, self.base.store.as_ref(), now).await?;
        let issuer = self.trust.issuers().current().to_owned();
        Ok(TokenRef { id: TokenId::generate(now), issuer, status })
    }
}

/// The first roles token: persistent, unlimited, no roles; a host joins with it and gets roles later.
pub fn first_roles_order() -> MintOrder {
    let terms = Terms { persistent: true, ..Terms::default() };
    MintOrder { terms, label: label("first roles token"), emergency: false }
}

/// The emergency token: persistent, unlimited, every role but `allocator`. It saves an installation whose coordinators
/// are gone.
pub fn emergency_order(roles: &Catalogue) -> MintOrder {
    let roles = roles.iter().map(|(role, _)| role).filter(|role| role.as_str() != "allocator");
    let terms = Terms { roles: roles.cloned().collect(), persistent: true, ..Terms::default() };
    MintOrder { terms, label: label("emergency token"), emergency: true }
}

#[expect(clippy::expect_used, reason = "the text is a constant of this file, and a test parses it")]
fn label(text: &'static str) -> Label {
    Label::parse(text).expect("a label of ours is well-formed")
}

/// The entry of a mint: the whole grant, never the token.
fn minted_entry(caller: &Caller, order: &MintOrder, grant: &Grant, now: Timestamp) -> Draft {
    let subjects = Subjects::token(grant.token.id);
    let entry = caller.did(Action::TokenCreated, now).about(subjects);
    Draft { detail: grant_detail(order, grant), ..entry }
}

fn grant_detail(order: &MintOrder, grant: &Grant) -> Map<String, Value> {
    let Terms { roles, persistent, expires_at, max_uses, bindings, host_key, policy: _ } = &grant.terms;
    let detail = json!({
        "label": order.label,
        "roles": roles,
        "persistent": persistent,
        "emergency": order.emergency,
        "expires_at": expires_at,
        "max_uses": max_uses,
        "dns_names": bindings.dns_names,
        "key_thumbprint": host_key,
        "cluster": bindings.cluster,
        "issuer": grant.token.issuer,
        "status_list": grant.token.status.list,
        "status_index": grant.token.status.index,
    });
    object(detail)
}

/// The members of a JSON object.
pub(in crate::service) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
