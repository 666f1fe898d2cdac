//! Copied hosts: two machines renew with the certificates of one host, and an administrator decides which one stays.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use futures_util::future::join_all;
use http::header::{ETAG, IF_MATCH};
use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::process::gatepass;
use crate::support::{Host, Process, Running, Said};

const HOUR: Duration = Duration::from_secs(3600);
const HOSTS: &str = "/api/v1/hosts";

/// A host with a copy: one machine holds the newest certificate, the other one the certificate before.
pub(crate) struct Copied {
    pub(crate) id: String,
    token: String,
    first: Host,
    older: Client,
    newest: Client,
}

impl Copied {
    async fn new(at: &Running) -> Self {
        let minted = at.mint(json!({ "roles": ["allocator"], "persistent": true })).await;
        Self::of(at, &token_of(&minted)).await
    }

    async fn of(at: &Running, token: &str) -> Self {
        let (first, next) = (Host::new(), Host::new());
        let enrolled = first.redeem(at, token).await.json;
        let older = first.client(at, &enrolled);
        let said = renew(&older, &next).await;
        assert_eq!(said.status, 200, "{}", said.text);
        let newest = next.client(at, &said.json);
        assert_eq!(newest.get("/api/v1/whoami").await.status, 200);
        let id = enrolled["host_id"].as_str().unwrap().to_owned();
        Self { id, token: token.to_owned(), first, older, newest }
    }

    /// The host after the older certificate renewed.
    pub(crate) async fn in_quarantine(at: &Running) -> Self {
        let copied = Self::new(at).await;
        at.clock.advance(Duration::from_secs(60));
        refused(&renew(&copied.older, &Host::new()).await, "lineage_conflict");
        copied
    }

    async fn item(&self, at: &Running) -> Value {
        at.admin().get(&format!("{HOSTS}/{}", self.id)).await.json
    }

    async fn release(&self, at: &Running, serial: &Value) -> Said {
        release(&at.admin(), &self.id, serial).await
    }
}

async fn release(client: &Client, id: &str, serial: &Value) -> Said {
    client.post(&format!("{HOSTS}/{id}/release"), &json!({ "serial": serial })).await
}

async fn renew(client: &Client, next: &Host) -> Said {
    client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await
}

fn refused(said: &Said, code: &str) {
    assert_eq!((said.status, said.code()), (403, code), "{}", said.text);
}

/// "`lineage_conflict` (a renewal with a superseded certificate) quarantines the host until an operator decides. The alarm
/// names both addresses and times."
#[tokio::test(flavor = "multi_thread")]
async fn a_cloned_certificate_quarantines_its_host() {
    let at = Running::start().await;
    let copied = Copied::new(&at).await;
    let seen_at = at.clock_reading();
    at.clock.advance(HOUR * 2);
    let said = renew(&copied.older, &Host::new()).await;
    refused(&said, "lineage_conflict");
    let conflict_at = at.clock_reading();
    let item = copied.item(&at).await;
    assert_eq!((&item["state"], &item["roles"]), (&json!("quarantined"), &json!(["allocator"])));
    let time = |at: gatepass::clock::Timestamp| json!(at.to_string());
    assert_eq!(
        (&item["quarantine"]["at"], &item["quarantine"]["from"]),
        (&time(conflict_at), &json!("127.0.0.1"))
    );
    assert_eq!((&item["last_seen_at"], &item["last_seen_from"]), (&time(seen_at), &json!("127.0.0.1")));
    assert_ne!(item["quarantine"]["serial"], item["certificate"]["serial"]);
    let ledger = at.ledger().await;
    let entries = ledger.iter().filter(|entry| entry["action"] == "host_quarantined").collect::<Vec<_>>();
    assert_eq!(entries.len(), 1, "one entry");
    let entry = entries[0];
    assert_eq!((&entry["address"], &entry["at"]), (&json!("127.0.0.1"), &time(conflict_at)), "{entry}");
    assert_eq!(entry["subjects"]["serial"], item["quarantine"]["serial"]);
    let detail = &entry["detail"];
    assert_eq!(detail["newest_serial"], item["certificate"]["serial"]);
    assert_eq!(
        (&detail["newest_seen_from"], &detail["newest_seen_at"]),
        (&json!("127.0.0.1"), &time(seen_at))
    );
    assert_eq!(detail["alarm"], "lineage_conflict");
}

