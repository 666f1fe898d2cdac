//! Certificate requests that openssl makes.

use serde_json::json;

use super::served::Served;
use super::tool::openssl;

#[test]
fn openssls_requests_get_a_certificate_of_their_key() {
    let at = Served::start();
    let kinds: [(&str, &[&str]); 3] = [
        ("p256", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("p384", &["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("ed25519", &["ED25519"]),
    ];
    for (name, algorithm) in kinds {
        let mut csr = at.request(name, algorithm);
        let key = at.arg(&format!("{name}.key"));
        if name == "p384" {
            // The hash belongs to the curve.
            csr = openssl(["req", "-new", "-sha384", "-key", &key, "-subj", "/CN=x"]).expect_good();
        }
        let enrolled = at.redeem(&at.mint(&json!({ "roles": ["proxy"] })), &csr);
        assert_eq!(enrolled.status, 200, "{name}: {}", enrolled.body);
        let leaf = at.file(&format!("{name}.pem"), enrolled.json["certificate"].as_str().unwrap());
        let certified = openssl(["x509", "-in", &leaf, "-noout", "-pubkey"]).expect_good();
        assert_eq!(certified, openssl(["pkey", "-in", &key, "-pubout"]).expect_good(), "{name}");
    }
}

#[test]
fn an_rsa_request_is_refused_and_spends_no_use() {
    let at = Served::start();
    let token = at.mint(&json!({ "roles": ["proxy"], "max_uses": 1 }));
    let rsa = at.request("rsa", &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let refused = at.redeem(&token, &rsa);
    assert_eq!((refused.status, &refused.json["code"]), (422, &json!("csr_rejected")), "{}", refused.body);

    let good = at.request("good", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    assert_eq!(at.redeem(&token, &good).status, 200);
}

#[test]
fn only_an_openssl_requests_key_is_certified() {
    let at = Served::start();
    at.request("greedy", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let key = at.arg("greedy.key");
    let subject = "/O=system:masters/O=director/CN=admin";
    let wishes = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign,cRLSign"];
    let names = ["-addext", "subjectAltName=DNS:*.example.org,IP:127.0.0.1"];
    let asked = ["req", "-new", "-key", &key, "-subj", subject].into_iter().chain(wishes).chain(names);
    let csr = openssl(asked).expect_good();
    let answer = at.redeem(&at.mint(&json!({ "roles": ["proxy"] })), &csr);
    // Refusing it with a reason is as good as ignoring what it asks for.
    if answer.status != 200 {
        assert_eq!((answer.status, &answer.json["code"]), (422, &json!("csr_rejected")), "{}", answer.body);
        return;
    }
    let leaf = at.file("greedy.pem", answer.json["certificate"].as_str().unwrap());
    let shown = openssl(["x509", "-in", &leaf, "-noout", "-text"]).expect_good();
    for unwanted in ["masters", "director", "CN=admin", "CA:TRUE", "Certificate Sign", "example.org", "IP "] {
        assert!(!shown.contains(unwanted), "{unwanted} is in\n{shown}");
    }
}
