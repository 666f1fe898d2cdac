//! Replacing a host: the old certificate is presented with a new token, and one act hands the name over.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use gatepass::client::daemon::{Daemon, DaemonEvent};
use gatepass::client::directory::{CertDir, Purpose, load_enrolled, load_identity};
use gatepass::client::enroll::{Enroll, EnrollResult, enroll};
use gatepass::client::first_use::Fresh;
use gatepass::client::host::ThisHost;
use gatepass::client::renew::renew;
use gatepass::client::replace::Handover;
use gatepass::name::DnsName;
use gatepass::secret::Secret;
use gatepass::token::UnverifiedToken;
use http::Method;
use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::process::gatepass;
use crate::support::{Host, Running, Said, eventually};

const NAME: &str = "node-1.example.org";
const BOOTSTRAP: &str = "/api/v1/bootstrap";
const WHOAMI: &str = "/api/v1/whoami";

async fn token(at: &Running) -> String {
    token_of(&at.mint(json!({ "roles": ["allocator"], "dns_names": ["*.example.org"] })).await)
}

/// An enrolled host with [`NAME`], and a client that presents its certificate.
async fn named(at: &Running) -> (Host, Value, Client) {
    let host = Host::new();
    let said = host.redeem_with(at, &token(at).await, json!({ "name": NAME })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let client = host.client(at, &said.json);
    is_let_in(&client).await;
    (host, said.json, client)
}

async fn is_let_in(client: &Client) {
    let said = client.get(WHOAMI).await;
    assert_eq!(said.status, 200, "{}", said.text);
}

fn body(new: &Host) -> Value {
    json!({ "csr": new.csr(), "name": NAME, "replace": true })
}

async fn replace(old: Client, token: &str, new: &Host) -> Said {
    old.bearer(token).post(BOOTSTRAP, &body(new)).await
}

fn is_refused(said: &Said, status: u16, code: &str) {
    assert_eq!((said.status, said.code()), (status, code), "{}", said.text);
}

/// The entries of the ledger with this action, newest first.
async fn entries(at: &Running, action: &str) -> Vec<Value> {
    at.ledger().await.into_iter().filter(|entry| entry["action"] == action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_gets_the_name_in_one_act() {
    let at = Running::start().await;
    let (old, before, client) = named(&at).await;
    let (new, token) = (Host::new(), token(&at).await);
    let taken = new.redeem_with(&at, &token, json!({ "name": NAME })).await;
    is_refused(&taken, 409, "name_taken");
    let said = replace(client, &token, &new).await;
    assert_eq!((said.status, &said.json["name"]), (200, &json!(NAME)), "{}", said.text);
    assert_ne!(said.json["host_id"], before["host_id"]);
    is_let_in(&new.client(&at, &said.json)).await;
    is_refused(&old.client(&at, &before).get(WHOAMI).await, 403, "host_revoked");
    let (revoked, enrolled) = (entries(&at, "host_revoked").await, entries(&at, "host_enrolled").await);
    assert_eq!((revoked.len(), enrolled.len()), (1, 2));
    assert_eq!(revoked[0]["subjects"]["host"], before["host_id"]);
    assert_eq!(revoked[0]["detail"]["replaced_by"], said.json["host_id"]);
    let actor = format!("host:{}", before["host_id"].as_str().unwrap());
    assert!(revoked[0]["actor"].as_str().unwrap().starts_with(&actor), "{}", revoked[0]);
    assert_eq!(enrolled[0]["detail"]["replaces"], before["host_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_a_replacement_is_repeated() {
    let at = Running::start().await;
    let (old, before, client) = named(&at).await;
    let (new, token) = (Host::new(), token(&at).await);
    let first = replace(client, &token, &new).await;
    for _ in 0..2 {
        let again = replace(old.client(&at, &before), &token, &new).await;
        assert_eq!((again.status, &again.json), (200, &first.json), "{}", again.text);
    }
    assert_eq!(at.entries("host_enrolled").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replacement_of_many_at_once_counts() {
    let at = Running::start().await;
    let (old, before, _) = named(&at).await;
    let (new, token) = (Host::new(), token(&at).await);
    let asked = (0..8).map(|_| replace(old.client(&at, &before), &token, &new));
    let said = futures_util::future::join_all(asked).await;
    for one in &said {
        assert_eq!((one.status, &one.json["host_id"]), (200, &said[0].json["host_id"]), "{}", one.text);
    }
    assert_eq!((at.entries("host_enrolled").await, at.entries("host_revoked").await), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_replacement_revokes_nothing() {
    let at = Running::start().await;
    let (old, before, client) = named(&at).await;
    let client_again = || old.client(&at, &before);
    let unnamed = at.mint_once().await;
    is_refused(&replace(client_again(), &unnamed, &Host::new()).await, 403, "binding_mismatch");
    let spent = token(&at).await;
    assert_eq!(Host::new().redeem(&at, &spent).await.status, 200);
    is_refused(&replace(client_again(), &spent, &Host::new()).await, 410, "token_used");
    let other = json!({ "name": "node-2.example.org" });
    assert_eq!(Host::new().redeem_with(&at, &token(&at).await, other.clone()).await.status, 200);
    let mut taken = body(&Host::new());
    taken["name"] = other["name"].clone();
    let kept = token(&at).await;
    is_refused(&client_again().bearer(&kept).post(BOOTSTRAP, &taken).await, 409, "name_taken");
    let same_key = replace(client_again(), &kept, &old).await;
    is_refused(&same_key, 403, "host_revoked");
    is_let_in(&client).await;
    assert_eq!(at.entries("host_revoked").await, 0);
    assert_eq!(replace(client, &kept, &Host::new()).await.status, 200, "the token has its use");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_certificate_replaces_nothing() {
    let at = Running::start().await;
    let (_, _, client) = named(&at).await;
    let (next, token) = (Host::new(), token(&at).await);
    let renewed = client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
    let newest = next.client(&at, &renewed.json);
    is_let_in(&newest).await;
    is_let_in(&client).await;
    is_refused(&replace(client, &token, &Host::new()).await, 403, "certificate_superseded");
    is_let_in(&newest).await;
    assert_eq!(replace(newest, &token, &Host::new()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_replaces_with_the_certificate_it_holds() {
    let at = Running::start().await;
    let (_, _, client) = named(&at).await;
    let lost = client.post("/api/v1/renew", &json!({ "csr": Host::new().csr() })).await;
    assert_eq!(lost.status, 200);
    assert_eq!(replace(client, &token(&at).await, &Host::new()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_host_is_not_replaced() {
    let at = Running::start().await;
    let (_, before, client) = named(&at).await;
    at.admin().delete(&format!("/api/v1/hosts/{}", before["host_id"].as_str().unwrap())).await;
    let kept = token(&at).await;
    is_refused(&replace(client, &kept, &Host::new()).await, 403, "host_revoked");
    let plain = Host::new().redeem_with(&at, &kept, json!({ "name": NAME })).await;
    assert_eq!(plain.status, 200, "{}", plain.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_request_to_replace_revokes() {
    let at = Running::start().await;
    let (old, before, client) = named(&at).await;
    let kept = token(&at).await;
    let said = at.stranger().bearer(&kept).post(BOOTSTRAP, &body(&Host::new())).await;
    is_refused(&said, 400, "invalid_request");
    assert_eq!(said.json["fields"][0]["field"], "replace");
    let beside = old.client(&at, &before).bearer(&kept);
    let csr = json!({ "csr": Host::new().csr() }).to_string();
    assert_eq!(beside.send(Method::POST, BOOTSTRAP, Some(csr)).await.status, 200);
    is_let_in(&client).await;
}

async fn enroll_into(at: &Running, dir: &Path, token: &str, name: Option<&str>) -> Fresh {
    let name = name.map(|name| DnsName::parse(name).unwrap());
    let ask = Enroll { cert_dir: dir.to_owned(), name, replace: true, ..Enroll::default() };
    match enroll(&ask, &Secret::new(token.to_owned()), at.authority.time.now()).await.unwrap() {
        EnrollResult::Now(fresh) => fresh,
        EnrollResult::Already(host) => panic!("nothing was sent: {host:?}"),
    }
}

async fn state(at: &Running, fresh: &Fresh) -> Value {
    at.admin().get(&format!("/api/v1/hosts/{}", fresh.host.host_id)).await.json["state"].clone()
}

fn is_left(fresh: &Fresh, old: &Fresh, reason: &str) {
    match &fresh.replaced {
        Some(Handover::Left { host_id, why }) => {
            assert_eq!(*host_id, old.host.host_id);
            assert!(why.contains(reason), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert_ne!(fresh.host.host_id, old.host.host_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_keeps_the_name_and_changes_the_key() {
    let (at, temp) = (Running::start().await, tempfile::tempdir().unwrap());
    let dir = temp.path().join("host");
    let old = enroll_into(&at, &dir, &token(&at).await, Some(NAME)).await;
    assert_eq!(old.replaced, None);
    let key = std::fs::read(dir.join("host.key")).unwrap();
    let new = enroll_into(&at, &dir, &token(&at).await, None).await;
    assert_eq!(new.replaced, Some(Handover::Revoked { host_id: old.host.host_id }));
    assert_eq!(new.host.certified.name, old.host.certified.name);
    assert_ne!(std::fs::read(dir.join("host.key")).unwrap(), key);
    assert_eq!((state(&at, &old).await, state(&at, &new).await), (json!("revoked"), json!("active")));
    let nameless = enroll_into(&at, &dir, &at.mint_once().await, None).await;
    assert_eq!(
        nameless.replaced,
        Some(Handover::Revoked { host_id: new.host.host_id }),
        "the token allows no name"
    );
    assert_eq!(nameless.host.certified.name, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_keeps_the_old_identity() {
    let (at, temp) = (Running::start().await, tempfile::tempdir().unwrap());
    let dir = temp.path().join("host");
    let old = enroll_into(&at, &dir, &token(&at).await, Some(NAME)).await;
    let spent = token(&at).await;
    assert_eq!(Host::new().redeem(&at, &spent).await.status, 200);
    let ask = Enroll { cert_dir: dir.clone(), replace: true, ..Enroll::default() };
    let refused = enroll(&ask, &Secret::new(spent), at.authority.time.now()).await.unwrap_err();
    assert_eq!(refused.code(), Some("token_used"), "{refused}");
    assert_eq!(state(&at, &old).await, "active");
    assert!(renew(&ThisHost::at(&dir), at.authority.time.now()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_identity_is_left() {
    let (at, temp) = (Running::start().await, tempfile::tempdir().unwrap());
    let dir = temp.path().join("host");
    let old = enroll_into(&at, &dir, &token(&at).await, Some(NAME)).await;
    at.admin().delete(&format!("/api/v1/hosts/{}", old.host.host_id)).await;
    let new = enroll_into(&at, &dir, &token(&at).await, Some(NAME)).await;
    is_left(&new, &old, "host_revoked");
    assert_eq!(new.host.certified.name, old.host.certified.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_disk_does_not_replace_its_host() {
    let (at, temp) = (Running::start().await, tempfile::tempdir().unwrap());
    let (dir, copy) = (temp.path().join("host"), temp.path().join("copy"));
    let old = enroll_into(&at, &dir, &token(&at).await, Some(NAME)).await;
    let copied = std::process::Command::new("cp").arg("-a").args([&dir, &copy]).status().unwrap();
    assert!(copied.success());
    renew(&ThisHost::at(&dir), at.authority.time.now()).await.unwrap();
    let new = enroll_into(&at, &copy, &token(&at).await, None).await;
    is_left(&new, &old, "certificate_superseded");
    assert_eq!((state(&at, &old).await, new.host.certified.name.clone()), (json!("active"), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_of_another_authority_is_left() {
    let (at, elsewhere) = (Running::start().await, Running::start().await);
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("host");
    let old = enroll_into(&elsewhere, &dir, &token(&elsewhere).await, Some(NAME)).await;
    let new = enroll_into(&at, &dir, &token(&at).await, None).await;
    is_left(&new, &old, "another authority");
    assert_eq!(state(&elsewhere, &old).await, "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_reports_the_replaced_host() {
    let (at, temp) = (Running::start().await, tempfile::tempdir().unwrap());
    let dir = temp.path().join("host");
    let old = enroll_into(&at, &dir, &token(&at).await, Some(NAME)).await;
    let run = async |dir: &Path, token: String, format: &str| {
        let mut command = gatepass();
        command.args(["enroll", "--replace", "-o", format, "--cert-dir"]).arg(dir);
        command.env("GATEPASS_TOKEN", token);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{output:?}");
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (json, _) = run(&dir, token(&at).await, "json").await;
    let shown: Value = serde_json::from_str(&json).unwrap();
    let replaced = json!({ "outcome": "revoked", "host_id": old.host.host_id });
    assert_eq!((&shown["replaced"], &shown["name"]), (&replaced, &json!(NAME)), "{json}");
    let second = shown["host_id"].as_str().unwrap();
    let (table, _) = run(&dir, token(&at).await, "table").await;
    assert!(table.contains(&format!("replaced: host {second} is revoked")), "{table}");
    let third = load_enrolled(&dir).unwrap().host_id;
    at.admin().delete(&format!("/api/v1/hosts/{third}")).await;
    let (json, note) = run(&dir, token(&at).await, "json").await;
    let shown: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&shown["replaced"]["outcome"], &shown["replaced"]["host_id"]),
        (&json!("left"), &json!(third))
    );
    assert!(note.contains(&format!("the old host {third} was not revoked")), "{note}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_replacement_survives_the_daemon() {
    let (at, temp) = (Running::start().await, tempfile::tempdir().unwrap());
    let dir = temp.path().join("host");
    enroll_into(&at, &dir, &token(&at).await, Some(NAME)).await;
    let token = token(&at).await;
    let id = UnverifiedToken::parse(&token).unwrap().unverified_grant().unwrap().token.id;
    let csr = {
        let opened = CertDir::open(&dir).unwrap();
        opened.begin(&Purpose::Enroll(id), None).unwrap().key().request().unwrap()
    };
    let client = Client::with_identity(&at.url, at.root, Some(load_identity(&dir).unwrap()));
    let lost = client.bearer(&token).post(BOOTSTRAP, &json!({ "csr": csr, "replace": true })).await;
    assert_eq!(lost.status, 200, "{}", lost.text);
    let (refused, adopted) = (AtomicBool::new(false), AtomicBool::new(false));
    let daemon = Daemon {
        nap: std::time::Duration::from_millis(5),
        ..Daemon::new(ThisHost::at(&dir), at.clock.as_ref())
    };
    let report = |event: DaemonEvent<'_>| match event {
        DaemonEvent::Failed(error, _) => refused.store(error.is_revoked(), SeqCst),
        DaemonEvent::Replaced => adopted.store(true, SeqCst),
        _ => {}
    };
    let again = async {
        eventually("the daemon goes on", async || refused.load(SeqCst).then_some(())).await;
        let new = enroll_into(&at, &dir, &token, None).await;
        assert_eq!(json!(new.host.host_id), lost.json["host_id"], "the same key");
        eventually("the daemon renews the new host", async || adopted.load(SeqCst).then_some(())).await;
    };
    daemon.run(report, again).await.unwrap();
}
