//! An authority with a store, and short methods for acts on it.

use std::sync::Arc;
use std::time::Duration;

use crate::access::Actor;
use crate::clock::Timestamp;
use crate::id::{ApiKeyId, HostId, KeyId, ListId, PolicyId, Serial, SpkiHash, StatusRef, TokenId, random};
use crate::ledger::{Action, Basis, Draft, EntryRecord, Subjects, Verification};
use crate::name::{DnsName, Label, Role};
use crate::secret::Secret;
use crate::store::*;
use crate::token::{Grant, KeyUse, Terms, TokenRef, Verified};

/// A database that can be closed and opened again.
pub(in crate::store) trait Backend: Send + Sync {
    /// Opens it. An earlier handle has been dropped.
    fn open(&self, now: Timestamp) -> Arc<dyn Store>;

    /// Suspends tokens and API keys in the closed database, as a restore does.
    fn suspend(&self, tokens: &[TokenRef], keys: &[ApiKeyId], at: Timestamp);
}

pub(in crate::store) const DAY: Duration = Duration::from_secs(24 * 3600);
/// The external URL of a new world.
pub(in crate::store) const ISSUER: &str = "https://gate.example.org";
/// Revokes also the emergency token.
pub(in crate::store) const EVEN_EMERGENCY: HowToRevoke =
    HowToRevoke { even_emergency: true, only_persistent: false, hosts: false };
pub(in crate::store) const HOUR: Duration = Duration::from_secs(3600);

/// A founded authority at a moment that the test moves.
pub(in crate::store) struct World {
    backend: Box<dyn Backend>,
    store: Option<Arc<dyn Store>>,
    pub(in crate::store) now: Timestamp,
    pub(in crate::store) current: KeyId,
    pub(in crate::store) ephemeral: ListId,
    pub(in crate::store) persistent: ListId,
    /// The record that the callers' rights were read from.
    pub(in crate::store) basis: Option<Basis>,
    /// The limit of redemptions and renewals.
    pub(in crate::store) node_limit: NodeLimit,
    next: u32,
    seen: u64,
}

impl World {
    pub(in crate::store) async fn begin(backend: Box<dyn Backend>) -> Self {
        let now = Timestamp::from_secs(1_900_000_000);
        let store = backend.open(now);
        store.mark().raise(now);
        let (ephemeral, persistent) = (ListId::generate(now), ListId::generate(now));
        let current = key(KeyState::Current, now);
        let mut world = Self {
            backend,
            store: Some(store),
            now,
            current: current.id,
            ephemeral,
            persistent,
            basis: None,
            node_limit: NodeLimit::Configured(None),
            next: 0,
            seen: 0,
        };
        let founded = world.store().found(world.founding(current)).await.unwrap();
        assert_eq!(founded, Founded::Now);
        world.expect_entries(&[Action::AuthorityCreated, Action::PasswordSet]).await;
        world
    }

    pub(in crate::store) fn founding(&self, current: KeyRecord) -> Found {
        let list = |id, kind| ListRecord { id, kind, next: 0 };
        Found {
            keys: vec![current, key(KeyState::Prepared, self.now)],
            lists: vec![
                list(self.ephemeral, ListKind::Ephemeral),
                list(self.persistent, ListKind::Persistent),
            ],
            identity: AuthorityIdentity {
                issuer: ISSUER.to_owned(),
                names: vec![DnsName::parse("gate.example.org").unwrap()],
                trust_domain: "example.org".to_owned(),
            },
            admin: self.password("admin", "first"),
            entry: self.draft(Action::AuthorityCreated),
        }
    }

    pub(in crate::store) fn password(&self, user: &str, hash: &str) -> SetPassword {
        let hash = Secret::new(hash.to_owned());
        SetPassword { user: user.to_owned(), hash, entry: self.draft(Action::PasswordSet) }
    }

    pub(in crate::store) fn store(&self) -> &dyn Store {
        self.store.as_deref().unwrap()
    }

    pub(in crate::store) fn shared(&self) -> Arc<dyn Store> {
        Arc::clone(self.store.as_ref().unwrap())
    }

