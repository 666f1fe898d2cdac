//! Names, URLs, fingerprints and CA files as people and other tools write them.

use std::fs;
use std::path::Path;
use std::process::Command;

use gatepass::client::connect::server_url;
use gatepass::service::vault::write_private;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use crate::support::Process;
use crate::support::authority::{PASSWORD, token_of};
use crate::support::served::{Served, complaint, gatepass, run, serve};

fn enroll(cert_dir: &Path, token: &str) -> Command {
    let mut command = gatepass();
    command.args(["enroll", "-o", "json", "--cert-dir"]).arg(cert_dir).env("GATEPASS_TOKEN", token);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_name_enrolls_or_offers_another() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let mut mint = gatepass();
    mint.args(["token", "create", "--quiet", "--unlimited", "--dns-name", "*.Example.ORG.", "--data-dir"]);
    let minted = run(mint.arg(&server.data_dir));
    assert!(minted.status.success(), "{}", complaint(&minted));
    let token = String::from_utf8(minted.stdout).unwrap();
    for (number, text, name) in
        [(1, "WEB-01.Example.ORG", "web-01.example.org"), (2, " db.example.org. ", "db.example.org")]
    {
        let enrolled = run(enroll(&dir.path().join(number.to_string()), &token).args(["--name", text]));
        assert!(enrolled.status.success(), "{}", complaint(&enrolled));
        let host: Value = serde_json::from_slice(&enrolled.stdout).unwrap();
        assert_eq!(host["name"], name);
    }
    for (text, offered) in
        [("web_01.example.org", "write web-01.example.org"), ("m\u{fc}nchen.example.org", "xn--")]
    {
        let refused = run(enroll(&dir.path().join("none"), &token).args(["--name", text]));
        assert_eq!(refused.status.code(), Some(2), "{}", complaint(&refused));
        assert!(complaint(&refused).contains(offered), "{}", complaint(&refused));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_url_and_fingerprint_lead_to_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &["--external-url", "https://localhost"]).await;
    let port = server.url.rsplit_once(':').unwrap().1;
    let digits = server.root.to_string().to_uppercase();
    let pairs = digits.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned());
    let fingerprint = format!("sha256 Fingerprint={}", pairs.collect::<Vec<_>>().join(":"));
    let url = format!("HTTPS://LocalHost.:0{port}/");
    let minted = server.admin().post("/api/v1/enrollment-tokens", &json!({})).await.json;
    let certs = dir.path().join("certs");
    let mut enroll = enroll(&certs, &token_of(&minted));
    let enrolled = run(enroll.args(["--server", &url, "--ca-fingerprint", &fingerprint]));
    assert!(enrolled.status.success(), "{}", complaint(&enrolled));
    let host: Value = serde_json::from_slice(&enrolled.stdout).unwrap();
    assert_eq!(host["own_server"], format!("https://localhost:{port}"));

    let mut list = gatepass();
    list.args(["token", "list"]).env("GATEPASS_PASSWORD", PASSWORD);
    let listed = run(list.env("GATEPASS_SERVER", &url).env("GATEPASS_CA_FINGERPRINT", &fingerprint));
    assert!(listed.status.success(), "{}", complaint(&listed));

    let schemeless = format!("localhost:{port}");
    let refused = run(gatepass().args(["status", "--server", &schemeless, "--cert-dir"]).arg(&certs));
    assert_eq!(refused.status.code(), Some(2));
    assert!(complaint(&refused).contains(&format!("write https://{schemeless}")), "{}", complaint(&refused));
    assert_eq!(server_url(&url).unwrap(), format!("https://localhost:{port}"));
    server.stop().await;
}

/// A server with an external TLS certificate, and the PEM text of its CA.
struct Outside {
    dir: tempfile::TempDir,
    server: Served,
    ca: rcgen::Certificate,
}

impl Outside {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).unwrap();
        let names = vec![String::from("127.0.0.1"), String::from("localhost")];
        let leaf = CertificateParams::new(names).unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::new(params, ca_key)).unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("tls.pem"), leaf.pem()).unwrap();
        write_private(&path("tls.key"), key.serialize_pem().as_bytes()).unwrap();
        let mut serve = serve(&path("data"));
        for (setting, file) in [("server.tls_certificate", "tls.pem"), ("server.tls_key", "tls.key")] {
            serve.arg("--set").arg(format!("{setting}={}", path(file).display()));
        }
        Self { server: Served::start(serve), dir, ca }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_file_in_any_form_verifies_the_server() {
    let at = Outside::start();
    let path = |name: &str| at.dir.path().join(name);
    let mint =
        run(gatepass().args(["token", "create", "--quiet", "--unlimited", "--data-dir"]).arg(path("data")));
    assert!(mint.status.success(), "{}", complaint(&mint));
    let token = String::from_utf8(mint.stdout).unwrap();
    let (pem, der) = (at.ca.pem(), at.ca.der().to_vec());
    let broken = pem.replace("MII", "M!!");
    let latin1 = [b"# M\xfcnchen\n".as_slice(), pem.as_bytes()].concat();
    let mixed = format!("\u{feff}{broken}{pem}").into_bytes();
    for (name, bytes) in [("latin-1", &latin1), ("der", &der), ("mixed", &mixed)] {
        fs::write(path("ca"), bytes).unwrap();
        let enrolled = run(enroll(&path(name), &token).arg("--ca").arg(path("ca")));
        assert!(enrolled.status.success(), "{name}: {}", complaint(&enrolled));
        let warned = complaint(&enrolled).contains("broken certificate and was skipped");
        assert_eq!(warned, name == "mixed", "{name}: {}", complaint(&enrolled));
    }
    fs::write(path("ca"), &broken).unwrap();
    let refused = run(enroll(&path("none"), &token).arg("--ca").arg(path("ca")));
    assert_eq!(refused.status.code(), Some(1), "{}", complaint(&refused));
    assert!(complaint(&refused).contains("holds no certificate"), "{}", complaint(&refused));

    fs::create_dir(path("roots")).unwrap();
    fs::write(path("roots/README"), "not a certificate").unwrap();
    fs::write(path("roots/own.crt"), &der).unwrap();
    let by_directory = run(enroll(&path("by-directory"), &token).env("SSL_CERT_DIR", path("roots")));
    assert!(by_directory.status.success(), "{}", complaint(&by_directory));
    let by_file = run(enroll(&path("by-file"), &token).env("SSL_CERT_FILE", path("roots/own.crt")));
    assert!(by_file.status.success(), "{}", complaint(&by_file));
    let without = run(&mut enroll(&path("without"), &token));
    assert!(!without.status.success(), "the system's roots do not have it");
    assert!(at.server.stop().success());
}
