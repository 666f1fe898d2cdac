//! Founding, identity, passwords, settings, CRL numbers, the clock mark.

use super::world::*;
use crate::access::Actor;
use crate::ledger::Action;
use crate::name::DnsName;
use crate::store::*;
use crate::token::Status;

pub(in crate::store) async fn founding_happens_once(world: &mut World) {
    let keys = world.store().keys().await.unwrap();
    assert_eq!(keys.iter().filter(|key| key.state == KeyState::Current).count(), 1);
    let mut lists = world.store().lists().await.unwrap();
    lists.sort_unstable_by_key(|list| list.kind != ListKind::Ephemeral);
    let kinds: Vec<_> = lists.iter().map(|list| (list.id, list.kind, list.next)).collect();
    assert_eq!(
        kinds,
        [(world.ephemeral, ListKind::Ephemeral, 0), (world.persistent, ListKind::Persistent, 0)]
    );
    let again = world.founding(key(KeyState::Current, world.now));
    assert_eq!(world.store().found(again).await.unwrap(), Founded::Before);
    assert_eq!(world.store().keys().await.unwrap(), keys);
    world.expect_entries(&[]).await;
}

fn identity(world: &World, issuer: &str, names: &[&str]) -> RecordIdentity {
    RecordIdentity {
        identity: AuthorityIdentity {
            issuer: issuer.to_owned(),
            names: names.iter().map(|name| DnsName::parse(name).unwrap()).collect(),
            trust_domain: "other.example.org".to_owned(),
        },
        taken: Vec::new(),
        entry: world.draft(Action::AuthorityChanged),
    }
}

pub(in crate::store) async fn a_new_identity_is_recorded_once(world: &mut World) {
    let store = world.shared();
    store.record_identity(identity(world, "https://gate.example.org", &["gate.example.org"])).await.unwrap();
    world.expect_entries(&[]).await;
    store.record_identity(identity(world, "https://new.example.org", &["new.example.org"])).await.unwrap();
    world.expect_entries(&[Action::AuthorityChanged]).await;
    let issuers: Vec<_> =
        store.issuers().await.unwrap().into_iter().map(|issuer| (issuer.url, issuer.current)).collect();
    assert!(issuers.contains(&("https://gate.example.org".to_owned(), false)));
    assert!(issuers.contains(&("https://new.example.org".to_owned(), true)));
    for name in ["gate.example.org", "new.example.org"] {
        assert!(store.name_taken(DnsName::parse(name).unwrap(), world.now).await.unwrap());
    }
    assert!(!store.name_taken(DnsName::parse("node.example.org").unwrap(), world.now).await.unwrap());
}

pub(in crate::store) async fn the_trust_domain_changes_on_request_only(world: &mut World) {
    let store = world.shared();
    assert_eq!(store.trust_domain().await.unwrap().as_deref(), Some("example.org"));
    store.record_identity(identity(world, ISSUER, &[])).await.unwrap();
    assert_eq!(store.trust_domain().await.unwrap().as_deref(), Some("example.org"));
    let entry = world.draft(Action::TrustDomainChanged);
    let command = SetTrustDomain { name: "new.example.org".to_owned(), entry };
    store.set_trust_domain(command).await.unwrap();
    assert_eq!(store.trust_domain().await.unwrap().as_deref(), Some("new.example.org"));
    let entries = world.new_entries().await;
    let body = String::from_utf8_lossy(&entries[0].bytes).into_owned();
    assert!(
        body.contains("\"trust_domain\":\"new.example.org\"")
            && body.contains("\"trust_domain_before\":\"example.org\"")
    );
}

pub(in crate::store) async fn a_backup_leaves_its_time(world: &mut World) {
    let store = world.shared();
    let before = store.backup_times().await.unwrap();
    assert!(before.founded_at.is_some() && before.backed_up_at.is_none(), "{before:?}");
    let entry = world.draft(Action::BackupMade);
    store.record_backup(RecordBackup { entry }).await.unwrap();
    world.expect_entries(&[Action::BackupMade]).await;
    let after = BackupTimes { backed_up_at: Some(world.now), ..before };
    assert_eq!(store.backup_times().await.unwrap(), after);
}

fn retirement(world: &World, issuer: &str, even_needed: bool, emergency: Option<RecordMint>) -> RetireIssuer {
    let entry = world.draft(Action::IssuerRetired);
    RetireIssuer { issuer: issuer.to_owned(), even_needed, emergency, entry }
}

pub(in crate::store) async fn a_retired_issuer_takes_its_tokens_if_confirmed(world: &mut World) {
    let store = world.shared();
    let emergency = world.persistent(None);
    let emergency =
        world.mint(MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::Emergency), ..emergency }).await;
    let ended = world.mint_persistent(None).await;
    let gone = world.mint_persistent(None).await;
    world.revoke(&gone).await;
    let new = "https://new.example.org".to_owned();
    store.record_identity(identity(world, &new, &[])).await.unwrap();
    let mut survivor = world.persistent(None);
    survivor.token.issuer.clone_from(&new);
    let survivor = world.mint(survivor).await;
    world.new_entries().await;
    let needed = store.retire_issuer(retirement(world, ISSUER, false, None)).await.unwrap();
    assert_eq!(needed, Retirement::Needed { tokens: 2 });
    assert_eq!(store.revocations().status(ended.token.status), Status::Valid);
    world.expect_entries(&[]).await;
    let mut record =
        MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::Emergency), ..world.persistent(None) };
    record.token.issuer = new;
    let successor =
        RecordMint { record: record.clone(), by: Actor::System, entry: world.draft(Action::TokenCreated) };
    let retired = store.retire_issuer(retirement(world, ISSUER, true, Some(successor))).await.unwrap();
    assert_eq!(retired, Retirement::Retired(Retired { tokens: 2, emergency: true }));
    world.expect_entries(&[Action::IssuerRetired, Action::TokenCreated]).await;
    for token in [&ended, &emergency] {
        assert_eq!(store.revocations().status(token.token.status), Status::Revoked);
        assert!(world.token(token).await.unwrap().revoked_at.is_some());
    }
    assert_eq!(store.revocations().status(survivor.token.status), Status::Valid);
    assert_eq!(store.emergency_token().await.unwrap().unwrap().mint, record);
}

