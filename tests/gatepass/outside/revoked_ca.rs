//! A revoked issuing CA, judged by OpenSSL and GnuTLS.

use std::process::Command;

use serde_json::json;

use super::served::Served;
use super::tool::{Said, openssl, run};

fn by_openssl(at: &Served, host: &str, crls: &str) -> Said {
    let (root, chain, leaf) =
        (at.root(), at.arg(&format!("{host}-chain.pem")), at.arg(&format!("{host}.pem")));
    let checks = ["verify", "-x509_strict", "-crl_check_all", "-CAfile", &root, "-CRLfile", crls];
    openssl(checks.into_iter().chain(["-untrusted", &chain, &leaf]))
}

fn by_gnutls(at: &Served, host: &str, crls: &str) -> Said {
    let mut certtool = Command::new("certtool");
    certtool.args(["--verify", "--load-ca-certificate", &at.root(), "--load-crl", crls, "--infile"]);
    run(certtool.arg(at.arg(&format!("{host}-full.pem"))), "")
}

#[test]
fn a_host_of_a_revoked_issuing_ca_is_refused() {
    let at = Served::start();
    at.enroll("old");
    let former = at.admin("GET", "/api/v1/ca", &json!(null)).json["issuing"][0]["ski"].clone();
    assert_eq!(at.admin("POST", "/api/v1/ca/rotate", &json!({})).status, 200);
    at.enroll("new");
    let before = at.curl("/ca/crl.pem", &[], "").body;
    let first = at.file("before.pem", &before);
    for judge in [by_openssl, by_gnutls] {
        for host in ["old", "new"] {
            judge(&at, host, &first).expect_good();
        }
    }
    let revoked = at.admin("POST", "/api/v1/ca/revoke", &json!({ "ski": former }));
    assert_eq!(revoked.status, 200, "{}", revoked.body);
    let after = at.curl("/ca/crl.pem", &[], "").body;
    let now = at.file("after.pem", &after);
    // A server that kept the last CRL of the former issuing CA beside the new ones.
    let of_former = before.split_inclusive("-----END X509 CRL-----\n").find(|crl| {
        let file = at.file("one.pem", crl);
        let shown = openssl(["crl", "-in", &file, "-noout", "-text"]).expect_good().replace(':', "");
        shown.to_lowercase().contains(former.as_str().unwrap())
    });
    let both = at.file("both.pem", &(after + of_former.unwrap()));
    for judge in [by_openssl, by_gnutls] {
        let told = judge(&at, "old", &both).expect_bad();
        assert!(told.to_lowercase().contains("revoked"), "{told}");
        judge(&at, "new", &now).expect_good();
    }
    by_openssl(&at, "old", &now).expect_bad();
}
