//! Databases of earlier schema versions, with rows in them.

use super::*;
use crate::access::Limits;
use crate::access::limits::Allowed;
use crate::id::{HostId, ListId, Serial, SpkiHash, StatusRef, TokenId};
use crate::token::{Grant, KeyUse, Status, Terms, TokenRef, Verified};

/// A database of an earlier schema version, filled with `rows`.
fn earlier(version: usize, rows: &str) -> OnDisk {
    // The fifth schema renames the column.
    let only = if version < 5 { "only" } else { "single" };
    let disk = OnDisk::new();
    let mut connection = Connection::open(&disk.path).unwrap();
    migrate::migrate(&mut connection, &disk.path, &migrate::MIGRATIONS[..version]).unwrap();
    let meta = format!(
        "INSERT INTO meta ({only}, chain, head_seq, head_hash) VALUES (1, zeroblob(16), 0, zeroblob(32));"
    );
    connection.execute_batch(&[&meta, rows].concat()).unwrap();
    disk
}

/// An ephemeral token of the fourth schema: its id and its status index are made of `number`.
fn mint(number: u8, more: &str, values: &str) -> String {
    let id = format!("{number:02x}").repeat(16);
    format!(
        "INSERT INTO mints (token, kid, issuer, label, roles, persistent, emergency, minter, created_at, expires_at, dns_names, \
         list, idx{more}) VALUES (x'{id}', zeroblob(32), 'https://gate.example.org', 'rack', '[\"proxy\",\"director\"]', 0, 0, \
         'user:admin', 1, {}, '[]', zeroblob(16), {number}{values});",
        NOW.millis() + 3_600_000,
    )
}

const FOUNDED: &str = "INSERT INTO signing_keys (kid, public, state, persistent_only, created_at) \
     VALUES (zeroblob(32), zeroblob(32), 'current', 0, 1); \
     INSERT INTO status_lists (list, kind, next, ends_at) VALUES (zeroblob(16), 'ephemeral', 9, 0); \
     UPDATE meta SET clock_mark = 1900000000000;";

/// A redemption of token `number` with a key of its own.
async fn redeem(store: &dyn Store, number: u8) -> Redeemed {
    let (id, host_key) = (TokenId::from_bytes([number; 16]), SpkiHash::of(&[number]));
    let status = StatusRef { list: ListId::from_bytes([0; 16]), index: u32::from(number) };
    let grant = Grant {
        token: TokenRef { id, issuer: "https://gate.example.org".to_owned(), status },
        issued_at: NOW,
        not_before: NOW,
        root: None,
        terms: Terms { max_uses: Some(2), ..Terms::default() },
    };
    let grant = Verified::assumed(grant, crate::id::KeyId::from_bytes([0; 32]));
    let serial = Serial::generate();
    let not_after = NOW.plus(std::time::Duration::from_secs(60));
    let record = CertificateRecord { serial, host_key, issued_at: NOW, not_after, due_at: None };
    let certificate = StoredCertificate { host: HostId::generate(NOW), record, der: vec![1] };
    let host = HostFacts { name: None, cluster: None, roles: Vec::new(), policy: None };
    let entry = Draft::done(Action::HostEnrolled, NOW, "token");
    let reached_url = grant.token.issuer.clone();
    let admission = Admission {
        host,
        policy: None,
        certificate,
        reached_url,
        address: None,
        node_limit: NodeLimit::Exempt,
        rule: None,
        opaque_key: None,
        name_hold: std::time::Duration::ZERO,
        entry,
    };
    store.redeem(Redeem { grant, admission, replaces: None, gate: None, default_mode: None }).await.unwrap()
}

#[tokio::test]
async fn revoked_tokens_of_the_fourth_schema_get_an_end() {
    let revoked = format!(", {}", NOW.millis() - 1000);
    let rows = [
        FOUNDED,
        &mint(1, "", ""),
        &mint(2, ", revoked_at", &revoked),
        &mint(3, ", revoked_at", &revoked),
        "INSERT INTO uses (token, used, keep_until) VALUES (x'03030303030303030303030303030303', 1, 7), \
         (x'01010101010101010101010101010101', 1, 8);",
    ]
    .concat();
    let disk = earlier(4, &rows);
    let store = open(&disk);
    let ended = Redeemed::Refused(RedeemRefusal::TokenRevoked);
    assert_eq!(redeem(store.as_ref(), 1).await, Redeemed::First);
    assert_eq!(redeem(store.as_ref(), 2).await, ended);
    assert_eq!(redeem(store.as_ref(), 3).await, ended);
    let used = async |number| store.token(TokenId::from_bytes([number; 16])).await.unwrap().unwrap().used;
    assert_eq!((used(1).await, used(2).await, used(3).await), (2, 0, 1));
}

