//! The shapes of the native API's answers.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ca::der_to_pem;
use crate::clock::Timestamp;
use crate::id::{BatchId, CertificateThumbprint, HostId, KeyId, StatusRef, TokenId};
use crate::name::{Label, Role};
use crate::service::keys::fleet::FLEET;
use crate::service::keys::seal::SEAL;
use crate::service::labels::ActorLabels;
use crate::service::{Authority, Enrolled};
use crate::store::{
    CertificateRecord, FleetKeyRecord, HostOutputState, HostRecord, HostState, KeyRecord, KeyState,
    MintRecord, Retired, SealKeyRecord, TokenKind, TokenRecord, TokenState, TokenWarning,
};
use crate::token::{Terms, status_uri};
use crate::wire::{CertificateLife, Certified, EnrollAnswer, HostSummary};

/// The facts of every minted token, besides its terms.
#[derive(Serialize, ToSchema)]
struct MintFacts {
    id: TokenId,
    state: TokenState,
    label: Label,
    /// Minter, as an actor in the ledger.
    #[schema(example = "user:admin")]
    minter: String,
    /// Label of the API key that minted it; `null` for another minter, or if the key is gone.
    #[schema(required)]
    minter_label: Option<Label>,
    created_at: Timestamp,
    #[schema(required)]
    revoked_at: Option<Timestamp>,
    /// Id of the signing key.
    kid: KeyId,
}

/// The binding of an access token (RFC 7800, RFC 8705 section 3.1).
#[derive(Serialize, ToSchema)]
#[schema(as = TokenConfirmation)]
pub(super) struct Confirmation {
    #[serde(rename = "x5t#S256")]
    pub(super) thumbprint: CertificateThumbprint,
}

/// A token in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = EnrollmentToken)]
pub(super) struct TokenItem {
    #[serde(flatten)]
    facts: MintFacts,
    kind: TokenKind,
    #[serde(flatten)]
    terms: Terms,
    /// Number of hosts that a rollout is for.
    #[schema(required, example = 1000)]
    expected_hosts: Option<u32>,
    /// A reason to look after the token.
    #[schema(required)]
    warning: Option<TokenWarning>,
    /// True for the emergency token.
    emergency: bool,
    /// The batch it was minted in, by a bulk mint or with an idempotency key.
    #[schema(required)]
    batch: Option<BatchId>,
    /// Number of uses.
    #[schema(example = 0)]
    used: u32,
    /// Remaining uses; `null`: unlimited.
    #[schema(required, example = 1)]
    uses_left: Option<u32>,
    /// Number of enrolled hosts.
    #[schema(example = 0)]
    hosts: u32,
    #[schema(required)]
    last_used_at: Option<Timestamp>,
    /// Host of the last use.
    #[schema(required)]
    last_used_by: Option<HostId>,
    /// Address of the last use.
    #[schema(required, value_type = Option<String>, example = "192.0.2.7")]
    last_used_from: Option<IpAddr>,
    /// Id of the successor.
    #[schema(required)]
    replaced_by: Option<TokenId>,
    /// Time at which the token is revoked in favour of the successor.
    #[schema(required)]
    revokes_at: Option<Timestamp>,
}

impl MintFacts {
    fn of(record: &TokenRecord, labels: &ActorLabels, now: Timestamp) -> Self {
        let MintRecord { token, label, minter, created_at, signing_key, .. } = &record.mint;
        Self {
            id: token.id,
            state: record.state(now),
            label: label.clone(),
            minter: minter.clone(),
            minter_label: labels.get(minter),
            created_at: *created_at,
            revoked_at: record.revoked_at,
            kid: *signing_key,
        }
    }
}