/// "Both copies are out. Renew, check-in, policy, access token: 403 `host_quarantined`; `bootstrap` answers the same: the
/// host's keys are refused under every token; `authorize` and introspection: not active."
#[tokio::test(flavor = "multi_thread")]
async fn both_machines_of_a_quarantined_host_are_out() {
    let at = Running::start().await;
    let copied = Copied::in_quarantine(&at).await;
    for client in [&copied.older, &copied.newest] {
        refused(&renew(client, &Host::new()).await, "host_quarantined");
        for path in ["/api/v1/whoami", "/api/v1/authorize?role=allocator"] {
            refused(&client.get(path).await, "host_quarantined");
        }
        refused(&client.post("/api/v1/leave", &json!({})).await, "host_quarantined");
        refused(
            &client.post("/api/v1/verify", &json!({ "tokens": [copied.token] })).await,
            "host_quarantined",
        );
    }
    let other = at.mint_once().await;
    for token in [&copied.token, &other] {
        refused(&copied.first.redeem(&at, token).await, "host_quarantined");
    }
    assert_eq!(Host::new().redeem(&at, &other).await.status, 200, "a refusal spends nothing");
    let listed = at.admin().get(&format!("{HOSTS}?state=quarantined")).await.json;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let at = at.restart().await;
    let listed = at.admin().get(&format!("{HOSTS}?state=quarantined")).await.json;
    assert_eq!(listed["items"][0]["id"], json!(copied.id), "also after a restart");
}

/// "Only a certificate that is neither revoked nor expired can cause it."
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_or_revoked_certificate_quarantines_nothing() {
    let at = Running::start_with(&[("hosts.certificate_lifetime", "3h")]).await;
    let (revoked, expired) = (Copied::new(&at).await, Copied::new(&at).await);
    let roles = json!({ "roles": [], "now": true });
    assert_eq!(at.admin().patch(&format!("{HOSTS}/{}", revoked.id), &roles).await.status, 200);
    refused(&renew(&revoked.older, &Host::new()).await, "certificate_revoked");
    at.clock.advance(HOUR * 3);
    let late = renew(&expired.older, &Host::new()).await;
    assert_eq!((late.status, late.code()), (401, "unauthenticated"), "{}", late.text);
    for copied in [&revoked, &expired] {
        assert_eq!(copied.item(&at).await["quarantine"], Value::Null);
    }
    assert_eq!(at.entries("host_quarantined").await, 0);
}

/// "A thousand rolled-back snapshots do not shut out a site." "At most `hosts.quarantine_most` (20) hosts an hour, above that
/// it only alarms."
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_hosts_rolled_back_leave_a_site_up() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "persistent": true })).await;
    let token = token_of(&minted);
    let mut hosts = Vec::new();
    for _ in 0..10 {
        hosts.extend(join_all((0..10).map(|_| Copied::of(&at, &token))).await);
    }
    at.clock.advance(HOUR);
    for some in hosts.chunks(10) {
        for said in join_all(some.iter().map(async |host| renew(&host.older, &Host::new()).await)).await {
            refused(&said, "lineage_conflict");
        }
    }
    assert_eq!(at.entries("host_quarantined").await, 20);
    let alarms = at.ledger().await;
    let alarms = alarms.iter().filter(|entry| entry["reason"] == "lineage_conflict").count();
    assert_eq!(alarms, 80, "the others raise the alarm");
    let mut up = 0;
    for host in &hosts {
        up += usize::from(host.newest.get("/api/v1/whoami").await.status == 200);
    }
    assert_eq!(up, 80, "they go on");
}

/// "`hosts.quarantine = "on" | "alarm"`."
#[tokio::test(flavor = "multi_thread")]
async fn a_configured_alarm_quarantines_nothing() {
    let at = Running::start_with(&[("hosts.quarantine", "alarm")]).await;
    let copied = Copied::in_quarantine(&at).await;
    assert_eq!(copied.item(&at).await["state"], "active");
    assert_eq!(copied.newest.get("/api/v1/whoami").await.status, 200);
    assert_eq!((at.entries("host_quarantined").await, at.entries("host_refused").await), (0, 1));
}

