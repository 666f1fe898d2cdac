//! Revoking a former issuing CA, with the hosts that still have its certificates.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use gatepass::ca::{crl_lists, pem_to_der};
use gatepass::id::Serial;
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::support::process::gatepass;
use crate::support::{Host, Process, Running, Said};

async fn rotate(at: &Running, how: Value) {
    let rotated = at.admin().post("/api/v1/ca/rotate", &how).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
}

async fn revoke(at: &Running, ski: &Value) -> Said {
    at.admin().post("/api/v1/ca/revoke", &json!({ "ski": ski })).await
}

/// The subject key identifiers of the issuing CAs, the current one first.
async fn issuing(at: &Running) -> Vec<Value> {
    let status = at.admin().get("/api/v1/ca").await.json;
    status["issuing"].as_array().unwrap().iter().map(|ca| ca["ski"].clone()).collect()
}

/// The serial number of the issuing CA in a chain.
fn serial_of_issuer(enrolled: &Value) -> Serial {
    let chain = enrolled["chain"].as_str().unwrap();
    let first = chain.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap();
    let der = pem_to_der("CERTIFICATE", first).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    Serial::from_bytes(certificate.raw_serial().try_into().unwrap())
}

/// True if one of the published CRLs lists the certificate.
async fn is_listed(at: &Running, serial: Serial) -> bool {
    let text = at.stranger().get("/ca/crl.pem").await.text;
    text.split_inclusive("-----END X509 CRL-----\n")
        .any(|crl| crl_lists(&pem_to_der("X509 CRL", crl).unwrap(), serial))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_issuing_ca_takes_its_hosts_along() {
    let at = Running::start().await;
    at.settled().await;
    let old = Host::new();
    let enrolled = old.redeem(&at, &at.mint_once().await).await.json;
    let kept = old.client(&at, &enrolled);
    assert_eq!(kept.get("/api/v1/whoami").await.status, 200);
    let former = issuing(&at).await[0].clone();
    let refused = revoke(&at, &former).await;
    assert_eq!((refused.status, refused.code()), (409, "issuing_ca_in_use"), "{}", refused.text);
    rotate(&at, json!({})).await;
    let new = Host::new();
    let joined = new.redeem(&at, &at.mint_once().await).await.json;

    let order = json!({ "ski": former, "dry_run": true });
    let counted = at.admin().post("/api/v1/ca/revoke", &order).await.json;
    assert_eq!(counted, json!({ "changed": true, "hosts": 1 }));
    assert_eq!((kept.get("/api/v1/whoami").await.status, at.entries("ca_revoked").await), (200, 0));
    let serial = serial_of_issuer(&enrolled);
    assert!(!is_listed(&at, serial).await);
    assert_eq!(revoke(&at, &former).await.json, json!({ "changed": true, "hosts": 1 }));

    assert_eq!(kept.get("/api/v1/whoami").await.status, 403, "the open connection is no way around");
    assert_eq!(new.client(&at, &joined).get("/api/v1/whoami").await.status, 200);
    assert!(is_listed(&at, serial).await);
    let bundle = at.stranger().get("/ca/bundle.pem").await.text;
    assert_eq!(bundle.matches("BEGIN CERTIFICATE").count(), 2, "{bundle}");
    assert_eq!((at.entries("ca_revoked").await, at.entries("host_revoked").await), (1, 1));
    assert!(!at.data_dir().join(format!("keys/ca-issuing-{}.key", former.as_str().unwrap())).exists());

    let at = at.restart().await;
    assert_eq!(revoke(&at, &former).await.json, json!({ "changed": false, "hosts": 0 }));
    let status = at.admin().get("/api/v1/ca").await.json;
    assert_eq!((&status["revoked"][0]["ski"], &status["live_hosts"]), (&former, &json!(1)));
    assert!(is_listed(&at, serial).await);
    let unknown = revoke(&at, &json!("00ff")).await;
    assert_eq!((unknown.status, unknown.code()), (404, "not_found"));
    assert!(unknown.text.contains(issuing(&at).await[0].as_str().unwrap()), "{}", unknown.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_revoked_issuer_is_refused() {
    let at = Running::start().await;
    at.settled().await;
    let (old, next) = (Host::new(), Host::new());
    let enrolled = old.redeem(&at, &at.mint_once().await).await.json;
    let kept = old.client(&at, &enrolled);
    rotate(&at, json!({})).await;
    let renewed = kept.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
    assert_eq!((renewed.status, kept.get("/api/v1/whoami").await.status), (200, 200), "until its first use");
    let former = issuing(&at).await[1].clone();
    assert_eq!(revoke(&at, &former).await.json, json!({ "changed": true, "hosts": 0 }), "it has renewed");
    let refused = kept.get("/api/v1/whoami").await;
    assert_eq!((refused.status, refused.code()), (403, "certificate_revoked"), "{}", refused.text);
    assert!(refused.text.contains("issuing CA"), "{}", refused.text);
    assert_eq!(next.client(&at, &renewed.json).get("/api/v1/whoami").await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_former_root_key_revokes_below_it() {
    let at = Running::start().await;
    at.settled().await;
    let enrolled = Host::new().redeem(&at, &at.mint_once().await).await.json;
    let key = at.data_dir().join(format!("keys/ca-root-{}.key", at.root));
    let copy = fs::read(&key).unwrap();
    rotate(&at, json!({ "root": true })).await;
    let former = issuing(&at).await[1].clone();
    let refused = revoke(&at, &former).await;
    assert_eq!((refused.status, refused.code()), (409, "root_key_away"), "{}", refused.text);
    assert!(refused.text.contains(key.file_name().unwrap().to_str().unwrap()), "{}", refused.text);
    put_back(&key, &copy);
    assert_eq!(revoke(&at, &former).await.json, json!({ "changed": true, "hosts": 1 }));
    assert!(is_listed(&at, serial_of_issuer(&enrolled)).await);
    assert!(!key.exists(), "it is destroyed again");
    at.stop().await;
}

/// Puts the private key of a root back, as an administrator does.
fn put_back(key: &Path, text: &[u8]) {
    fs::write(key, text).unwrap();
    fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stays_until_its_crl_can_be_written() {
    let at = Running::start().await;
    at.settled().await;
    let enrolled = Host::new().redeem(&at, &at.mint_once().await).await.json;
    let key = at.data_dir().join(format!("keys/ca-root-{}.key", at.root));
    let (crl, copy) = (key.with_extension("crl"), fs::read(&key).unwrap());
    rotate(&at, json!({})).await;
    let former = issuing(&at).await[1].clone();
    let signed = fs::read(&crl).unwrap();
    fs::remove_file(&crl).unwrap();
    fs::create_dir(&crl).unwrap();
    let refused = revoke(&at, &former).await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    let refused = at.admin().post("/api/v1/ca/rotate", &json!({ "root": true })).await;
    assert_eq!((refused.status, key.exists()), (503, true), "{}", refused.text);

    fs::remove_dir(&crl).unwrap();
    put_back(&crl, &signed);
    assert_eq!(revoke(&at, &former).await.json["changed"], false);
    assert!(is_listed(&at, serial_of_issuer(&enrolled)).await);
    rotate(&at, json!({ "root": true })).await;
    assert!(!key.exists());

    let former = issuing(&at).await[1].clone();
    put_back(&key, &copy);
    fs::remove_file(&crl).unwrap();
    fs::create_dir(&crl).unwrap();
    let refused = revoke(&at, &former).await;
    assert_eq!((refused.status, key.exists()), (503, true), "{}", refused.text);
    fs::remove_dir(&crl).unwrap();
    assert_eq!(revoke(&at, &former).await.json["changed"], false);
    assert!(!key.exists());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_crl_keeps_the_roots_key() {
    let at = Running::start().await;
    at.settled().await;
    let enrolled = Host::new().redeem(&at, &at.mint_once().await).await.json;
    let key = at.data_dir().join(format!("keys/ca-root-{}.key", at.root));
    let (crl, copy) = (key.with_extension("crl"), fs::read(&key).unwrap());
    rotate(&at, json!({ "root": true })).await;
    let former = issuing(&at).await[1].clone();
    let before = fs::read(&crl).unwrap();
    put_back(&key, &copy);
    assert_eq!(revoke(&at, &former).await.status, 200);
    assert!(!key.exists());
    let clock = Arc::clone(&at.clock);
    let (data_dir, _, own) = at.stop().await;
    put_back(&crl, &before);
    put_back(&key, &copy);

    let at = Running::open(&data_dir, clock, &[]).await.unwrap();
    assert!(key.exists(), "no CRL lists the revoked CA yet");
    assert_eq!(revoke(&at, &former).await.json, json!({ "changed": false, "hosts": 0 }));
    assert!(is_listed(&at, serial_of_issuer(&enrolled)).await);
    assert!(!key.exists());
    at.stop().await;
    drop(own);
}

fn run(server: &Process, args: &[&str]) -> Output {
    gatepass().args(args).arg("--data-dir").arg(&server.data_dir).output().unwrap()
}

fn said(server: &Process, args: &[&str]) -> String {
    let output = run(server, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The question of a command that stops without a terminal.
fn question(server: &Process, args: &[&str]) -> String {
    let output = run(server, args);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {complaint}");
    assert!(complaint.contains("nothing was done") && complaint.contains("--yes"), "{complaint}");
    complaint
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_on_cas_and_keys_ask_with_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let status = || serde_json::from_str::<Value>(&said(&server, &["ca", "status", "-o", "json"])).unwrap();
    let token = said(&server, &["token", "create", "--quiet"]);
    let certs = dir.path().join("certs");
    let mut enroll = gatepass();
    enroll.args(["enroll", "--cert-dir"]).arg(&certs).env("GATEPASS_TOKEN", token.trim());
    assert!(enroll.output().unwrap().status.success());
    let (before, keys) = (status(), said(&server, &["keys", "list", "--utc"]));
    let former = before["issuing"][0]["ski"].as_str().unwrap().to_owned();

    let asked = question(&server, &["ca", "rotate"]);
    assert!(asked.contains("1 live host ") && asked.contains(&former), "{asked}");
    let asked = question(&server, &["ca", "rotate", "--root"]);
    let tokens = before["live_persistent_tokens"].as_u64().unwrap();
    assert!(
        asked.contains(&format!("{tokens} live persistent tokens")) && asked.contains("destroy"),
        "{asked}"
    );
    let asked = question(&server, &["keys", "rotate"]);
    assert!(asked.contains(&format!("{tokens} live persistent tokens will stay valid")), "{asked}");
    assert_eq!((status(), said(&server, &["keys", "list", "--utc"])), (before, keys), "nothing was done");

    let done = said(&server, &["keys", "rotate", "--yes"]);
    assert!(done.contains("next: ") && done.contains("keys retire"), "{done}");
    let done = said(&server, &["ca", "rotate", "--yes"]);
    assert!(done.contains("created the issuing CA") && done.contains("goes to 1 live host at"), "{done}");
    let asked = question(&server, &["ca", "revoke", &former]);
    assert!(asked.contains(&former) && asked.contains("1 live host with its certificates"), "{asked}");
    let done = said(&server, &["ca", "revoke", &former.to_uppercase(), "--yes"]);
    assert!(done.contains("and 1 live host") && done.contains("next: "), "{done}");
    assert!(said(&server, &["ca", "status"]).contains("REVOKED ISSUING CA"));
    let again = said(&server, &["ca", "revoke", &former, "-o", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), json!({ "changed": false, "hosts": 0 }));
    let done = said(&server, &["ca", "rotate", "--root", "--yes"]);
    assert!(done.contains("created the root") && done.contains("former root"), "{done}");
    server.stop().await;
}