    pub(in crate::store) fn restart(&mut self) {
        self.store = None;
        self.store = Some(self.backend.open(self.now));
    }

    /// Suspends tokens and API keys, as a restore does.
    pub(in crate::store) fn suspend(&mut self, tokens: &[MintRecord], keys: &[ApiKeyId]) {
        self.store = None;
        let tokens: Vec<_> = tokens.iter().map(|record| record.token.clone()).collect();
        self.backend.suspend(&tokens, keys, self.now);
        self.restart();
    }

    /// Lets time pass by a trusted clock.
    pub(in crate::store) fn pass(&mut self, span: Duration) {
        self.now = self.now.plus(span);
        self.store().mark().raise(self.now);
    }

    pub(in crate::store) fn draft(&self, action: Action) -> Draft {
        Draft { basis: self.basis.clone(), ..Draft::done(action, self.now, "user:admin") }
    }

    /// A record of an ephemeral token for `max_uses` hosts, good for an hour.
    pub(in crate::store) fn ephemeral(&mut self, max_uses: Option<u32>) -> MintRecord {
        self.next += 1;
        let status = StatusRef { list: self.ephemeral, index: self.next };
        let expires_at = Some(self.now.plus(HOUR));
        MintRecord {
            token: TokenRef { id: TokenId::generate(self.now), issuer: ISSUER.to_owned(), status },
            terms: Terms { roles: roles(&["proxy"]), expires_at, max_uses, ..Terms::default() },
            signing_key: self.current,
            label: Label::parse("rack 7").unwrap(),
            minter: "user:admin".to_owned(),
            created_at: self.now,
            purpose: TokenPurpose::Enrollment(TokenKind::OneTime),
            expected_hosts: None,
            batch: None,
        }
    }

    /// A record of a service token, signed by `key`, good for an hour.
    pub(in crate::store) fn service(&mut self, key: KeyId) -> MintRecord {
        let purpose = TokenPurpose::Service("https://jobs.example.org".to_owned());
        MintRecord { signing_key: key, purpose, ..self.ephemeral(None) }
    }

    /// Adds the first keys for service tokens; the one that signs.
    pub(in crate::store) async fn add_service_keys(&mut self) -> KeyId {
        let of = |state| key_for(KeyUse::Service, state, self.now);
        let (current, prepared) = (of(KeyState::Current), of(KeyState::Prepared));
        let signs = current.id;
        let entry = self.draft(Action::KeyRotated);
        self.store().add_keys(AddKeys { keys: vec![current, prepared], entry }).await.unwrap();
        self.expect_entries(&[Action::KeyRotated]).await;
        signs
    }

    /// A record of a persistent token without expiry.
    pub(in crate::store) fn persistent(&mut self, max_uses: Option<u32>) -> MintRecord {
        let mut record = self.ephemeral(max_uses);
        record.token.status.list = self.persistent;
        record.terms = Terms { persistent: true, expires_at: None, ..record.terms };
        record
    }

    pub(in crate::store) async fn mint(&self, record: MintRecord) -> MintRecord {
        self.mint_by(record, Actor::System).await
    }

    pub(in crate::store) async fn mint_by(&self, record: MintRecord, by: Actor) -> MintRecord {
        let entry = self.draft(Action::TokenCreated).about(about_token(record.token.id));
        let minted =
            self.store().record_mint(RecordMint { record: record.clone(), by, entry }).await.unwrap();
        assert_eq!(minted, MintOutcome::Recorded);
        record
    }

    pub(in crate::store) async fn mint_ephemeral(&mut self, max_uses: Option<u32>) -> MintRecord {
        let record = self.ephemeral(max_uses);
        self.mint(record).await
    }

    pub(in crate::store) async fn mint_persistent(&mut self, max_uses: Option<u32>) -> MintRecord {
        let record = self.persistent(max_uses);
        self.mint(record).await
    }