/// "That certificate is then the newest of its lineage, the others are revoked." "Roles, name and slot kept."
#[tokio::test(flavor = "multi_thread")]
async fn a_release_keeps_the_chosen_machine() {
    for place in ["/certificate/serial", "/quarantine/serial"] {
        let at = Running::start().await;
        let copied = Copied::in_quarantine(&at).await;
        let before = copied.item(&at).await;
        let serial = before.pointer(place).unwrap();
        let said = copied.release(&at, serial).await;
        assert_eq!(said.status, 200, "{}", said.text);
        assert_eq!((&said.json["state"], &said.json["quarantine"]), (&json!("active"), &Value::Null));
        assert_eq!((&said.json["certificate"]["serial"], &said.json["roles"]), (serial, &before["roles"]));
        assert_eq!(copied.release(&at, serial).await.status, 200, "a repeat changes nothing");
        let (kept, out) = match place {
            "/certificate/serial" => (&copied.newest, &copied.older),
            _ => (&copied.older, &copied.newest),
        };
        assert_eq!(kept.get("/api/v1/whoami").await.status, 200);
        refused(&out.get("/api/v1/whoami").await, "certificate_revoked");
        let next = Host::new();
        let renewed = renew(kept, &next).await;
        assert_eq!(renewed.status, 200, "{}", renewed.text);
        assert_eq!(renewed.json["host_id"], json!(copied.id));
        assert_eq!(at.entries("host_released").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_release_changes_nothing() {
    let at = Running::start().await;
    let (copied, fine) = (Copied::in_quarantine(&at).await, Copied::new(&at).await);
    let wrong = fine.item(&at).await["certificate"]["serial"].clone();
    let said = copied.release(&at, &wrong).await;
    assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("serial")), "{}", said.text);
    let unknown = release(&at.admin(), "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081", &wrong).await;
    assert_eq!((unknown.status, unknown.code()), (404, "not_found"));
    let serial = copied.item(&at).await["certificate"]["serial"].clone();
    let said = fine.release(&at, &serial).await;
    assert_eq!((said.status, said.code()), (409, "host_not_quarantined"), "{}", said.text);
    let few = json!({ "scopes": ["hosts:write"], "limits": { "roles": ["proxy"] } });
    let key = at.api_key(&at.admin(), few).await;
    let limited = at.stranger().bearer(key["api_key"].as_str().unwrap());
    refused(&release(&limited, &copied.id, &serial).await, "beyond_limits");
    assert_eq!(copied.item(&at).await["state"], "quarantined");
    assert_eq!(at.entries("host_released").await, 0);
    assert_eq!(at.admin().delete(&format!("{HOSTS}/{}", copied.id)).await.status, 200);
    refused(&copied.release(&at, &serial).await, "host_revoked");
}

/// "Only a re-enrollment token with a new key lets the host in again; roles, name, slot kept."
#[tokio::test(flavor = "multi_thread")]
async fn re_enrolling_with_a_new_key_ends_a_quarantine() {
    let at = Running::start().await;
    let copied = Copied::in_quarantine(&at).await;
    let minted = at.admin().post(&format!("{HOSTS}/{}/reenrollment-token", copied.id), &json!({})).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    let token = token_of(&minted.json);
    refused(&copied.first.redeem(&at, &token).await, "host_quarantined");
    let clean = Host::new();
    let said = clean.redeem(&at, &token).await;
    assert_eq!((said.status, &said.json["host_id"]), (200, &json!(copied.id)), "{}", said.text);
    assert_eq!(said.json["roles"], json!(["allocator"]));
    assert_eq!(clean.client(&at, &said.json).get("/api/v1/whoami").await.status, 200);
    for client in [&copied.older, &copied.newest] {
        refused(&client.get("/api/v1/whoami").await, "certificate_revoked");
    }
    let item = copied.item(&at).await;
    assert_eq!((&item["state"], &item["quarantine"]), (&json!("active"), &Value::Null));
}

/// "`POST hosts/release` for many."
#[tokio::test(flavor = "multi_thread")]
async fn many_hosts_are_released_together() {
    let at = Running::start().await;
    let mut kept = Vec::new();
    for _ in 0..3 {
        let copied = Copied::in_quarantine(&at).await;
        kept.push(json!({ "id": copied.id, "serial": copied.item(&at).await["quarantine"]["serial"] }));
    }
    kept[2]["serial"] = kept[0]["serial"].clone();
    let said = at.admin().post(&format!("{HOSTS}/release"), &json!({ "hosts": kept })).await;
    assert_eq!((said.status, &said.json["released"]), (200, &json!(2)), "{}", said.text);
    let outcomes = said.json["hosts"].as_array().unwrap().iter().map(|host| host["outcome"].clone());
    assert_eq!(json!(outcomes.collect::<Vec<_>>()), json!(["released", "released", "no_such_certificate"]));
    let many = vec![kept[0].clone(); 501];
    let said = at.admin().post(&format!("{HOSTS}/release"), &json!({ "hosts": many })).await;
    assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("hosts")));
}

