//! Host certificates and CRLs, judged by openssl.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

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
fn openssl_finds_the_crl_of_each_issuing_ca() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/gatepass", listener.local_addr().unwrap());
    let at = Served::start_with(&[("GATEPASS_HOSTS__CRL_URL", &base)]);
    let directory = at.path("gatepass");
    std::fs::create_dir(&directory).unwrap();
    std::thread::spawn(move || serve_files(&listener, directory.parent().unwrap()));
    let gone = at.enroll("before");
    assert_eq!(at.admin("POST", "/api/v1/ca/rotate", &json!({})).status, 200);
    at.enroll("after");
    let download = |host: &str| {
        for ca in at.admin("GET", "/api/v1/ca", &Value::Null).json["issuing"].as_array().unwrap() {
            let name = format!("{}.der", ca["ski"].as_str().unwrap());
            let file = at.arg(&format!("gatepass/{name}"));
            assert_eq!(at.curl(&format!("/ca/crl/{name}"), &["--output", &file], "").status, 200);
        }
        let (root, chain, leaf) =
            (at.root(), at.arg(&format!("{host}-chain.pem")), at.arg(&format!("{host}.pem")));
        openssl(["verify", "-crl_check", "-crl_download", "-CAfile", &root, "-untrusted", &chain, &leaf])
    };
    download("before").expect_good();
    download("after").expect_good();
    let path = format!("/api/v1/hosts/{}", gone["host_id"].as_str().unwrap());
    assert_eq!(at.admin("DELETE", &path, &Value::Null).status, 200);
    let refusal = eventually("a CRL that lists the host", || {
        let said = download("before");
        (!said.good).then(|| said.expect_bad())
    });
    assert!(refusal.contains("certificate revoked"), "{refusal}");
    download("after").expect_good();
}

/// Serves the files of a directory over plain HTTP.
fn serve_files(listener: &TcpListener, root: &Path) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut head = String::new();
        for line in BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty())
        {
            head = if head.is_empty() { line } else { head };
        }
        let path = head.split(' ').nth(1).unwrap_or("/");
        let body = std::fs::read(root.join(path.trim_start_matches('/')));
        let status = if body.is_ok() { "200 OK" } else { "404 Not Found" };
        let body = body.unwrap_or_default();
        let head = format!("HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        // A client that went away has what it wanted.
        drop(stream.write_all(&[head.as_bytes(), &body].concat()));
    }
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