    pub(in crate::store) fn certificate(&self, host: HostId, host_key: SpkiHash) -> StoredCertificate {
        let (serial, not_after) = (Serial::generate(), self.now.plus(DAY * 30));
        let record = CertificateRecord { serial, host_key, issued_at: self.now, not_after, due_at: None };
        StoredCertificate { host, record, der: serial.as_bytes().repeat(40) }
    }

    pub(in crate::store) fn redemption(&self, token: &MintRecord, key: SpkiHash) -> Redeem {
        let id = HostId::generate(self.now);
        let subjects = Subjects::host(id).with_token(token.token.id);
        let admission = Admission {
            host: HostFacts {
                name: None,
                cluster: None,
                roles: token.terms.roles.clone(),
                policy: token.terms.policy,
            },
            policy: first_revision(token.terms.policy),
            certificate: self.certificate(id, key),
            reached_url: ISSUER.to_owned(),
            address: None,
            node_limit: self.node_limit,
            rule: None,
            opaque_key: None,
            name_hold: DAY,
            entry: self.draft(Action::HostEnrolled).about(subjects),
        };
        Redeem { grant: verified(token), admission, replaces: None, gate: None, default_mode: None }
    }

    /// Redeems with a key and returns any outcome.
    pub(in crate::store) async fn redeem(&self, token: &MintRecord, key: SpkiHash) -> Redeemed {
        self.store().redeem(self.redemption(token, key)).await.unwrap()
    }

    /// Enrolls a new host.
    pub(in crate::store) async fn enroll(&self, token: &MintRecord, key: SpkiHash) -> HostRecord {
        let command = self.redemption(token, key);
        let id = command.admission.certificate.host;
        assert_eq!(self.store().redeem(command).await.unwrap(), Redeemed::First);
        self.host(id).await
    }

    pub(in crate::store) async fn host(&self, id: HostId) -> HostRecord {
        self.store().host(id).await.unwrap().unwrap()
    }

    pub(in crate::store) fn renewal(&self, host: &HostRecord, presented: Serial, key: SpkiHash) -> Renew {
        let subjects = Subjects::host(host.id);
        let next = NextCertificate {
            certificate: self.certificate(host.id, key),
            roles: host.facts.roles.clone(),
            name: host.facts.name.clone(),
            policy: first_revision(host.facts.policy),
            withdrawal: None,
            reached_url: None,
            node_limit: self.node_limit,
            entry: self.draft(Action::HostRenewed).about(subjects),
        };
        Renew { most: MOST_RENEWALS, presented, next }
    }

    pub(in crate::store) async fn renew(
        &self,
        host: &HostRecord,
        presented: Serial,
        key: SpkiHash,
    ) -> Renewed {
        self.store().renew(self.renewal(host, presented, key)).await.unwrap()
    }

    pub(in crate::store) async fn see(&self, host: HostId, serial: Serial) {
        self.store().mark_seen(MarkSeen { host, serial, at: self.now }).await.unwrap();
    }

    pub(in crate::store) fn revocation(&self, token: TokenId) -> RevokeToken {
        let entry = self.draft(Action::TokenRevoked).about(about_token(token));
        RevokeToken { token, token_type: TokenType::Enrollment, how: HowToRevoke::default(), entry }
    }

    pub(in crate::store) async fn revoke(&self, token: &MintRecord) -> TokenRevocation {
        self.store().revoke_token(self.revocation(token.token.id)).await.unwrap()
    }

    pub(in crate::store) async fn revoke_host(&self, host: HostId) -> HostRevocation {
        let entry = self.draft(Action::HostRevoked);
        self.store().revoke_host(RevokeHost { host, revision: None, entry }).await.unwrap()
    }

    pub(in crate::store) async fn set_roles(&self, host: HostId, names: &[&str], now: bool) -> RolesChange {
        let entry = self.draft(Action::HostRolesChanged);
        let facts = self.store().host(host).await.unwrap().map(|host| host.facts);
        let (before, policy) = facts.map(|facts| (facts.roles, facts.policy)).unwrap_or_default();
        let command = SetRoles { host, revision: None, before, policy, roles: roles(names), now, entry };
        self.store().set_roles(command).await.unwrap()
    }