/// "Rules, hosts and policies have an `ETag`; `If-Match` is optional, stale: 412 `stale`."
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_stale_host_is_refused() {
    let at = Running::start().await;
    let copied = Copied::new(&at).await;
    let path = format!("{HOSTS}/{}", copied.id);
    let tag = |said: &Said| said.headers[ETAG].to_str().unwrap().to_owned();
    let first = tag(&at.admin().get(&path).await);
    assert_eq!(tag(&at.admin().get(&path).await), first, "it stays while nothing changes");
    let matching = |tag: &str| at.admin().header(IF_MATCH, tag);
    let change = json!({ "roles": ["proxy"], "label": "rack 7" });
    let changed = matching(&first).patch(&path, &change).await;
    assert_eq!(changed.status, 200, "roles and label are one change: {}", changed.text);
    let second = tag(&changed);
    assert_ne!(first, second);
    for stale in [
        first.as_str(),
        &format!("W/{second}"),
        second.trim_matches('"'),
        "\"x\"",
        &format!("{first}, {second}"),
    ] {
        for said in [
            matching(stale).patch(&path, &json!({ "label": "x" })).await,
            matching(stale).patch(&path, &json!({ "roles": [] })).await,
            matching(stale).delete(&path).await,
        ] {
            assert_eq!((said.status, said.code()), (412, "stale"), "{stale}: {}", said.text);
        }
    }
    assert_eq!(tag(&at.admin().get(&path).await), second, "nothing changed");
    refused(&renew(&copied.older, &Host::new()).await, "lineage_conflict");
    let serial = json!({ "serial": copied.item(&at).await["certificate"]["serial"] });
    let release = format!("{path}/release");
    let said = matching(&second).post(&release, &serial).await;
    assert_eq!((said.status, said.code()), (412, "stale"), "the quarantine came in between");
    assert_eq!(matching("*").post(&release, &serial).await.status, 200);
    let last = tag(&at.admin().get(&path).await);
    assert_eq!(matching(&last).delete(&path).await.status, 200);
}

/// A command of the host with the identity in `dir`.
fn on_host(verb: &str, dir: &Path) -> Command {
    let mut command = gatepass();
    command.args([verb, "--cert-dir"]).arg(dir);
    command
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// "Keep this one, or re-enroll." "`gatepass host release`."
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_releases_copied_hosts() {
    let temp = tempfile::tempdir().unwrap();
    let server = Process::start(&temp.path().join("data"), &[]).await;
    let token = server.told(&["token", "create", "--quiet", "--role", "proxy"]);
    let (host, copy) = (temp.path().join("host"), temp.path().join("copy"));
    let enrolled = on_host("enroll", &host).env("GATEPASS_TOKEN", token.trim()).output().unwrap();
    assert!(enrolled.status.success(), "{}", complaint(&enrolled));
    assert!(Command::new("cp").arg("-a").args([&host, &copy]).status().unwrap().success());
    assert!(on_host("renew", &host).status().unwrap().success());
    let conflict = on_host("renew", &copy).output().unwrap();
    assert!(complaint(&conflict).contains("lineage_conflict"), "{}", complaint(&conflict));
    let out = on_host("renew", &host).output().unwrap();
    assert!(complaint(&out).contains("host_quarantined"), "{}", complaint(&out));
    let listed = server.json(&["host", "list", "--state", "quarantined"]);
    let id = listed[0]["id"].as_str().unwrap();
    let shown = server.told(&["host", "show", id]);
    assert!(shown.contains("conflict from") && shown.contains("127.0.0.1"), "{shown}");
    let (code, why) = server.fails(&["host", "release", id, "--keep", "newest"]);
    assert_eq!(code, 2, "nobody can answer: {why}");
    assert!(
        why.contains("Release host") && why.contains("newest certificate") && why.contains("127.0.0.1"),
        "{why}"
    );
    let told = server.told(&["host", "release", "--all", "--keep", "newest", "--yes"]);
    assert_eq!(told, "released 1 host\n");
    assert!(on_host("renew", &host).status().unwrap().success());
    let out = on_host("renew", &copy).output().unwrap();
    assert!(complaint(&out).contains("certificate_revoked"), "{}", complaint(&out));
    let refused = on_host("leave", &copy).arg("--yes").output().unwrap();
    assert!(!refused.status.success() && copy.join("host.key").exists(), "{}", complaint(&refused));
    let left = on_host("leave", &copy).args(["--force", "--yes"]).output().unwrap();
    let told = String::from_utf8_lossy(&left.stdout);
    let advice = format!("if no other machine holds it, run `gatepass host revoke {id}`");
    assert!(told.contains("did not revoke") && told.contains(&advice), "{told}{}", complaint(&left));
    assert!(!copy.join("host.key").exists());
    assert!(on_host("renew", &host).status().unwrap().success(), "the machine that stays");
    let (code, why) = server.fails(&["host", "release", "--all", "--keep", "older", "--yes"]);
    assert_eq!(code, 1, "{why}");
    assert!(why.contains("no host in quarantine"), "{why}");
    let (_, why) = server.fails(&["host", "release", id, "--keep", "older", "--yes"]);
    assert!(why.contains("is not in quarantine"), "{why}");
    let plain = server.told(&["token", "create", "--quiet", "--role", "proxy"]);
    let enrolled =
        on_host("enroll", &copy).arg("--replace").env("GATEPASS_TOKEN", plain.trim()).output().unwrap();
    assert!(enrolled.status.success(), "the other machine is a host of its own: {}", complaint(&enrolled));
    assert_eq!(server.json(&["host", "list", "--state", "active"]).as_array().unwrap().len(), 2);
    server.stop().await;
}
