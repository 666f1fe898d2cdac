//! The CRL follows a revocation automatically.

use std::fs;

use gatepass::id::Serial;
use rustls::pki_types::{CertificateRevocationListDer, pem::PemObject as _};
use serde_json::json;

use crate::support::{Host, Running, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_reaches_the_crl() {
    let at = Running::start().await;
    let enrolled = Host::new().redeem(&at, &at.mint_once().await).await.json;
    let host = format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap());
    let item = at.admin().get(&host).await.json;
    let serial = Serial::parse(item["certificate"]["serial"].as_str().unwrap()).unwrap();
    let ca = at.admin().get("/api/v1/ca").await.json;
    let path = format!("/ca/crl/{}.der", ca["issuing"][0]["ski"].as_str().unwrap());
    let listed = async || {
        let said = at.stranger().get(&path).await;
        (said.status == 200).then(|| said.bytes.windows(16).any(|bytes| bytes == serial.as_bytes()))
    };
    assert!(!eventually("the first CRL is signed", listed).await);
    assert_eq!(at.admin().delete(&host).await.status, 200);
    eventually("the serial is on the CRL", async || listed().await.filter(|listed| *listed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_issuing_cas_crl_leads_the_file() {
    let at = Running::start().await;
    at.settled().await;
    // Servers that read one CRL of a file alone must not get a root's, which lists no host.
    for rotation in [json!({}), json!({ "root": true }), json!({})] {
        let rotated = at.admin().post("/api/v1/ca/rotate", &rotation).await;
        assert_eq!(rotated.status, 200, "{}", rotated.text);
        let mut issuing = Vec::new();
        for ca in rotated.json["issuing"].as_array().unwrap() {
            let path = format!("/ca/crl/{}.der", ca["ski"].as_str().unwrap());
            issuing.push(at.stranger().get(&path).await.bytes);
        }
        let file = at.stranger().get("/ca/crl.pem").await.text;
        let crls = CertificateRevocationListDer::pem_slice_iter(file.as_bytes());
        let led = crls.take(issuing.len()).map(|crl| crl.unwrap().to_vec()).collect::<Vec<_>>();
        assert!(led == issuing, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_root_crl_is_signed_again() {
    let at = Running::start().await;
    at.settled().await;
    let file = |end: &str| at.data_dir().join(format!("keys/ca-root-{}.{end}", at.root));
    let before = fs::read_to_string(file("crl")).unwrap();
    fs::write(file("crl"), "broken").unwrap();
    at.authority.ca.crls.sign().await.unwrap();
    let after = fs::read_to_string(file("crl")).unwrap();
    assert!(after != before && after.contains("BEGIN X509 CRL"), "{after}");

    fs::write(file("crl"), "broken").unwrap();
    fs::remove_file(file("key")).unwrap();
    at.authority.ca.crls.sign().await.unwrap();
    assert!(at.stranger().get("/ca/crl.pem").await.text.contains(&after), "the previous one is served");
    let warnings = at.admin().get("/api/v1/ca").await.json["warnings"].to_string();
    assert!(warnings.contains("the previous CRL of the root is served"), "{warnings}");
    at.stop().await;
}
