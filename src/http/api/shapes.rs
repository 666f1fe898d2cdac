//! The shapes of the native API's answers.

use std::net::IpAddr;

use serde::Serialize;

use crate::ca::der_to_pem;
use crate::clock::Timestamp;
use crate::id::{HostId, KeyId, Serial, StatusRef, Thumbprint, TokenId};
use crate::name::{Cluster, DnsName, DnsPattern, Label, Role};
use crate::service::Enrolled;
use crate::store::{HostRecord, HostState, KeyRecord, KeyState, TokenRecord, TokenState};
use crate::token::status_uri;

/// A token in a list.
#[derive(Serialize)]
pub(super) struct TokenItem {
    pub(super) id: TokenId,
    state: TokenState,
    label: Label,
    roles: Vec<Role>,
    persistent: bool,
    emergency: bool,
    minter: String,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    max_uses: Option<u32>,
    used: u32,
    uses_left: Option<u32>,
    /// How many hosts it admitted.
    hosts: u32,
    last_used_at: Option<Timestamp>,
    last_used_by: Option<HostId>,
    last_used_from: Option<IpAddr>,
    dns_names: Vec<DnsPattern>,
    key_thumbprint: Option<Thumbprint>,
    cluster: Option<Cluster>,
    revoked_at: Option<Timestamp>,
    replaced_by: Option<TokenId>,
    revokes_at: Option<Timestamp>,
    kid: KeyId,
}

impl TokenItem {
    pub(super) fn new(record: TokenRecord, now: Timestamp) -> Self {
        let state = record.state(now);
        let TokenRecord { mint, used, revoked_at, spent_at: _, last_use, replaced_by, revoke_at } = record;
        Self {
            id: mint.token,
            state,
            label: mint.label,
            roles: mint.roles,
            persistent: mint.persistent,
            emergency: mint.emergency,
            minter: mint.minter,
            created_at: mint.created_at,
            expires_at: mint.expires_at,
            max_uses: mint.max_uses,
            used,
            uses_left: mint.max_uses.map(|most| most.saturating_sub(used)),
            hosts: used,
            last_used_at: last_use.map(|last| last.at),
            last_used_by: last_use.map(|last| last.host),
            last_used_from: last_use.and_then(|last| last.from),
            dns_names: mint.dns_names,
            key_thumbprint: mint.bound_key,
            cluster: mint.cluster,
            revoked_at,
            replaced_by,
            revokes_at: revoke_at.filter(|_| revoked_at.is_none()),
            kid: mint.key,
        }
    }
}

/// One token, with the newest of the hosts that it admitted for who may see hosts.
#[derive(Serialize)]
pub(super) struct TokenShown {
    #[serde(flatten)]
    pub(super) token: TokenItem,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) newest_hosts: Option<Vec<HostItem>>,
}

/// Where a token stands in the published status lists, as its own claim says it.
#[derive(Serialize)]
pub(super) struct StatusEntry {
    idx: u32,
    uri: String,
}

impl StatusEntry {
    pub(super) fn new(issuer: &str, status: StatusRef) -> Self {
        Self { idx: status.index, uri: status_uri(issuer, status.list) }
    }
}

/// A service token in a list: it has neither uses nor bindings.
#[derive(Serialize)]
pub(super) struct ServiceTokenItem {
    pub(super) id: TokenId,
    state: TokenState,
    audience: Option<String>,
    label: Label,
    roles: Vec<Role>,
    minter: String,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    kid: KeyId,
    status_list: StatusEntry,
}

impl ServiceTokenItem {
    pub(super) fn new(record: TokenRecord, now: Timestamp) -> Self {
        let state = record.state(now);
        let TokenRecord { mint, revoked_at, .. } = record;
        Self {
            id: mint.token,
            state,
            status_list: StatusEntry::new(&mint.issuer, mint.status),
            audience: mint.audience,
            label: mint.label,
            roles: mint.roles,
            minter: mint.minter,
            created_at: mint.created_at,
            expires_at: mint.expires_at,
            revoked_at,
            kid: mint.key,
        }
    }
}

/// What was taken back.
#[derive(Serialize)]
pub(super) struct Revoked<Id> {
    pub(super) id: Id,
    pub(super) state: &'static str,
    pub(super) changed: bool,
}

/// A host in a list.
#[derive(Serialize)]
pub(super) struct HostItem {
    pub(super) id: HostId,
    state: HostState,
    name: Option<DnsName>,
    cluster: Option<Cluster>,
    roles: Vec<Role>,
    token_id: TokenId,
    enrolled_at: Timestamp,
    revoked_at: Option<Timestamp>,
    certificate: CertificateItem,
    certificate_seen: bool,
}

#[derive(Serialize)]
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
            name: record.name,
            cluster: record.cluster,
            roles: record.roles,
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

/// What a host leaves with: nothing of it is secret.
#[derive(Serialize)]
pub(super) struct Identity {
    host_id: HostId,
    certificate: String,
    chain: String,
    ca_certificate: String,
    roles: Vec<Role>,
    name: Option<DnsName>,
    expires_at: Timestamp,
    renew_after: Timestamp,
}

impl From<Enrolled> for Identity {
    fn from(enrolled: Enrolled) -> Self {
        let Enrolled { host, certificate, chain, root, roles, name, expires_at, renew_after } = enrolled;
        let certificate = der_to_pem("CERTIFICATE", &certificate);
        Self { host_id: host, certificate, chain, ca_certificate: root, roles, name, expires_at, renew_after }
    }
}

/// A signing key in a list.
#[derive(Serialize)]
pub(super) struct KeyItem {
    id: KeyId,
    #[serde(rename = "use")]
    usage: &'static str,
    state: KeyState,
    persistent_only: bool,
    created_at: Timestamp,
    live_persistent_tokens: u64,
}

impl KeyItem {
    pub(super) fn new((key, live_persistent_tokens): (KeyRecord, u64)) -> Self {
        let KeyRecord { id, usage, state, persistent_only, created_at, .. } = key;
        Self { id, usage: usage.name(), state, persistent_only, created_at, live_persistent_tokens }
    }
}