impl TokenItem {
    pub(super) fn new(record: TokenRecord, labels: &ActorLabels, now: Timestamp) -> Self {
        let facts = MintFacts::of(&record, labels, now);
        let warning = record.warning(now);
        let TokenRecord { mint, used, revoked_at, last_use, replaced_by, revoke_at, .. } = record;
        Self {
            facts,
            kind: mint.kind().unwrap_or(TokenKind::Custom),
            expected_hosts: mint.expected_hosts,
            warning,
            emergency: mint.is_emergency(),
            batch: mint.batch,
            used,
            uses_left: mint.terms.max_uses.map(|most| most.saturating_sub(used)),
            hosts: used,
            last_used_at: last_use.map(|last| last.at),
            last_used_by: last_use.map(|last| last.host),
            last_used_from: last_use.and_then(|last| last.from),
            replaced_by,
            revokes_at: revoke_at.filter(|_| revoked_at.is_none()),
            terms: mint.terms,
        }
    }
}

/// A token. Callers that may read hosts also get its newest hosts.
#[derive(Serialize, ToSchema)]
#[schema(as = EnrollmentTokenDetails)]
pub(super) struct TokenShown {
    #[serde(flatten)]
    pub(super) token: TokenItem,
    /// Absent if the caller may not read hosts.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) newest_hosts: Option<Vec<HostItem>>,
}

/// The status list entry of a token, as in its claim.
#[derive(Serialize, ToSchema)]
#[schema(as = StatusListEntry)]
pub(super) struct StatusEntry {
    /// Index in the list.
    #[schema(maximum = 1_048_575, example = 5)]
    idx: u32,
    /// URL of the list.
    #[schema(
        format = "uri",
        example = "https://gate.example.org/status/0198c0de-0000-7000-8000-000000000001"
    )]
    uri: String,
}

impl StatusEntry {
    pub(super) fn new(issuer: &str, status: StatusRef) -> Self {
        Self { idx: status.index, uri: status_uri(issuer, status.list) }
    }
}

/// A service token in a list. It has no uses and no bindings.
#[derive(Serialize, ToSchema)]
#[schema(as = ServiceToken)]
pub(super) struct ServiceTokenItem {
    #[serde(flatten)]
    facts: MintFacts,
    /// URI of the service.
    #[schema(required, example = "https://jobs.example.org")]
    audience: Option<String>,
    roles: Vec<Role>,
    #[schema(required)]
    expires_at: Option<Timestamp>,
    /// Status list entry, as in the token's claim.
    status_list: StatusEntry,
}

impl ServiceTokenItem {
    pub(super) fn new(record: TokenRecord, labels: &ActorLabels, now: Timestamp) -> Self {
        let facts = MintFacts::of(&record, labels, now);
        let audience = record.mint.audience().map(str::to_owned);
        let MintRecord { token, terms, .. } = record.mint;
        let status_list = StatusEntry::new(&token.issuer, token.status);
        Self { facts, audience, roles: terms.roles, expires_at: terms.expires_at, status_list }
    }
}

/// The choice to revoke the hosts or tokens of a subject with it. Without it they stay.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Revoke {
    /// Revokes them too.
    Revoke,
}

/// The outcome of a revocation.
#[derive(Serialize, ToSchema)]
pub(super) struct Revoked {
    #[schema(pattern = "^(revoked|used|exhausted)$", example = "revoked")]
    pub(super) state: &'static str,
    /// `false` if it was revoked before, or is a token without remaining uses.
    #[schema(example = true)]
    pub(super) changed: bool,
}

/// The answer to a revocation of an enrollment token or a service token.
#[derive(Serialize, ToSchema)]
pub(super) struct RevokedToken {
    pub(super) id: TokenId,
    #[serde(flatten)]
    pub(super) revoked: Revoked,
    /// Number of hosts revoked with an enrollment token, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 3)]
    pub(super) hosts_revoked: Option<u64>,
}

/// A host in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = Host)]
pub(super) struct HostItem {
    state: HostState,
    #[serde(flatten)]
    host: HostRecord,
    /// The Elasticsearch outputs of its policy, with the state of the host's key. Only an answer with one host has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<HostOutputState>,
}