#[tokio::test]
async fn a_collected_token_gets_its_end_from_the_ledger() {
    let entry = |number: u8, days: i64| {
        let (id, at) = (format!("{number:02x}").repeat(16), NOW.millis() - days * 86_400_000);
        format!(
            "INSERT INTO ledger SELECT chain, {number}, {at}, 'user:admin', NULL, NULL, 'token_revoked', x'{id}', NULL, 'done', '', \
             x'00', zeroblob(32) FROM meta;"
        )
    };
    let rows = [FOUNDED, &entry(4, 1), &entry(5, 3)].concat();
    let disk = earlier(4, &rows);
    let store = open(&disk);
    assert_eq!(redeem(store.as_ref(), 4).await, Redeemed::Refused(RedeemRefusal::TokenRevoked));
    let kept: i64 = Connection::open(&disk.path)
        .unwrap()
        .query_row("SELECT count(*) FROM uses", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 1, "a token that was revoked three days ago has expired");
}

#[tokio::test]
async fn two_tokens_with_one_status_index_stop_the_migration() {
    let twice = mint(1, "", "").replace("x'0101", "x'0201");
    let disk = earlier(4, &[FOUNDED, &mint(1, "", ""), &twice].concat());
    let Err(error) = SqliteStore::open(&disk.path, NOW) else { panic!("migrated") };
    let text = error.to_string();
    assert!(text.contains("step 5") && text.contains("mints.list, mints.idx"), "{text}");
    assert_eq!(migrate::version(&Connection::open(&disk.path).unwrap()).unwrap(), 4);
}

