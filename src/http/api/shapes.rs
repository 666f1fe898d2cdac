//! The shapes of the native API's answers.

use std::net::IpAddr;

use serde::Serialize;
use utoipa::ToSchema;

use crate::ca::der_to_pem;
use crate::clock::Timestamp;
use crate::id::{HostId, KeyId, Serial, StatusRef, Thumbprint, TokenId};
use crate::name::{Cluster, DnsName, DnsPattern, Label, Role};
use crate::service::{Enrolled, renew_after};
use crate::store::{CertificateRecord, HostRecord, HostState, KeyRecord, KeyState, TokenRecord, TokenState};
use crate::token::status_uri;
use crate::wire::{CertificateLife, Certified, EnrollAnswer};

/// A token in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenItem {
    pub(super) id: TokenId,
    state: TokenState,
    label: Label,
    roles: Vec<Role>,
    /// True if the token is persistent.
    persistent: bool,
    /// True for the emergency token.
    emergency: bool,
    /// Minter, as an actor in the ledger.
    #[schema(example = "user:admin")]
    minter: String,
    created_at: Timestamp,
    /// Expiry; `null`: until revoked.
    #[schema(required)]
    expires_at: Option<Timestamp>,
    /// Maximum number of uses; `null`: unlimited.
    #[schema(required, minimum = 1, example = 1)]
    max_uses: Option<u32>,
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
    /// Allowed DNS names.
    dns_names: Vec<DnsPattern>,
    /// The only key that can redeem the token.
    #[schema(required)]
    key_thumbprint: Option<Thumbprint>,
    /// Cluster of the binding.
    #[schema(required)]
    cluster: Option<Cluster>,
    #[schema(required)]
    revoked_at: Option<Timestamp>,
    /// Id of the successor.
    #[schema(required)]
    replaced_by: Option<TokenId>,
    /// Time at which the token is revoked in favour of the successor.
    #[schema(required)]
    revokes_at: Option<Timestamp>,
    /// Id of the signing key.
    kid: KeyId,
}

impl TokenItem {
    pub(super) fn new(record: TokenRecord, now: Timestamp) -> Self {
        let state = record.state(now);
        let TokenRecord { mint, used, revoked_at, last_use, replaced_by, revoke_at } = record;
        Self {
            id: mint.token.id,
            state,
            label: mint.label,
            roles: mint.terms.roles,
            persistent: mint.terms.persistent,
            emergency: mint.emergency,
            minter: mint.minter,
            created_at: mint.created_at,
            expires_at: mint.terms.expires_at,
            max_uses: mint.terms.max_uses,
            used,
            uses_left: mint.terms.max_uses.map(|most| most.saturating_sub(used)),
            hosts: used,
            last_used_at: last_use.map(|last| last.at),
            last_used_by: last_use.map(|last| last.host),
            last_used_from: last_use.and_then(|last| last.from),
            dns_names: mint.terms.bindings.dns_names,
            key_thumbprint: mint.terms.host_key,
            cluster: mint.terms.bindings.cluster,
            revoked_at,
            replaced_by,
            revokes_at: revoke_at.filter(|_| revoked_at.is_none()),
            kid: mint.signing_key,
        }
    }
}

/// A token. Callers that may read hosts also get its newest hosts.
#[derive(Serialize, ToSchema)]
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
pub(super) struct ServiceTokenItem {
    pub(super) id: TokenId,
    state: TokenState,
    /// URI of the service.
    #[schema(required, example = "https://jobs.example.org")]
    audience: Option<String>,
    label: Label,
    roles: Vec<Role>,
    /// Minter, as an actor in the ledger.
    #[schema(example = "user:admin")]
    minter: String,
    created_at: Timestamp,
    #[schema(required)]
    expires_at: Option<Timestamp>,
    #[schema(required)]
    revoked_at: Option<Timestamp>,
    /// Id of the signing key.
    kid: KeyId,
    /// Status list entry, as in the token's claim.
    status_list: StatusEntry,
}

impl ServiceTokenItem {
    pub(super) fn new(record: TokenRecord, now: Timestamp) -> Self {
        let state = record.state(now);
        let TokenRecord { mint, revoked_at, .. } = record;
        Self {
            id: mint.token.id,
            state,
            status_list: StatusEntry::new(&mint.token.issuer, mint.token.status),
            audience: mint.audience,
            label: mint.label,
            roles: mint.terms.roles,
            minter: mint.minter,
            created_at: mint.created_at,
            expires_at: mint.terms.expires_at,
            revoked_at,
            kid: mint.signing_key,
        }
    }
}

/// The answer of a revocation.
#[derive(Serialize, ToSchema)]
pub(super) struct Revoked<Id> {
    pub(super) id: Id,
    #[schema(pattern = "^(revoked|used|exhausted)$", example = "revoked")]
    pub(super) state: &'static str,
    /// `false` if it was revoked before, or is a token without remaining uses.
    #[schema(example = true)]
    pub(super) changed: bool,
}

/// A host in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct HostItem {
    pub(super) id: HostId,
    state: HostState,
    #[schema(required)]
    name: Option<DnsName>,
    #[schema(required)]
    cluster: Option<Cluster>,
    /// Roles of the next certificate.
    roles: Vec<Role>,
    /// Token of the enrollment.
    token_id: TokenId,
    enrolled_at: Timestamp,
    #[schema(required)]
    revoked_at: Option<Timestamp>,
    /// The newest certificate.
    certificate: CertificateItem,
    /// True if the host has presented the newest certificate.
    #[schema(example = true)]
    certificate_seen: bool,
}

#[derive(Serialize, ToSchema)]
struct CertificateItem {
    serial: Serial,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl HostItem {
    pub(super) fn new(record: HostRecord, now: Timestamp) -> Self {
        let state = record.state(now);
        let newest = record.newest;
        Self {
            id: record.id,
            state,
            name: record.facts.name,
            cluster: record.facts.cluster,
            roles: record.facts.roles,
            token_id: record.token,
            enrolled_at: record.enrolled_at,
            revoked_at: record.revoked_at,
            certificate: CertificateItem {
                serial: newest.serial,
                issued_at: newest.issued_at,
                expires_at: newest.not_after,
            },
            certificate_seen: record.newest_seen,
        }
    }
}

/// The answer to an enrollment or renewal.
pub(super) fn enrolled(enrolled: Enrolled) -> EnrollAnswer {
    let Enrolled { host, certificate, chain, root, roles, name, record } = enrolled;
    EnrollAnswer {
        host_id: host,
        certificate: der_to_pem("CERTIFICATE", &certificate),
        chain,
        ca_certificate: root,
        certified: Certified { roles, name },
        life: life(record),
    }
}

/// Expiry and renewal of a certificate.
pub(super) fn life(record: CertificateRecord) -> CertificateLife {
    CertificateLife { expires_at: record.not_after, renew_after: renew_after(record) }
}

/// A signing key in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyItem {
    id: KeyId,
    /// Use of the key.
    #[schema(example = "enrollment")]
    #[serde(rename = "use")]
    usage: &'static str,
    state: KeyState,
    /// True if the key verifies persistent tokens only.
    #[schema(example = false)]
    persistent_only: bool,
    created_at: Timestamp,
    /// Number of live persistent tokens of the key.
    #[schema(example = 2)]
    live_persistent_tokens: u64,
}

impl KeyItem {
    pub(super) fn new((key, live_persistent_tokens): (KeyRecord, u64)) -> Self {
        let KeyRecord { id, usage, state, persistent_only, created_at, .. } = key;
        Self { id, usage: usage.name(), state, persistent_only, created_at, live_persistent_tokens }
    }
}