impl HostItem {
    pub(super) fn new(host: HostRecord, now: Timestamp) -> Self {
        Self { state: host.state(now), host, outputs: Vec::new() }
    }

    /// The same host with the states of its outputs.
    pub(super) fn with_outputs(self, outputs: Vec<HostOutputState>) -> Self {
        Self { outputs, ..self }
    }
}

/// The answer to an enrollment or renewal by `authority`.
pub(super) fn enrolled(authority: &Authority, enrolled: Enrolled) -> EnrollAnswer {
    let Enrolled { host, certificate, chain, root, roles, name, name_withdrawn, record } = enrolled;
    EnrollAnswer {
        host: summary(authority, host, Certified { roles, name }, record),
        certificate: der_to_pem("CERTIFICATE", &certificate),
        chain,
        ca_certificate: root,
        name_withdrawn,
    }
}

/// The facts in every answer to a host.
pub(super) fn summary(
    authority: &Authority,
    host_id: HostId,
    certified: Certified,
    record: CertificateRecord,
) -> HostSummary {
    let life = CertificateLife { expires_at: record.not_after, renew_after: record.renew_after() };
    let server_url = Some(authority.trust.issuers().current().to_owned());
    HostSummary { host_id, certified, life, server_url }
}

/// A key in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub(super) struct KeyItem {
    /// RFC 7638 thumbprint of a signing key; `fleet-` or `seal-` and a number for another key.
    #[schema(example = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ")]
    id: String,
    /// Use of the key.
    #[serde(rename = "use")]
    #[schema(example = "enrollment")]
    usage: &'static str,
    /// Its stage: published, signing, verifying, retired.
    state: KeyState,
    /// True if the key verifies persistent tokens only: it is of an earlier ephemeral epoch.
    #[schema(example = false)]
    persistent_only: bool,
    created_at: Timestamp,
    /// Number of live persistent tokens of the key.
    #[schema(example = 2)]
    live_persistent_tokens: u64,
}

impl KeyItem {
    pub(super) fn new((key, live_persistent_tokens): (KeyRecord, u64)) -> Self {
        let KeyRecord { id, public: _, usage, state, persistent_only, created_at } = key;
        let (id, usage) = (id.to_string(), usage.name());
        Self { id, usage, state, persistent_only, created_at, live_persistent_tokens }
    }

    /// The keys of Elastic Fleet's API, oldest first. The newest one is in use.
    pub(super) fn of_fleet(keys: Vec<(FleetKeyRecord, u64)>) -> impl Iterator<Item = Self> {
        let newest = keys.last().map(|(key, _)| key.id);
        keys.into_iter().map(move |(key, live_persistent_tokens)| Self {
            id: key.id.to_string(),
            usage: FLEET,
            state: if Some(key.id) == newest { KeyState::Current } else { KeyState::Previous },
            persistent_only: false,
            created_at: key.created_at,
            live_persistent_tokens,
        })
    }

    /// The key that seals the secrets of outputs.
    pub(super) fn of_seal(key: SealKeyRecord) -> Self {
        Self {
            id: key.id.to_string(),
            usage: SEAL,
            state: KeyState::Current,
            persistent_only: false,
            created_at: key.created_at,
            live_persistent_tokens: 0,
        }
    }
}

/// The answer to the retirement of a signing key or an external URL, besides its id.
#[derive(Serialize, ToSchema)]
pub(super) struct RetirementFacts {
    #[schema(pattern = "^retired$", example = "retired")]
    state: &'static str,
    /// Number of revoked persistent tokens.
    #[schema(example = 3)]
    tokens_revoked: u64,
    emergency_token_reminted: bool,
}

impl From<Retired> for RetirementFacts {
    fn from(Retired { tokens, emergency }: Retired) -> Self {
        Self { state: "retired", tokens_revoked: tokens, emergency_token_reminted: emergency }
    }
}
