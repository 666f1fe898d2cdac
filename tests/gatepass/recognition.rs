//! Hosts that people can recognise: their reports, labels and last contacts.

mod cli;
mod older;

use std::path::Path;
use std::time::Duration;

use gatepass::client::enroll::{Enroll, EnrollResult, enroll};
use gatepass::client::report::ReportFlags;
use gatepass::id::{HostId, RequestId};
use gatepass::name::Label;
use gatepass::secret::Secret;
use gatepass::service::Caller;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::support::authority::{PASSWORD, token_of};
use crate::support::client::Client;
use crate::support::database::reader;
use crate::support::{Host, Running};

const MINUTE: Duration = Duration::from_secs(60);

/// The host of the answer, as administrators see it.
async fn shown(at: &Running, enrolled: &Value) -> Value {
    let said = at.admin().get(&format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap())).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

/// A host with a client of its own.
async fn enrolled(at: &Running) -> (Client, Value) {
    let host = Host::new();
    let enrolled = host.redeem(at, &at.mint_once().await).await.json;
    (host.client(at, &enrolled), enrolled)
}

async fn enroll_with(at: &Running, dir: &Path, report: ReportFlags) -> Value {
    let token = Secret::new(token_of(&at.mint(json!({ "label": "batch 1" })).await));
    let ask = Enroll { cert_dir: dir.to_owned(), report, ..Enroll::default() };
    let EnrollResult::Now(fresh) = enroll(&ask, &token, at.clock_reading()).await.unwrap() else {
        panic!("nothing was there")
    };
    assert!(fresh.unseen.is_none(), "{:?}", fresh.unseen);
    shown(at, &json!({ "host_id": fresh.host.host_id })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolling_reports_the_machine() {
    let (at, temp) = (Running::start().await, tempfile::tempdir().unwrap());
    let label = || Label::parse("rack 7").ok();
    let flags = ReportFlags { label: label(), no_report: false };
    let host = enroll_with(&at, &temp.path().join("whole"), flags).await;
    let hostname = rustix::system::uname().nodename().to_str().unwrap().to_owned();
    let reported = &host["reported"];
    assert_eq!((&reported["hostname"], &reported["label"]), (&json!(hostname), &json!("rack 7")));
    assert_eq!(
        (&reported["arch"], &reported["version"]),
        (&json!(std::env::consts::ARCH), &json!(env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(reported["at"], json!(at.clock_reading()));
    assert_eq!((&host["label"], &host["token_label"]), (&Value::Null, &json!("batch 1")));
    assert_eq!(host["certificate_seen"], true);
    assert_eq!(
        (&host["last_seen_at"], &host["last_seen_from"]),
        (&json!(at.clock_reading()), &json!("127.0.0.1"))
    );
    let flags = ReportFlags { label: label(), no_report: true };
    let host = enroll_with(&at, &temp.path().join("label"), flags).await;
    assert_eq!(host["reported"], json!({ "label": "rack 7", "at": at.clock_reading() }));
    let flags = ReportFlags { label: None, no_report: true };
    let host = enroll_with(&at, &temp.path().join("nothing"), flags).await;
    assert_eq!((&host["reported"], &host["certificate_seen"]), (&Value::Null, &json!(true)));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_report_is_kept_once_a_minute() {
    let at = Running::start().await;
    let (client, enrolled) = enrolled(&at).await;
    let entries = at.ledger().await.len();
    assert_eq!(client.post("/api/v1/whoami", &json!({ "label": "" })).await.status, 200);
    let report = async |hostname: &str, label: &str| {
        let body = json!({ "hostname": hostname, "os": "Debian", "label": label });
        let said = client.post("/api/v1/whoami", &body).await;
        assert_eq!(said.status, 200, "{}", said.text);
        assert_eq!(said.json, client.get("/api/v1/whoami").await.json, "the answer is that of GET");
        shown(&at, &enrolled).await["reported"].clone()
    };
    let first = report("web-7", "rack 7").await;
    let expected =
        json!({ "hostname": "web-7", "os": "Debian", "label": "rack 7", "at": at.clock_reading() });
    assert_eq!(first, expected);
    at.clock.advance(MINUTE / 2);
    assert_eq!(report("web-8", "rack 8").await, first, "too soon");
    at.clock.advance(MINUTE / 2);
    assert_eq!(report("web-7", "rack 8").await, first, "nothing changed: the first label stays");
    let second = report("web-8", "rack 8").await;
    assert_eq!((&second["hostname"], &second["label"]), (&json!("web-8"), &json!("rack 7")));
    assert_eq!(second["at"], json!(at.clock_reading()));
    assert_eq!(at.ledger().await.len(), entries, "nothing is decided by a report");
    let at = at.restart().await;
    assert_eq!(shown(&at, &enrolled).await["reported"], second);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_with_hidden_or_long_texts_is_refused() {
    let at = Running::start().await;
    let (client, enrolled) = enrolled(&at).await;
    let wrong = json!({
        "hostname": "a\u{202e}b",
        "os": "x".repeat(129),
        "arch": "\u{1b}[2J",
        "version": "1\n2",
        "label": "\u{200b}",
        "token": "x",
    });
    let said = client.post("/api/v1/whoami", &wrong).await;
    assert_eq!((said.status, said.code()), (400, "invalid_request"));
    let fields = said.json["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap());
    let mut fields = fields.collect::<Vec<_>>();
    fields.sort_unstable();
    assert_eq!(fields, ["arch", "hostname", "label", "os", "token", "version"]);
    assert!(!said.text.contains('\u{202e}') && !said.text.contains('\u{1b}'), "{}", said.text);
    assert_eq!(shown(&at, &enrolled).await["reported"], Value::Null);
    let good = json!({ "hostname": "\u{fc}".repeat(128) });
    assert_eq!(client.post("/api/v1/whoami", &good).await.status, 200);
    assert_eq!(at.stranger().post("/api/v1/whoami", &good).await.status, 401);
    assert_eq!(at.admin().post("/api/v1/whoami", &good).await.status, 401);
    at.stop().await;
}

/// Seconds since the start, and address, of the last contact in the database.
fn stored(at: &Running) -> (i64, Option<String>) {
    let sql = "SELECT (seen_at - enrolled_at) / 1000, seen_from FROM hosts";
    reader(at.data_dir()).query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_are_written_together_and_at_the_stop() {
    let at = Running::start().await;
    let here = || Some("127.0.0.1".to_owned());
    let (client, enrolled) = enrolled(&at).await;
    assert_eq!(stored(&at), (0, here()), "enrolling is a contact");
    at.clock.advance(MINUTE);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    assert_eq!(stored(&at), (0, here()), "in memory");
    at.authority.upkeep.write_uses().await.unwrap();
    assert_eq!(stored(&at), (60, here()));
    // One transaction does not take all of them.
    let address = std::net::IpAddr::from([192, 0, 2, 7]);
    let caller = Caller::stranger(address, RequestId::generate(at.clock_reading()));
    at.clock.advance(MINUTE);
    for _ in 0..1200 {
        let nobody = HostId::generate(at.clock_reading());
        at.authority.hosts.note_contact(&caller, nobody, None).await;
    }
    let id = HostId::parse(enrolled["host_id"].as_str().unwrap()).unwrap();
    at.authority.hosts.note_contact(&caller, id, None).await;
    at.authority.upkeep.write_uses().await.unwrap();
    assert_eq!(stored(&at), (120, Some("192.0.2.7".to_owned())));
    at.clock.advance(MINUTE);
    let next = Host::new();
    let renewed = client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    assert_eq!(stored(&at).0, 120, "in memory");
    let at = at.restart().await;
    assert_eq!(stored(&at), (180, here()), "written at the stop");
    assert_eq!(shown(&at, &enrolled).await["last_seen_at"], json!(at.clock_reading()));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_in_memory_counts_for_lists() {
    let at = Running::start().await;
    let (client, _) = enrolled(&at).await;
    at.clock.advance(MINUTE * 60);
    let unseen = async || at.admin().get("/api/v1/hosts?seen_before=30m").await.json["items"].clone();
    assert_eq!(unseen().await.as_array().unwrap().len(), 1);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    assert_eq!(unseen().await, json!([]));
    at.stop().await;
}

/// A balancer before the authority that passes TLS on and names this client in a PROXY header.
async fn balancer(at: &Running, client: [u8; 4]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (url, server) = (format!("https://{}", listener.local_addr().unwrap()), at.local);
    let fixed = [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[0x21, 0x11, 0, 12]].concat();
    let header = [&fixed, &client[..], &[192, 0, 2, 1, 0x10, 0, 0x20, 0xfb]].concat();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let header = header.clone();
            tokio::spawn(async move {
                let mut to = TcpStream::connect(server).await.unwrap();
                tokio::io::AsyncWriteExt::write_all(&mut to, &header).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_contact_has_the_clients_address() {
    let at = Running::start_with(&[("http.proxy_protocol", "127.0.0.0/8")]).await;
    let through = balancer(&at, [198, 51, 100, 7]).await;
    let admin = Client::new(&through, at.root).basic("admin", PASSWORD);
    let token = token_of(&admin.post("/api/v1/enrollment-tokens", &json!({})).await.json);
    let (host, body) = (Host::new(), json!({}));
    let redeem = json!({ "csr": host.csr(), "name": null });
    let client = Client::new(&through, at.root).bearer(&token);
    let enrolled = client.post("/api/v1/bootstrap", &redeem).await.json;
    assert_eq!(stored(&at).1.as_deref(), Some("198.51.100.7"));
    let elsewhere = balancer(&at, [203, 0, 113, 9]).await;
    let client = Client::with_identity(&elsewhere, at.root, Some(host.identity(&enrolled)));
    assert_eq!(client.post("/api/v1/whoami", &body).await.status, 200);
    at.authority.upkeep.write_uses().await.unwrap();
    assert_eq!(stored(&at).1.as_deref(), Some("203.0.113.9"));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_labels_hosts_within_its_limits() {
    let at = Running::start().await;
    let (client, enrolled) = enrolled(&at).await;
    assert_eq!(client.post("/api/v1/whoami", &json!({ "label": "mine" })).await.status, 200);
    let path = format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap());
    let admin = at.admin();
    let changed = admin.patch(&path, &json!({ "label": "rack 7" })).await;
    assert_eq!((changed.status, &changed.json["label"]), (200, &json!("rack 7")), "{}", changed.text);
    assert_eq!(changed.json["reported"]["label"], "mine");
    let entry = at.ledger().await.remove(0);
    assert_eq!(
        (&entry["action"], &entry["subjects"]["host"]),
        (&json!("host_label_changed"), &enrolled["host_id"])
    );
    assert_eq!(entry["detail"], json!({ "label": "rack 7", "label_before": null }));
    let both = admin.patch(&path, &json!({ "label": "", "roles": ["proxy"] })).await;
    assert_eq!((&both.json["label"], &both.json["roles"]), (&Value::Null, &json!(["proxy"])));
    for (wrong, field) in [
        (json!({}), "body"),
        (json!({ "now": true }), "now"),
        (json!({ "label": "a\u{202e}" }), "label"),
        (json!({ "label": "x", "roles": ["root"] }), "roles[0]"),
    ] {
        let refused = admin.patch(&path, &wrong).await;
        assert_eq!((refused.status, &refused.json["fields"][0]["field"]), (400, &json!(field)), "{wrong}");
    }
    let user = json!({
        "username": "ops",
        "password": PASSWORD,
        "role": "operator",
        "limits": { "roles": ["director"] },
    });
    assert_eq!(admin.post("/api/v1/users", &user).await.status, 201);
    let limited = at.stranger().basic("ops", PASSWORD);
    let refused = limited.patch(&path, &json!({ "label": "x" })).await;
    assert_eq!((refused.status, refused.code()), (403, "beyond_limits"), "{}", refused.text);
    let user = json!({
        "username": "ran",
        "password": PASSWORD,
        "role": "operator",
        "limits": { "roles": "any", "clusters": ["eu-1"] },
    });
    assert_eq!(admin.post("/api/v1/users", &user).await.status, 201);
    let limited = at.stranger().basic("ran", PASSWORD);
    let both = json!({ "label": "x", "roles": ["proxy", "allocator"] });
    let refused = limited.patch(&path, &both).await;
    assert_eq!((refused.status, refused.code()), (403, "beyond_limits"), "{}", refused.text);
    assert_eq!(shown(&at, &enrolled).await["roles"], json!(["proxy"]), "nothing is changed");
    let nobody = "/api/v1/hosts/0190a0b0-0000-7000-8000-000000000000";
    assert_eq!(admin.patch(nobody, &json!({ "label": "x" })).await.status, 404);
    assert_eq!(shown(&at, &enrolled).await["label"], Value::Null);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_found_by_label_contact_and_expiry() {
    let at = Running::start().await;
    let (old, one) = enrolled(&at).await;
    let report = json!({ "label": "rack 7", "hostname": "web-7" });
    assert_eq!(old.post("/api/v1/whoami", &report).await.status, 200);
    at.clock.advance(MINUTE * 60 * 24 * 9);
    let (_, two) = enrolled(&at).await;
    let found = async |query: &str| {
        let said = at.admin().get(&format!("/api/v1/hosts?{query}")).await;
        assert_eq!(said.status, 200, "{query}: {}", said.text);
        said.json["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (one, two) = (one["host_id"].as_str().unwrap(), two["host_id"].as_str().unwrap());
    assert_eq!(found("label=rack*").await, [one]);
    assert_eq!(found("hostname=web-7").await, [one]);
    assert_eq!(found("seen_before=7d").await, [one]);
    assert!(found("seen_before=10d").await.is_empty());
    assert_eq!(found("expires_within=22d").await, [one]);
    assert_eq!(found("expires_within=30d").await, [two, one]);
    assert!(found("cluster=eu-1").await.is_empty());
    assert!(found("overdue=true").await.is_empty());
    at.clock.advance(MINUTE * 60 * 24 * 6);
    assert_eq!(found("overdue=false&limit=1").await, [two]);
    for (query, field) in
        [("seen_before=ages", "seen_before"), ("overdue=maybe", "overdue"), ("cluster=%20", "cluster")]
    {
        let said = at.admin().get(&format!("/api/v1/hosts?{query}")).await;
        assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!(field)), "{query}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_expires_lapses_and_is_revoked() {
    let at = Running::start().await;
    let (_, host) = enrolled(&at).await;
    let words = ["active", "expiring", "lapsed", "revoked", "live", "expired"];
    let state = async || {
        let state = shown(&at, &host).await["state"].as_str().unwrap().to_owned();
        let mut selecting = Vec::new();
        for word in words {
            let said = at.admin().get(&format!("/api/v1/hosts?state={word}")).await;
            selecting.extend((!said.json["items"].as_array().unwrap().is_empty()).then_some(word));
        }
        (state, selecting)
    };
    assert_eq!(state().await, ("active".into(), vec!["active", "live"]));
    at.clock.advance(MINUTE * 60 * 24 * 21);
    assert_eq!(state().await, ("expiring".into(), vec!["expiring", "live"]));
    at.clock.advance(MINUTE * 60 * 24 * 10);
    assert_eq!(state().await, ("lapsed".into(), vec!["lapsed", "expired"]));
    assert_eq!(selected(&at, json!({ "state": ["live"] })).await, 0);
    assert_eq!(selected(&at, json!({ "state": ["expired"] })).await, 1);
    let id = host["host_id"].as_str().unwrap();
    assert_eq!(at.admin().delete(&format!("/api/v1/hosts/{id}")).await.status, 200);
    assert_eq!(state().await, ("revoked".into(), vec!["revoked"]));
    let said = at.admin().get("/api/v1/hosts?state=dead").await;
    let words = "active, expiring, lapsed, quarantined, revoked, live, expired";
    assert!(said.status == 400 && said.text.contains(words), "{}", said.text);
    at.stop().await;
}

/// The number of hosts that a bulk revocation with this filter selects.
async fn selected(at: &Running, filter: Value) -> Value {
    let order = json!({ "filter": filter, "dry_run": true });
    let said = at.admin().post("/api/v1/hosts/revoke", &order).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json["count"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosts_own_words_select_nothing_to_revoke() {
    let at = Running::start().await;
    let (client, enrolled) = enrolled(&at).await;
    assert_eq!(client.post("/api/v1/whoami", &json!({ "label": "rack 7" })).await.status, 200);
    for label in ["rack 7", "rack*"] {
        assert_eq!(selected(&at, json!({ "label": label })).await, 0, "{label}");
    }
    let by_hostname = json!({ "filter": { "hostname": "web-7" }, "dry_run": true });
    let refused = at.admin().post("/api/v1/hosts/revoke", &by_hostname).await;
    assert_eq!((refused.status, &refused.json["fields"][0]["field"]), (400, &json!("hostname")));
    let path = format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap());
    assert_eq!(at.admin().patch(&path, &json!({ "label": "rack 7" })).await.status, 200);
    assert_eq!(selected(&at, json!({ "label": "rack 7" })).await, 1);
    at.clock.advance(MINUTE * 60 * 24 * 8);
    assert_eq!(selected(&at, json!({ "seen_before": "7d" })).await, 1);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    assert_eq!(selected(&at, json!({ "seen_before": "7d" })).await, 0, "it was just seen");
    let listed = at.admin().get("/api/v1/hosts?label=rack*&reported_words=false").await;
    assert_eq!(listed.json["items"][0]["last_seen_at"], json!(at.clock_reading()));
    at.stop().await;
}