    pub(in crate::store) fn collection(&self) -> Collect {
        Collect {
            now: self.now,
            retention: DAY * 7,
            host_retention: DAY * 90,
            session_idle: HOUR / 2,
            address_retention: DAY * 30,
            most: 1000,
            open: vec![self.ephemeral, self.persistent],
        }
    }

    pub(in crate::store) async fn collect(&self) -> Collected {
        self.store().collect(self.collection()).await.unwrap()
    }

    pub(in crate::store) async fn token(&self, token: &MintRecord) -> Option<TokenRecord> {
        self.store().token(token.token.id).await.unwrap()
    }

    /// Returns the entries since the last call.
    pub(in crate::store) async fn new_entries(&mut self) -> Vec<EntryRecord> {
        let chain = self.store().chain_head().await.unwrap().chain;
        let entries = self.store().entries_after(chain, self.seen, 10_000).await.unwrap();
        self.seen += entries.len() as u64;
        entries
    }

    /// Asserts the acts of the entries since the last call.
    pub(in crate::store) async fn expect_entries(&mut self, actions: &[Action]) {
        let entries = self.new_entries().await;
        let found: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
        let expected: Vec<&str> = actions.iter().map(|action| action.as_str()).collect();
        assert_eq!(found, expected);
    }

    /// Asserts that the count of slots agrees with the rows, now and later, before and after a restart.
    pub(in crate::store) async fn slots_are_exact(&mut self) {
        for _ in 0..2 {
            for passed in [Duration::ZERO, HOUR, DAY * 25, DAY * 100] {
                let at = self.now.plus(passed);
                let (all, page) = (HostFilter::every(None, at), PageQuery::new(None, 1000));
                let hosts = self.store().list_hosts(all, page).await.unwrap().items;
                let holds = |host: &&HostRecord| host.revoked_at.is_none() && host.newest.not_after > at;
                let held = hosts.iter().filter(holds).count() as u64;
                assert_eq!(self.store().enrolled(at).await.unwrap(), held, "after {passed:?}");
            }
            self.restart();
        }
    }

    pub(in crate::store) async fn ledger_is_whole(&self) {
        let store = self.store();
        let head = store.chain_head().await.unwrap();
        let mut verification = Verification::default();
        let (chain, seq) = verification.place();
        for entry in store.entries_after(chain, seq, u32::MAX).await.unwrap() {
            verification.check(&entry).unwrap();
        }
        verification.finish(head).unwrap();
    }
}

/// A policy as it was created.
pub(in crate::store) fn first_revision(policy: Option<PolicyId>) -> Option<JudgedPolicy> {
    policy.map(|policy| JudgedPolicy { policy, revision: 1 })
}

/// The same record, with this expiry.
pub(in crate::store) fn until(mut record: MintRecord, expires_at: Timestamp) -> MintRecord {
    record.terms.expires_at = Some(expires_at);
    record
}

/// The verified grant of a recorded token.
pub(in crate::store) fn verified(record: &MintRecord) -> Verified<Grant> {
    let MintRecord { token, terms, signing_key, created_at, .. } = record.clone();
    let grant = Grant { token, issued_at: created_at, not_before: created_at, root: None, terms };
    Verified::assumed(grant, signing_key)
}

pub(in crate::store) fn about_token(token: TokenId) -> Subjects {
    Subjects::token(token)
}

pub(in crate::store) fn roles(names: &[&str]) -> Vec<Role> {
    names.iter().map(|name| Role::parse(name).unwrap()).collect()
}

/// A new host key.
pub(in crate::store) fn new_key() -> SpkiHash {
    SpkiHash::from_bytes(random())
}

pub(in crate::store) fn key(state: KeyState, created_at: Timestamp) -> KeyRecord {
    key_for(KeyUse::Enrollment, state, created_at)
}

pub(in crate::store) fn key_for(usage: KeyUse, state: KeyState, created_at: Timestamp) -> KeyRecord {
    let public = random();
    KeyRecord { id: KeyId::of(&public), public, usage, state, persistent_only: false, created_at }
}
