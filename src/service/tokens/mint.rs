//! Minting: a judged order becomes a signed token, its record and its ledger entry.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::id::{BatchId, TokenId};
use crate::ledger::{Action, Draft, Subjects};
use crate::name::Label;
use crate::service::base::{ATTEMPTS, Base};
use crate::service::ca::live::LiveCas;
use crate::service::policies::live::LivePolicies;
use crate::service::tokens::bulk::BulkTurns;
use crate::service::tokens::indexes::Indexes;
use crate::service::tokens::order::{Catalogue, MintOrder};
use crate::service::trust::LiveTrust;
use crate::service::{Caller, ServiceError};
use crate::store::{
    ListKind, MintOutcome, MintRecord, Policy, RecordMint, StoreError, TokenKind, TokenPurpose,
};
use crate::token::{self, Grant, KeyRing, MintedToken, Terms, TokenRef};

/// Minting tokens of both kinds.
pub struct Minting {
    pub(in crate::service) base: Base,
    pub(in crate::service) trust: Arc<LiveTrust>,
    pub(in crate::service) cas: Arc<LiveCas>,
    pub(in crate::service) indexes: Arc<Indexes>,
    pub(in crate::service) roles: Arc<Catalogue>,
    pub(in crate::service) policies: Arc<LivePolicies>,
    /// Tokens name the root, unless an external CA certifies the listener.
    pub(in crate::service) pins_root: bool,
    /// The bulk mints that run.
    pub(in crate::service) bulks: BulkTurns,
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

    /// The server's URL, if tokens do not pin the root and hosts must be given it.
    pub fn unpinned_server(&self) -> Option<String> {
        (!self.pins_root).then(|| self.trust.issuers().current().to_owned())
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
        let token = self.next_token(order.list_kind(), now).await?;
        let minted = token::mint(&self.grant(&order, token, now), ring, now)?;
        let record = recorded(caller, &order, &minted, None, now);
        Ok((minted, record))
    }

    /// The grant of an order.
    pub(super) fn grant(&self, order: &MintOrder, token: TokenRef, now: Timestamp) -> Grant {
        let at = now.whole_second();
        Grant {
            token,
            issued_at: at,
            not_before: at,
            root: self.pins_root.then(|| self.cas.load().current().root_fingerprint()),
            terms: order.terms.clone(),
        }
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
    MintOrder { terms, label: label("first roles token"), kind: TokenKind::Roles, expected_hosts: None }
}

/// The emergency token: persistent, unlimited, every role but `allocator`. It saves an installation whose coordinators
/// are gone.
pub fn emergency_order(roles: &Catalogue) -> MintOrder {
    let roles = roles.iter().map(|(role, _)| role).filter(|role| role.as_str() != "allocator");
    let terms = Terms { roles: roles.cloned().collect(), persistent: true, ..Terms::default() };
    MintOrder { terms, label: label("emergency token"), kind: TokenKind::Emergency, expected_hosts: None }
}

/// The first token of a policy: persistent, unlimited, exactly the policy's roles.
pub(in crate::service) fn first_policy_order(policy: &Policy) -> MintOrder {
    let roles = policy.terms.roles.clone();
    let terms = Terms { roles, persistent: true, policy: Some(policy.id), ..Terms::default() };
    MintOrder { terms, label: first_token_label(), kind: TokenKind::Policy, expected_hosts: None }
}

/// The label of a policy's first token.
pub fn first_token_label() -> Label {
    label("Default")
}

#[expect(clippy::expect_used, reason = "the text is a constant of this file, and a test parses it")]
fn label(text: &'static str) -> Label {
    Label::parse(text).expect("a label of ours is well-formed")
}

/// The record and the entry of a signed token.
pub(super) fn recorded(
    caller: &Caller,
    order: &MintOrder,
    minted: &MintedToken,
    batch: Option<BatchId>,
    now: Timestamp,
) -> RecordMint {
    let record = MintRecord {
        token: minted.grant().token.clone(),
        terms: order.terms.clone(),
        signing_key: minted.signing_key(),
        label: order.label.clone(),
        minter: caller.actor.to_string(),
        created_at: now,
        purpose: TokenPurpose::Enrollment(order.kind),
        expected_hosts: order.expected_hosts,
        batch,
    };
    let entry = minted_entry(caller, &record);
    RecordMint { record, by: caller.actor.clone(), entry }
}

/// The entry of a mint: the whole grant, never the token.
fn minted_entry(caller: &Caller, record: &MintRecord) -> Draft {
    let subjects = match record.terms.bindings.host {
        Some(host) => Subjects::host(host).with_token(record.token.id),
        None => Subjects::token(record.token.id),
    };
    let entry = caller.did(Action::TokenCreated, record.created_at).about(subjects);
    let entry = Draft { detail: grant_detail(record), ..entry };
    match record.batch {
        Some(batch) => entry.with("batch", batch.to_string()),
        None => entry,
    }
}

fn grant_detail(record: &MintRecord) -> Map<String, Value> {
    let MintRecord { token, terms, label, expected_hosts, .. } = record;
    let Terms { roles, persistent, expires_at, max_uses, bindings, host_key, policy, approval } = terms;
    let detail = json!({
        "label": label,
        "kind": record.kind(),
        "roles": roles,
        "persistent": persistent,
        "expires_at": expires_at,
        "max_uses": max_uses,
        "expected_hosts": expected_hosts,
        "dns_names": bindings.dns_names,
        "key_thumbprint": host_key,
        "policy": policy,
        "approval": approval,
        "cluster": bindings.cluster,
        "issuer": token.issuer,
        "status_list": token.status.list,
        "status_index": token.status.index,
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