#[tokio::test]
async fn roles_of_the_fourth_schema_are_found_by_filters() {
    let disk = earlier(4, &[FOUNDED, &mint(1, "", "")].concat());
    let store = open(&disk);
    let filter = TokenFilter {
        role: crate::name::Role::parse("director").ok(),
        ..TokenFilter::every(TokenType::Enrollment, EndedTokens::All, NOW)
    };
    assert_eq!(store.list_tokens(filter, PageQuery::new(None, 10)).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn old_hosts_reached_the_url_of_their_token() {
    let minted = "INSERT INTO mints (token, kid, issuer, label, roles, persistent, emergency, minter, created_at, expires_at, \
                  dns_names, list, idx) VALUES (x'01010101010101010101010101010101', zeroblob(32), 'https://a.test', '', '[]', \
                  0, 0, 'user:admin', 1, 9, '[]', zeroblob(16), 1);";
    let urls = "INSERT INTO issuers (url, since, current) VALUES ('https://b.test', 5, 0), ('https://c.test', 9, 1);";
    let host = |number: u8, token: u8, at: u8| {
        let (host, token) = (format!("{number:02x}").repeat(16), format!("{token:02x}").repeat(16));
        format!(
            "INSERT INTO hosts (host, roles, token, enrolled_at, newest, newest_seen, ends_at) \
             VALUES (x'{host}', '[]', x'{token}', {at}, zeroblob(16), 1, {});",
            NOW.millis() + 1000
        )
    };
    let rows = [minted, urls, &host(1, 1, 7), &host(2, 2, 7), &host(3, 2, 9), &host(4, 2, 1)].concat();
    let disk = earlier(6, &rows);
    let store = open(&disk);
    let some = |url: &str| Some(url.to_owned());
    let counted =
        [(None, 1), (some("https://a.test"), 1), (some("https://b.test"), 1), (some("https://c.test"), 1)];
    assert_eq!(store.reached_urls(NOW).await.unwrap(), counted);
}

#[tokio::test]
async fn first_uses_of_the_eighth_schema_give_no_overlap() {
    let host = |number: u8, seen: u8| {
        let id = format!("{number:02x}").repeat(16);
        let certificate = |serial: &str| {
            format!(
                "INSERT INTO certificates (host, serial, key, issued_at, not_after, der) \
                 VALUES (x'{id}', x'{serial}', zeroblob(32), 1, 9, x'01');"
            )
        };
        let (before, newest) = ("aa".repeat(16), "bb".repeat(16));
        format!(
            "INSERT INTO hosts (host, roles, token, enrolled_at, newest, newest_seen, previous, ends_at) \
             VALUES (x'{id}', '[]', zeroblob(16), 1, x'{newest}', {seen}, x'{before}', 9); {}{}",
            certificate(&before),
            certificate(&newest),
        )
    };
    let disk = earlier(8, &[host(1, 1), host(2, 0)].concat());
    let store = open(&disk);
    let (before, newest) = (Serial::from_bytes([0xaa; 16]), Serial::from_bytes([0xbb; 16]));
    for (number, superseded) in [(1, None), (2, Some(NOW))] {
        let host = HostId::from_bytes([number; 16]);
        store.mark_seen(MarkSeen { host, serial: newest, at: NOW }).await.unwrap();
        assert_eq!(store.superseded_at(host, before).await.unwrap(), superseded, "host {number}");
    }
}

#[tokio::test]
async fn old_hosts_get_their_contact_and_their_tokens_label() {
    let rows = "INSERT INTO hosts (host, roles, token, enrolled_at, newest, newest_seen, ends_at) \
                VALUES (x'05050505050505050505050505050505', '[]', x'01010101010101010101010101010101', 7, zeroblob(16), 1, 90), \
                (x'06060606060606060606060606060606', '[]', x'02020202020202020202020202020202', 8, zeroblob(16), 1, 90); \
                INSERT INTO certificates (host, serial, key, issued_at, not_after, der) \
                SELECT host, newest, zeroblob(32), enrolled_at + 10, 90, x'00' FROM hosts;";
    let disk = earlier(8, &[&mint(1, "", ""), rows].concat());
    let store = open(&disk);
    let host = async |number: u8| {
        let host = store.host(HostId::from_bytes([number; 16])).await.unwrap().unwrap();
        (host.contact, host.token_label.map(|label| label.to_string()))
    };
    let at = |millis| Contact { at: Timestamp::from_millis(millis), from: None };
    assert_eq!(host(5).await, (at(17), Some("rack".to_owned())));
    assert_eq!(host(6).await, (at(18), None), "its token was collected");
}

#[tokio::test]
async fn a_status_page_decides_nothing() {
    let disk = OnDisk::new();
    let path = disk.path.clone();
    let mut world = World::begin(Box::new(disk)).await;
    let token = world.mint_ephemeral(Some(2)).await;
    world.revoke(&token).await;
    Connection::open(path).unwrap().execute_batch("DELETE FROM status_pages").unwrap();
    world.restart();
    assert_eq!(world.store().revocations().status(token.token.status), Status::Valid);
    let refused = world.redeem(&token, SpkiHash::of(b"key")).await;
    assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenRevoked));
}

#[tokio::test]
async fn the_keys_of_the_first_schema_sign_enrollment_tokens() {
    let rows = "INSERT INTO signing_keys (kid, public, state, persistent_only, created_at) \
                VALUES (zeroblob(32), zeroblob(32), 'current', 0, 1)";
    let disk = earlier(1, rows);
    let keys = open(&disk).keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.usage).collect::<Vec<_>>(), [KeyUse::Enrollment]);
}

#[tokio::test]
async fn the_last_use_comes_from_the_newest_pair() {
    let rows = "INSERT INTO uses (token, used) VALUES (zeroblob(16), 2);
                INSERT INTO pairs (token, key, host, redeemed_at) VALUES (zeroblob(16), zeroblob(32), x'01010101010101010101010101010101', 7),
                (zeroblob(16), x'0202020202020202020202020202020202020202020202020202020202020202', x'03030303030303030303030303030303', 5)";
    let disk = earlier(3, rows);
    drop(open(&disk));
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let found: (i64, i64, [u8; 16]) = Connection::open(&disk.path)
        .unwrap()
        .query_row("SELECT used, last_at, last_host FROM uses", [], read)
        .unwrap();
    assert_eq!(found, (2, 7, [1; 16]));
}

