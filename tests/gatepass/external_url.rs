//! Another external URL: the server answers under the former names until their URL is retired.

use gatepass::client::connect::Identity;
use http::header::ORIGIN;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::support::authority::PASSWORD;
use crate::support::client::Client;
use crate::support::process::gatepass;
use crate::support::wire::trusting;
use crate::support::{Host, Process, Running, eventually};

const GATE_A: (&str, &str) = ("server.external_url", "https://gate-a.test:8443");
const GATE_B: (&str, &str) = ("server.external_url", "https://gate-b.test:8443");

/// The admin, at the listen address.
fn admin(at: &Running) -> Client {
    Client::new(&format!("https://{}", at.local), at.root).basic("admin", PASSWORD)
}

/// The names in the listener's certificate, which a handshake for `name` accepts.
async fn presented(at: &Running, name: &str) -> Result<Vec<String>, String> {
    let tcp = TcpStream::connect(at.local).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = trusting(at).connect(name, tcp).await.map_err(|error| error.to_string())?;
    let leaf = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
    let names = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
    let shown = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            <[u8; 4]>::try_from(*bytes).map(|bytes| std::net::Ipv4Addr::from(bytes).to_string()).ok()
        }
        _ => None,
    });
    Ok(shown.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_has_every_name_until_retired() {
    let aliases = ("server.names", "alias.test, 10.9.8.7");
    let (data_dir, clock, _own) = Running::start_with(&[GATE_A]).await.stop().await;
    let at = Running::open(&data_dir, clock, &[GATE_B, aliases]).await.unwrap();
    let names = presented(&at, "gate-a.test").await.unwrap();
    for name in ["gate-a.test", "gate-b.test", "alias.test", "10.9.8.7", "localhost", "127.0.0.1"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    let retired = json!({ "issuer": GATE_A.1, "confirm": true });
    assert_eq!(admin(&at).post("/api/v1/issuers/retire", &retired).await.status, 200);
    eventually("the retired name goes", async || presented(&at, "gate-a.test").await.err()).await;
    let names = presented(&at, "gate-b.test").await.unwrap();
    assert!(
        !names.contains(&"gate-a.test".to_owned()) && names.contains(&"alias.test".to_owned()),
        "{names:?}"
    );
    let (data_dir, clock, _own) = at.stop().await;
    let at = Running::open(&data_dir, clock, &[GATE_B]).await.unwrap();
    assert!(presented(&at, "gate-a.test").await.is_err() && presented(&at, "alias.test").await.is_err());
}

/// A client that reaches the server at `url`, whatever DNS says.
fn client_at(at: &Running, url: &str, identity: Option<Identity>) -> Client {
    Client::with_identity(url, at.root, identity).at(at.local)
}

/// Starts it again with another external URL.
async fn moved(at: Running, url: (&str, &str)) -> Running {
    let (data_dir, clock, own) = at.stop().await;
    // The directory is removed with the test.
    std::mem::forget(own);
    Running::open(&data_dir, clock, &[url]).await.unwrap()
}

async fn minted(at: &Running, terms: Value) -> String {
    let said = admin(at).post("/api/v1/enrollment-tokens", &terms).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json["token"].as_str().unwrap().to_owned()
}

/// Redeems a token at `url`.
async fn enrolled_at(at: &Running, url: &str, token: &str) -> (Host, Value) {
    let host = Host::new();
    let said =
        client_at(at, url, None).bearer(token).post("/api/v1/bootstrap", &json!({ "csr": host.csr() })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    (host, said.json)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_cuts_off_no_host_and_no_token() {
    let at = Running::start_with(&[GATE_A]).await;
    let (once, forever) = (minted(&at, json!({})).await, minted(&at, json!({ "persistent": true })).await);
    let (host, enrolled) = enrolled_at(&at, GATE_A.1, &forever).await;
    assert_eq!(enrolled["server_url"], GATE_A.1);
    let at = moved(at, GATE_B).await;
    let (_, late) = enrolled_at(&at, GATE_A.1, &once).await;
    assert_eq!(late["server_url"], GATE_B.1);
    enrolled_at(&at, GATE_B.1, &forever).await;
    let client = client_at(&at, GATE_A.1, Some(host.identity(&enrolled)));
    assert_eq!(client.get("/api/v1/whoami").await.json["server_url"], GATE_B.1);
    let renewed = client.post("/api/v1/renew", &json!({ "csr": host.csr() })).await;
    assert_eq!((renewed.status, &renewed.json["server_url"]), (200, &json!(GATE_B.1)), "{}", renewed.text);
    let sign_in = json!({ "username": "admin", "password": PASSWORD, "kind": "bearer" });
    let session =
        client_at(&at, GATE_A.1, None).header(ORIGIN, GATE_A.1).post("/api/v1/session", &sign_in).await;
    assert_eq!(session.status, 201, "{}", session.text);
    let secret = session.json["session"].as_str().unwrap();
    assert_eq!(client_at(&at, GATE_A.1, None).bearer(secret).get("/api/v1/session").await.status, 200);
    let client = client_at(&at, GATE_A.1, Some(host.identity(&renewed.json)));
    assert_eq!(client.post("/api/v1/leave", &json!({})).await.status, 200);
}

/// The live hosts that use this URL.
async fn hosts_at(at: &Running, url: &str) -> Value {
    let listed = admin(at).get("/api/v1/issuers").await.json;
    let found = listed["items"].as_array().unwrap().iter().find(|item| item["id"] == url);
    found.map_or(Value::Null, |item| item["live_hosts"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_counted_by_the_name_they_reached() {
    let at = Running::start_with(&[GATE_A]).await;
    let token = minted(&at, json!({ "max_uses": 2 })).await;
    let (one, first) = enrolled_at(&at, GATE_A.1, &token).await;
    let (two, second) = enrolled_at(&at, GATE_A.1, &token).await;
    let at = moved(at, GATE_B).await;
    assert_eq!(hosts_at(&at, GATE_A.1).await, 2);
    let whoami =
        async |url: &str| client_at(&at, url, Some(one.identity(&first))).get("/api/v1/whoami").await;
    assert_eq!(whoami(GATE_B.1).await.status, 200);
    assert_eq!((hosts_at(&at, GATE_A.1).await, hosts_at(&at, GATE_B.1).await), (json!(1), json!(1)));
    let refused = admin(&at).post("/api/v1/issuers/retire", &json!({ "issuer": GATE_A.1 })).await;
    assert_eq!((refused.status, refused.code()), (409, "issuer_needed"));
    assert!(refused.text.contains("1 live host(s)"), "{}", refused.text);
    let client = client_at(&at, GATE_B.1, Some(two.identity(&second)));
    assert_eq!(client.post("/api/v1/renew", &json!({ "csr": two.csr() })).await.status, 200);
    assert_eq!((hosts_at(&at, GATE_A.1).await, hosts_at(&at, GATE_B.1).await), (json!(0), json!(2)));
    // The listen address is a name of the server, and no external URL.
    assert_eq!(whoami(&format!("https://{}", at.local)).await.status, 200);
    assert_eq!(hosts_at(&at, GATE_B.1).await, 1);
    let names = &at.authority.names;
    assert_eq!(names.reached("stranger.test:8443", None), None);
    assert_eq!(names.reached("GATE-B.test:8443", Some(GATE_B.1)), None, "nothing new");
    assert_eq!(names.reached("gate-b.test:8443", None).as_deref(), Some(GATE_B.1));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_port_of_a_name_is_another_url() {
    let at = Running::start_with(&[GATE_A]).await;
    let token = minted(&at, json!({})).await;
    let (host, enrolled) = enrolled_at(&at, GATE_A.1, &token).await;
    let plain = ("server.external_url", "https://gate-a.test");
    let at = moved(at, plain).await;
    assert_eq!((hosts_at(&at, GATE_A.1).await, hosts_at(&at, plain.1).await), (json!(1), json!(0)));
    let client = client_at(&at, plain.1, Some(host.identity(&enrolled)));
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    assert_eq!((hosts_at(&at, GATE_A.1).await, hosts_at(&at, plain.1).await), (json!(0), json!(1)));
    // A host at yet another port needs the name of the former URL only while no other URL has it.
    let client = client_at(&at, "https://gate-a.test:9999", Some(host.identity(&enrolled)));
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    assert_eq!(hosts_at(&at, GATE_A.1).await, 0);
    let at = moved(at, GATE_B).await;
    assert_eq!(hosts_at(&at, plain.1).await, 0, "the other former URL has the name too");
    let retire = json!({ "issuer": plain.1, "confirm": true });
    assert_eq!(admin(&at).post("/api/v1/issuers/retire", &retire).await.status, 200);
    assert_eq!(hosts_at(&at, GATE_A.1).await, 1, "the last URL with that name");
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_reports_a_changed_url_and_its_users() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let server = Process::start(&data_dir, &["--external-url", GATE_A.1]).await;
    let said = server.admin().post("/api/v1/enrollment-tokens", &json!({})).await.json;
    let host = Host::new();
    let at_a =
        Client::new(GATE_A.1, server.root).at(server.url.strip_prefix("https://").unwrap().parse().unwrap());
    let redeemed = at_a
        .bearer(said["token"].as_str().unwrap())
        .post("/api/v1/bootstrap", &json!({ "csr": host.csr() }))
        .await;
    assert_eq!(redeemed.status, 200, "{}", redeemed.text);
    assert!(!server.log().contains("external URL has changed"), "{}", server.log());
    server.stop().await;
    let server = Process::start(&data_dir, &["--external-url", GATE_B.1]).await;
    for line in [
        format!("the external URL has changed from {} to {}", GATE_A.1, GATE_B.1),
        format!("1 live host still uses {}", GATE_A.1),
        format!("live persistent tokens that name {}: 2, the emergency token too", GATE_A.1),
    ] {
        server.logs(&line).await;
    }
    let retire = |more: &[&str]| {
        let mut command = gatepass();
        command.args(["issuer", "retire", GATE_A.1, "--data-dir"]).arg(&data_dir).args(more).output().unwrap()
    };
    let asked = String::from_utf8(retire(&[]).stderr).unwrap();
    assert!(asked.contains("2 live persistent tokens") && asked.contains("1 live host reached"), "{asked}");
    let done = retire(&["--yes", "-o", "json"]);
    let answer: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&answer["live_hosts"], &answer["tokens_revoked"]), (&json!(1), &json!(2)), "{answer}");
    server.stop().await;
}
