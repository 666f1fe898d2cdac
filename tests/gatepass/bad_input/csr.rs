//! A missing or hostile certificate request gets 422 with the reason, or a certificate that carries none of it. No use is
//! spent, and the same token then works with a good request.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    SanType,
};
use serde_json::{Value, json};

use super::used;
use crate::support::authority::token_of;
use crate::support::{Host, Running, Said};

async fn redeem(at: &Running, minted: &Value, csr: &Value) -> Said {
    let body = json!({ "csr": csr });
    at.stranger().bearer(&token_of(minted)).post("/api/v1/bootstrap", &body).await
}

fn pem(der: &[u8]) -> Value {
    json!(gatepass::ca::der_to_pem("CERTIFICATE REQUEST", der))
}

fn der_of(csr: &str) -> Vec<u8> {
    x509_parser::pem::parse_x509_pem(csr.as_bytes()).unwrap().1.contents
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_csr_is_422_and_spends_nothing() {
    let at = Running::start().await;
    let minted = at.mint(json!({})).await;
    let good = Host::new().csr();
    let der = der_of(&good);
    let mut flipped = der.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let rejected = [
        json!(""),
        json!("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n"),
        json!(good.repeat(2)),
        json!(good.replace("CERTIFICATE REQUEST", "CERTIFICATE")),
        json!("x".repeat(9000)),
        pem(&[der.as_slice(), &[0]].concat()),
        pem(&der[..der.len() - 1]),
        pem(&flipped),
        pem(&weak_rsa()),
    ];
    for csr in &rejected {
        let refused = redeem(&at, &minted, csr).await;
        assert_eq!((refused.status, refused.code()), (422, "csr_rejected"), "{csr}: {}", refused.text);
        assert!(refused.json["detail"].as_str().is_some_and(|reason| reason.len() > 10), "with the reason");
    }
    let absent = at.stranger().bearer(&token_of(&minted)).post("/api/v1/bootstrap", &json!({})).await;
    assert_eq!((absent.status, absent.code()), (422, "csr_rejected"));
    assert_eq!(used(&at, &minted).await, 0, "no use is spent");
    assert_eq!(redeem(&at, &minted, &json!(good)).await.status, 200);
    let ledger = at.admin().get("/api/v1/ledger?limit=1000").await.text;
    assert!(!ledger.contains("BEGIN CERTIFICATE"));
}

/// A request for an RSA key of 2048 bits: refused unless an operator allows RSA.
fn weak_rsa() -> Vec<u8> {
    let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    CertificateParams::default().serialize_request(&key).unwrap().der().to_vec()
}

/// Everything that a requester could wish for.
fn greedy(key: &KeyPair) -> String {
    let mut params =
        CertificateParams::new(vec!["*.example.org".to_owned(), "localhost".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
    params.subject_alt_names.push(SanType::URI("spiffe://127.0.0.1/gatepass".try_into().unwrap()));
    params.distinguished_name.push(DnType::CommonName, "admin");
    params.distinguished_name.push(DnType::OrganizationName, "system:masters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning, ExtendedKeyUsagePurpose::Any];
    params.serialize_request(key).unwrap().pem().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_csr_influences_no_certificate() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["proxy"] })).await;
    let key = KeyPair::generate().unwrap();
    let enrolled = redeem(&at, &minted, &json!(greedy(&key))).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    let (_, block) =
        x509_parser::pem::parse_x509_pem(enrolled.json["certificate"].as_str().unwrap().as_bytes()).unwrap();
    let certificate = block.parse_x509().unwrap();
    let host = enrolled.json["host_id"].as_str().unwrap();
    assert_eq!(certificate.subject().to_string(), format!("CN={host}, O=proxy"));
    assert!(!certificate.is_ca());
    let usage = certificate.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && !usage.key_cert_sign() && !usage.crl_sign());
    let extended = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.client_auth && extended.server_auth && !extended.any && !extended.code_signing);
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    let uri = format!("URI(spiffe://127.0.0.1/host/{host})");
    assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), [uri]);
    assert_eq!(certificate.public_key().raw, x509_of(&key), "the public key, byte for byte");
}

fn x509_of(key: &KeyPair) -> Vec<u8> {
    use rcgen::PublicKeyData as _;
    key.subject_public_key_info()
}

#[tokio::test(flavor = "multi_thread")]
async fn rsa_is_certified_only_where_an_operator_allows_it() {
    let at = Running::start_with(&[("hosts.allow_rsa_keys", "true")]).await;
    let minted = at.mint(json!({})).await;
    let enrolled = redeem(&at, &minted, &pem(&weak_rsa())).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_a_megabyte_is_413() {
    let at = Running::start().await;
    let minted = at.mint(json!({})).await;
    let refused = redeem(&at, &minted, &json!("A".repeat(1 << 20))).await;
    assert_eq!((refused.status, refused.code()), (413, "body_too_large"));
    assert_eq!(used(&at, &minted).await, 0);
}
