//! Decisions of enrolling before the request.

use std::time::Duration;

use super::*;
use crate::client::directory::tests::{answer, host_file};
use crate::client::servers::Servers;
use crate::id::{ListId, StatusRef, TokenId};
use crate::token::{Grant, KeyRing, Terms, TokenRef, mint};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const ROOT: Fingerprint = Fingerprint::from_bytes([7; 32]);

fn token(issuer: &str, root: Option<Fingerprint>) -> Secret<String> {
    let grant = Grant {
        token: TokenRef {
            id: TokenId::generate(NOW),
            issuer: issuer.to_owned(),
            status: StatusRef { list: ListId::generate(NOW), index: 0 },
        },
        issued_at: NOW,
        not_before: NOW,
        root,
        terms: Terms {
            expires_at: Some(NOW.plus(Duration::from_secs(900))),
            max_uses: Some(1),
            ..Terms::default()
        },
    };
    Secret::new(mint(&grant, &KeyRing::generate(), NOW).unwrap().text().expose().clone())
}

fn ask(cert_dir: PathBuf) -> Enroll {
    Enroll { cert_dir, ..Enroll::default() }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A server that expects no connection.
fn listener() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[test]
fn an_unwritable_directory_fails_before_the_request() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (listener, url) = listener();
    let failed = runtime().block_on(enroll(&ask(file.join("certs")), &token(&url, Some(ROOT)), NOW));
    assert!(matches!(failed, Err(ClientError::File { .. })), "{failed:?}");
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn flags_that_contradict_the_token_stop_everything() {
    let dir = tempfile::tempdir().unwrap();
    let token = token("https://gate.example.org", Some(ROOT));
    let mut other_root = ask(dir.path().join("certs"));
    other_root.fingerprint = Some(Fingerprint::from_bytes([8; 32]));
    assert!(matches!(plan(&other_root, &token), Err(ClientError::OtherRoot { .. })));
    let mut same = ask(dir.path().join("certs"));
    same.server = Some(String::from("https://GATE.example.org:443/"));
    assert_eq!(plan(&same, &token).unwrap().trust, TrustAnchor::Pinned(ROOT));
    let unpinned = self::token("https://gate.example.org", None);
    let mut elsewhere = ask(dir.path().join("certs"));
    elsewhere.server = Some(String::from("https://evil.example.org"));
    let refused = plan(&elsewhere, &unpinned).err().unwrap();
    assert!(matches!(refused, ClientError::UnpinnedServer { .. }), "{refused}");
    assert!(refused.to_string().contains("--ca-fingerprint"), "{refused}");
    assert!(!dir.path().join("certs").exists());
}

#[test]
fn a_pinned_root_allows_another_server() {
    let dir = tempfile::tempdir().unwrap();
    let own = String::from("https://balancer.example.org:8443");
    let mut elsewhere = ask(dir.path().join("certs"));
    elsewhere.server = Some(format!("{own}/"));
    let by_token = plan(&elsewhere, &token("https://gate.example.org", Some(ROOT))).unwrap();
    elsewhere.fingerprint = Some(ROOT);
    let by_flag = plan(&elsewhere, &token("https://gate.example.org", None)).unwrap();
    let issuer = Servers::new(String::from("https://gate.example.org"));
    for plan in [by_token, by_flag] {
        assert_eq!(plan.trust, TrustAnchor::Pinned(ROOT));
        assert_eq!(plan.servers, issuer.with_own(Some(&own)));
    }
}

#[test]
fn a_token_without_root_uses_external_certificates() {
    let token = token("https://gate.example.org", None);
    assert_eq!(plan(&Enroll::default(), &token).unwrap().trust, TrustAnchor::Outside(None));
}

#[test]
fn an_invalid_token_is_refused_without_being_repeated() {
    let token = Secret::new(String::from("hunter2-hunter2"));
    let error = plan(&Enroll::default(), &token).err().unwrap().to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

fn enrolled(dir: &CertDir, plan: &Plan) {
    let Prepared::Begun(attempt) = prepare(dir, plan, (false, false), NOW).unwrap() else {
        panic!("nothing was there")
    };
    let answered = answer(attempt.key());
    let host = HostFile { token_id: plan.token_id, ..host_file(NOW, NOW.plus(Duration::from_secs(3000))) };
    attempt.complete(&answered, &host).unwrap();
}

fn plan_of(id: u8) -> Plan {
    let servers = Servers::new(String::from("https://gate.example.org"));
    Plan {
        token_id: TokenId::with(NOW, &[id; 10]),
        names: Vec::new(),
        bound_to: None,
        host_key: None,
        expires_at: None,
        servers,
        trust: TrustAnchor::Outside(None),
    }
}

#[test]
fn enrolling_again_with_the_same_token_sends_no_request() {
    let temp = tempfile::tempdir().unwrap();
    let dir = CertDir::open(temp.path()).unwrap();
    enrolled(&dir, &plan_of(1));
    assert!(matches!(prepare(&dir, &plan_of(1), (false, false), NOW), Ok(Prepared::Already(_))));
    assert!(matches!(prepare(&dir, &plan_of(1), (true, false), NOW), Ok(Prepared::Already(_))));
}

#[test]
fn an_identity_that_does_not_fit_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let dir = CertDir::open(temp.path()).unwrap();
    enrolled(&dir, &plan_of(1));
    let other = HostKey::generate().unwrap();
    std::fs::write(temp.path().join("host.key"), other.to_pem().expose()).unwrap();
    let refused = prepare(&dir, &plan_of(1), (false, false), NOW).map(drop).unwrap_err().to_string();
    assert!(refused.contains("host.key: it is not the key of host.pem"), "{refused}");
    assert!(matches!(prepare(&dir, &plan_of(1), (true, false), NOW), Ok(Prepared::Begun(_))));
}

#[test]
fn a_live_identity_is_replaced_only_on_request() {
    let temp = tempfile::tempdir().unwrap();
    let dir = CertDir::open(temp.path()).unwrap();
    enrolled(&dir, &plan_of(1));
    assert!(matches!(prepare(&dir, &plan_of(2), (false, false), NOW), Err(ClientError::LiveIdentity { .. })));
    assert!(matches!(prepare(&dir, &plan_of(2), (true, false), NOW), Ok(Prepared::Begun(_))));
    let ended = NOW.plus(Duration::from_secs(4000));
    assert!(matches!(prepare(&dir, &plan_of(2), (false, false), ended), Ok(Prepared::Begun(_))));
}

#[test]
fn a_token_for_another_key_keeps_the_prepared_one() {
    let temp = tempfile::tempdir().unwrap();
    let dir = CertDir::open(temp.path()).unwrap();
    let (made, other) = (dir.prepare_key().unwrap(), HostKey::generate().unwrap().thumbprint().unwrap());
    let bound = |id, host_key| Plan { host_key: Some(host_key), ..plan_of(id) };
    let refused = prepare(&dir, &bound(1, other), (false, false), NOW).map(drop).unwrap_err().to_string();
    assert!(refused.contains("--print-key-thumbprint") && refused.contains("nothing was sent"), "{refused}");
    let Ok(Prepared::Begun(attempt)) = prepare(&dir, &bound(2, made), (false, false), NOW) else {
        panic!("its key waits")
    };
    assert_eq!(attempt.key().thumbprint().unwrap(), made);
}

#[test]
fn an_expired_identity_redeems_again_with_its_key() {
    let temp = tempfile::tempdir().unwrap();
    let dir = CertDir::open(temp.path()).unwrap();
    enrolled(&dir, &plan_of(1));
    let before = load_key(temp.path()).unwrap().unwrap();
    let Ok(Prepared::Begun(attempt)) =
        prepare(&dir, &plan_of(1), (false, false), NOW.plus(Duration::from_secs(4000)))
    else {
        panic!("an ended identity is enrolled again")
    };
    assert_eq!(attempt.key().to_pem().expose(), before.to_pem().expose());
}

#[test]
fn another_token_gets_the_kept_key() {
    let temp = tempfile::tempdir().unwrap();
    let dir = CertDir::open(temp.path()).unwrap();
    enrolled(&dir, &plan_of(1));
    let (before, ended) = (load_key(temp.path()).unwrap().unwrap(), NOW.plus(Duration::from_secs(4000)));
    let key = |plan: &Plan| match prepare(&dir, plan, (false, true), ended) {
        Ok(Prepared::Begun(attempt)) => attempt.key().to_pem().expose().clone(),
        _ => panic!("an ended identity is enrolled again"),
    };
    assert_eq!(&key(&plan_of(2)), before.to_pem().expose());
    let re_enrolls = Plan { bound_to: Some(HostId::generate(NOW)), ..plan_of(3) };
    assert_ne!(&key(&re_enrolls), before.to_pem().expose(), "it needs a new key");
}
