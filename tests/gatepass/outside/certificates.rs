//! Host certificates and CRLs, judged by openssl.

use serde_json::Value;

use super::served::{Served, eventually};
use super::tool::{Said, openssl};

/// The CRL of the issuing CA, fetched now, in PEM.
fn crl(at: &Served) -> String {
    let ca = at.admin("GET", "/api/v1/ca", &Value::Null);
    let ski = ca.json["issuing"][0]["ski"].as_str().unwrap().to_owned();
    let file = at.arg("crl.der");
    let fetched = at.curl(&format!("/ca/crl/{ski}.der"), &["--output", &file], "");
    assert_eq!(fetched.status, 200);
    openssl(["crl", "-inform", "DER", "-in", &file]).expect_good()
}

fn verify(at: &Served, host: &str, purpose: &str) -> Said {
    let crls = at.file("crl.pem", &crl(at));
    let chain = at.arg(&format!("{host}-chain.pem"));
    let leaf = at.arg(&format!("{host}.pem"));
    let root = at.root();
    let trust = ["verify", "-x509_strict", "-purpose", purpose, "-crl_check", "-CAfile", &root];
    openssl(trust.into_iter().chain(["-untrusted", &chain, "-CRLfile", &crls, &leaf]))
}

#[test]
fn openssl_refuses_a_certificate_only_once_revoked() {
    let at = Served::start();
    let (gone, stays) = (at.enroll("gone"), at.enroll("stays"));
    assert_ne!(gone["host_id"], stays["host_id"]);
    for purpose in ["sslclient", "sslserver"] {
        verify(&at, "gone", purpose).expect_good();
    }

    let id = gone["host_id"].as_str().unwrap();
    let revoked = at.admin("DELETE", &format!("/api/v1/hosts/{id}"), &Value::Null);
    assert_eq!(revoked.status, 200, "{}", revoked.body);
    let refusal = eventually("a CRL that lists the host", || {
        let said = verify(&at, "gone", "sslclient");
        (!said.good).then(|| said.expect_bad())
    });
    assert!(refusal.contains("certificate revoked"), "{refusal}");
    verify(&at, "stays", "sslclient").expect_good();
}

#[test]
fn a_host_certificate_is_not_a_ca() {
    let (at, other) = (Served::start(), Served::start());
    at.enroll("host");
    let leaf = at.arg("host.pem");
    let shown = openssl(["x509", "-in", &leaf, "-noout", "-text"]).expect_good();
    for wanted in ["CA:FALSE", "Digital Signature", "TLS Web Client Authentication", "URI:spiffe://"] {
        assert!(shown.contains(wanted), "{wanted} is not in\n{shown}");
    }
    let subject = openssl(["x509", "-in", &leaf, "-noout", "-subject", "-nameopt", "RFC2253"]).expect_good();
    assert!(subject.contains("O=allocator") && subject.contains("O=proxy"), "{subject}");

    let chain = at.arg("host-chain.pem");
    let foreign = ["verify", "-x509_strict", "-CAfile", &other.root(), "-untrusted", &chain, &leaf];
    openssl(foreign).expect_bad();
}
