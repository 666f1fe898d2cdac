//! mTLS as curl and openssl speak it.

use std::process::Command;

use serde_json::json;

use super::served::Served;
use super::tool;

#[test]
fn curl_needs_a_host_certificate_for_mtls() {
    let at = Served::start();
    let host = at.enroll("host");
    let (cert, key) = (at.arg("host-full.pem"), at.arg("host.key"));
    let known = at.curl("/api/v1/whoami", &["--cert", &cert, "--key", &key], "");
    assert_eq!(known.status, 200, "{}", known.body);
    assert_eq!(known.json["host_id"], host["host_id"]);
    assert_eq!(known.json["roles"], json!(["allocator", "proxy"]));
    assert_eq!(at.curl("/api/v1/whoami", &[], "").status, 401);
}

#[test]
fn curl_over_http2_gets_the_refusals_reason() {
    let at = Served::start();
    let large = "x".repeat(300 << 10);
    let upload = ["--http2", "--header", "Content-Type: application/json", "--data-binary", "@-"];
    let bearer = [upload.as_slice(), &["--header", "Authorization: Bearer a.b.c"]].concat();
    let forged = at.curl("/api/v1/bootstrap", &bearer, &large);
    assert_eq!((forged.status, &forged.json["code"]), (401, &json!("invalid_token")));
    let too_large = at.curl("/api/v1/bootstrap", &upload, &large);
    assert_eq!((too_large.status, &too_large.json["code"]), (413, &json!("body_too_large")));
    let stranger = at.curl("/api/v1/enrollment-tokens", &upload, &large);
    assert_eq!((stranger.status, &stranger.json["code"]), (401, &json!("unauthenticated")));
    let nowhere = at.curl("/nowhere", &upload, &large);
    assert_eq!((nowhere.status, &nowhere.json["code"]), (404, &json!("not_found")));
}

#[test]
fn s_client_verifies_the_server_to_its_root() {
    let at = Served::start();
    let host = at.enroll("host");
    for version in ["-tls1_2", "-tls1_3"] {
        let said = s_client(&at, version);
        assert!(said.contains("Verify return code: 0 (ok)"), "{version}: {said}");
        assert!(said.contains("HTTP/1.1 200"), "{version}: {said}");
        assert!(said.contains(host["host_id"].as_str().unwrap()), "{version}: {said}");
    }
}

/// One request over `openssl s_client`, with the certificate of `host`.
fn s_client(at: &Served, version: &str) -> String {
    let address = at.url.strip_prefix("https://").unwrap();
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", address, "-CAfile", &at.root(), "-verify_return_error", version]);
    client.args(["-cert", &at.arg("host.pem"), "-cert_chain", &at.arg("host-chain.pem"), "-ign_eof"]);
    client.args(["-key", &at.arg("host.key")]);
    client.args(["-verify_ip", "127.0.0.1"]);
    let request = format!("GET /api/v1/whoami HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    tool::run(&mut client, &request).expect_good()
}

/// A browser gets the certificate that it trusts, and a host the one that it pins. Both are asked for a certificate of this authority
/// alone.
#[test]
fn openssl_gets_the_certificate_of_the_server_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("console.pem"), path("console.key"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    openssl.args(["-subj", "/CN=console", "-addext", "subjectAltName=DNS:console.example.org"]);
    tool::run(openssl.args(["-out", &certificate, "-keyout", &key]), "").expect_good();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let text = "[[server.certificates]]\nname = \"console.example.org\"\ncertificate = \"console.pem\"\nkey = \"console.key\"\n";
    std::fs::write(path("gatepass.toml"), text).unwrap();
    let at = Served::start_in(dir);
    let address = at.url.strip_prefix("https://").unwrap();
    for (name, ca) in [("console.example.org", certificate.clone()), ("gate.example.org", at.root())] {
        for version in ["-tls1_2", "-tls1_3"] {
            let mut client = Command::new("openssl");
            client.args(["s_client", "-connect", address, "-servername", name, "-CAfile", &ca, version]);
            let said = tool::run(client.arg("-verify_return_error"), "").expect_good();
            assert!(said.contains("Verify return code: 0 (ok)"), "{name} {version}: {said}");
            let asked = said.split("Acceptable client certificate CA names\n").nth(1);
            let asked = asked.unwrap_or_else(|| panic!("any certificate is asked for: {said}"));
            assert!(asked.lines().next().unwrap().contains("gatepass"), "{name} {version}: {said}");
        }
    }
}

#[test]
fn a_host_certificate_of_another_authority_opens_nothing() {
    let (at, other) = (Served::start(), Served::start());
    other.enroll("stranger");
    let (cert, key) = (other.arg("stranger-full.pem"), other.arg("stranger.key"));
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--max-time", "60", "--cacert", &at.root(), "--cert", &cert]);
    let said = tool::run(curl.args(["--key", &key]).arg(format!("{}/api/v1/whoami", at.url)), "");
    said.expect_bad();
}