pub(in crate::store) async fn only_former_issuers_retire(world: &mut World) {
    let store = world.shared();
    store.record_identity(identity(world, "https://new.example.org", &[])).await.unwrap();
    world.expect_entries(&[Action::AuthorityChanged]).await;
    let retire = |issuer: &str| retirement(world, issuer, false, None);
    let current = store.retire_issuer(retire("https://new.example.org")).await.unwrap();
    assert_eq!(current, Retirement::InUse);
    let unknown = store.retire_issuer(retire("https://other.example.org")).await.unwrap();
    assert_eq!(unknown, Retirement::Unknown);
    let former = store.retire_issuer(retire("https://gate.example.org")).await.unwrap();
    assert_eq!(former, Retirement::Retired(Retired { tokens: 0, emergency: false }));
    let again = store.retire_issuer(retire("https://gate.example.org")).await.unwrap();
    assert_eq!(again, Retirement::Unknown);
    assert_eq!(store.issuers().await.unwrap().len(), 1);
    world.expect_entries(&[Action::IssuerRetired]).await;
}

pub(in crate::store) async fn a_password_is_replaced(world: &mut World) {
    let store = world.shared();
    let hash = |hash: Option<crate::secret::Secret<String>>| hash.map(|hash| hash.expose().clone());
    assert_eq!(hash(store.password_hash("admin".to_owned()).await.unwrap()).as_deref(), Some("first"));
    store.set_password(world.password("admin", "second")).await.unwrap();
    assert_eq!(hash(store.password_hash("admin".to_owned()).await.unwrap()).as_deref(), Some("second"));
    assert!(store.password_hash("nobody".to_owned()).await.unwrap().is_none());
    world.expect_entries(&[Action::PasswordSet]).await;
}

pub(in crate::store) async fn changed_settings_are_kept_until_they_are_reset(world: &mut World) {
    let store = world.shared();
    assert_eq!(store.settings().await.unwrap(), []);
    let change = |world: &World, changes: &[(&'static str, Option<u64>)]| ChangeSettings {
        changes: changes.to_vec(),
        entry: world.draft(Action::SettingsChanged),
    };
    let named = |settings: Vec<SettingRecord>| {
        settings.into_iter().map(|setting| (setting.name, setting.value)).collect::<Vec<_>>()
    };
    store
        .change_settings(change(world, &[("retention", Some(60)), ("default_ttl", Some(30))]))
        .await
        .unwrap();
    let kept = store.settings().await.unwrap();
    assert!(kept.iter().all(|setting| setting.changed_at == world.now));
    assert_eq!(named(kept), [("default_ttl".to_owned(), 30), ("retention".to_owned(), 60)]);
    store.change_settings(change(world, &[("retention", None), ("default_ttl", Some(31))])).await.unwrap();
    assert_eq!(named(store.settings().await.unwrap()), [("default_ttl".to_owned(), 31)]);
    world.expect_entries(&[Action::SettingsChanged, Action::SettingsChanged]).await;
}

pub(in crate::store) async fn crl_numbers_only_grow(world: &mut World) {
    let take = |ski: u8| NextCrlNumber { ski: vec![ski; 20] };
    for expected in 1..4 {
        assert_eq!(world.store().next_crl_number(take(1)).await.unwrap(), expected);
    }
    assert_eq!(world.store().next_crl_number(take(2)).await.unwrap(), 1);
    world.restart();
    assert_eq!(world.store().next_crl_number(take(1)).await.unwrap(), 4);
}

pub(in crate::store) async fn the_clock_mark_only_moves_forward(world: &mut World) {
    let store = world.shared();
    let founded = world.now;
    assert_eq!(store.clock_mark().await.unwrap(), Some(founded));
    world.pass(HOUR);
    store.mark_clock(MarkClock { at: world.now }).await.unwrap();
    store.mark_clock(MarkClock { at: founded }).await.unwrap();
    assert_eq!(store.clock_mark().await.unwrap(), Some(world.now));
    world.pass(HOUR);
    world.mint_ephemeral(None).await;
    assert_eq!(store.clock_mark().await.unwrap(), Some(world.now));
    let accept = AcceptClock {
        keys: vec![key(KeyState::Current, founded), key(KeyState::Prepared, founded)],
        entry: crate::ledger::Draft::done(Action::ClockAccepted, founded, "user:admin"),
    };
    store.accept_clock(accept).await.unwrap();
    assert_eq!(store.clock_mark().await.unwrap(), Some(founded));
    assert_eq!(store.mark().get(), Some(founded), "and in memory");
}

pub(in crate::store) async fn an_entry_in_doubt_leaves_the_clock_mark(world: &mut World) {
    let trusted = world.now;
    world.now = trusted.plus(HOUR);
    world.mint_ephemeral(None).await;
    assert_eq!(world.store().clock_mark().await.unwrap(), Some(trusted));
    world.restart();
    assert_eq!(world.store().mark().get(), Some(trusted));
}

pub(in crate::store) async fn a_probe_changes_nothing(world: &mut World) {
    let mark = world.store().clock_mark().await.unwrap();
    world.store().probe().await.unwrap();
    assert_eq!(world.store().clock_mark().await.unwrap(), mark);
    world.expect_entries(&[]).await;
}