#[tokio::test]
async fn counting_starts_with_the_upgrade() {
    let entry = format!(
        "INSERT INTO ledger SELECT chain, 1, {}, 'token:x', NULL, NULL, 'token_refused', NULL, NULL, 'refused', 'token_expired', \
         x'00', zeroblob(32) FROM meta;",
        NOW.millis(),
    );
    let disk = earlier(21, &entry);
    let store = open(&disk);
    let hour = std::time::Duration::from_secs(3600);
    assert_eq!(store.counters(NOW.start_of(hour), hour).await.unwrap(), []);
}

#[tokio::test]
async fn keys_of_the_sixth_schema_have_any_audience() {
    let rows = "INSERT INTO api_keys (id, digest, label, creator, scopes, limits, created_at) VALUES \
                (zeroblob(16), zeroblob(32), 'ci', 'local', '[\"tokens:read\"]', '\"any\"', 1)";
    let disk = earlier(6, rows);
    let key = open(&disk).api_key(ApiKeyId::from_bytes([0; 16])).await.unwrap().unwrap().key;
    assert_eq!((key.terms.label.as_str(), key.terms.audience), ("ci", None));
}

/// FLEETS: "a migration gives old rows theirs by the same rule".
#[tokio::test]
async fn tokens_of_the_eleventh_schema_get_their_kind() {
    let service = mint(8, ", audience", ", 'urn:jobs'");
    let changed = |number: u8, change: &str| {
        let id = format!("{number:02x}").repeat(16);
        [mint(number, "", ""), format!("UPDATE mints SET {change} WHERE token = x'{id}';")].concat()
    };
    let cases = [
        ("max_uses = 1", TokenKind::OneTime),
        ("max_uses = 2", TokenKind::Custom),
        ("persistent = 1, cluster = 'c'", TokenKind::Cluster),
        ("persistent = 1, policy = zeroblob(16)", TokenKind::Policy),
        ("persistent = 1, minter = 'system', emergency = 1", TokenKind::Emergency),
        ("persistent = 1, minter = 'system'", TokenKind::Roles),
        ("persistent = 1", TokenKind::Custom),
    ];
    let rows: String = (1..).zip(&cases).map(|(number, (change, _))| changed(number, change)).collect();
    let disk = earlier(11, &[&rows, service.as_str()].concat());
    let store = open(&disk);
    let mint = async |number| store.token(TokenId::from_bytes([number; 16])).await.unwrap().unwrap().mint;
    for (number, (change, kind)) in (1..).zip(cases) {
        let mint = mint(number).await;
        assert_eq!(mint.kind(), Some(kind), "{change}");
        let is_found =
            matches!(kind, TokenKind::Emergency | TokenKind::Roles) || kind == TokenKind::of(&mint.terms);
        assert!(is_found, "a mint today makes another kind: {change}");
    }
    assert_eq!(mint(8).await.audience(), Some("urn:jobs"));
}

#[tokio::test]
async fn unlimited_users_of_the_seventeenth_schema_stay_unlimited() {
    let any = r#"{"roles":"any","dns_names":"any","max_ttl":"any","max_uses":"any","persistent":true,"clusters":"any"}"#;
    let users = [("admin", any), ("word", r#""any""#), ("some", &any.replace("true", "false"))];
    let user = |(name, limits): (&str, &str)| {
        format!(
            "INSERT INTO users (name, password_hash, role, limits, epoch, version, created_at, changed_at) \
             VALUES ('{name}', 'x', 'admin', '{limits}', 0, 1, 1, 1);"
        )
    };
    let key = format!(
        "INSERT INTO api_keys (id, digest, label, creator, scopes, limits, created_at) \
         VALUES (zeroblob(16), zeroblob(32), 'ci', 'local', '[\"tokens:read\"]', '{any}', 1)"
    );
    let disk = earlier(17, &[users.map(user).concat(), key].concat());
    let store = open(&disk);
    let limits = async |name: &str| store.user(name.to_owned()).await.unwrap().unwrap().limits;
    assert_eq!((limits("admin").await, limits("word").await), (Limits::ANY, Limits::ANY));
    let none = Allowed::Only(std::collections::BTreeSet::new());
    assert_eq!(limits("some").await, Limits { persistent: false, policies: none, ..Limits::ANY });
    let key = store.api_key(ApiKeyId::from_bytes([0; 16])).await.unwrap().unwrap().key;
    assert_eq!(key.terms.limits, Limits::ANY);
}
