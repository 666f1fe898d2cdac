//! Certificates that a thief makes with the key of an issuing CA, before and after that CA is revoked.

use serde_json::json;

use super::running::{Program, Running};
use super::{enroll, gate, prepare, refresh, reload_changed};
use crate::outside::echo;
use crate::outside::rotations::Stage;
use crate::outside::served::{Served, eventually};
use crate::outside::tool::openssl;

/// The key identifier of the only issuing CA.
fn issuing(at: &Served) -> String {
    let ca = at.admin("GET", "/api/v1/ca", &serde_json::Value::Null);
    ca.json["issuing"][0]["ski"].as_str().unwrap().to_owned()
}

/// Makes a certificate for `thief` with the id of the live host `host`, in the name of an issuing CA.
fn forge(at: &Served, ski: &str, host: &str) {
    at.request("thief", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let (key, id) = (at.arg("thief.key"), at.text(&format!("{host}.id")));
    let subject = format!("/CN={id}/O=allocator");
    let request = openssl(["req", "-new", "-key", &key, "-subj", &subject]).expect_good();
    let request = at.file("thief.csr", &request);
    let usages = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n";
    let usages = at.file("thief.cnf", usages);
    let ca = ["pem", "key"].map(|kind| at.arg(&format!("data/keys/ca-issuing-{ski}.{kind}")));
    let signed = ["x509", "-req", "-in", &request, "-CA", &ca[0], "-CAkey", &ca[1], "-set_serial", "4711"];
    let leaf = openssl(signed.into_iter().chain(["-days", "2", "-extfile", &usages])).expect_good();
    at.file("thief-full.pem", &(leaf + &at.text("live-0-chain.pem")));
}

/// Returns whether each server admits a thief after the CA of the stolen key was revoked.
pub(super) fn steal(programs: &[&'static Program]) -> Vec<bool> {
    let (at, service) = (Served::start(), echo::start());
    prepare(&at);
    enroll(&at, 0);
    let stolen = issuing(&at);
    Stage::IssuingRotated.enter(&at);
    enroll(&at, 1);
    forge(&at, &stolen, "live-1");
    refresh(&at);
    let servers = programs.iter().map(|program| Running::start(program, &at, &service)).collect::<Vec<_>>();
    for server in &servers {
        let name = server.program().name;
        eventually(&format!("{name} to admit the thief"), || server.admits("thief").then_some(()));
    }
    let revoked = at.admin("POST", "/api/v1/ca/revoke", &json!({ "ski": stolen }));
    assert_eq!((revoked.status, &revoked.json["hosts"]), (200, &json!(3)), "{}", revoked.body);
    // Its own hosts are revoked with it, so their refusal shows that a server has the new CRLs.
    eventually("the servers to refuse the hosts of the revoked CA", || {
        reload_changed(&at, &servers);
        (!servers.iter().any(|server| server.admits("live-0"))).then_some(())
    });
    for server in &servers {
        assert!(server.admits("live-1"), "{} refuses a live host", server.program().name);
    }
    servers.iter().map(|server| server.admits("thief")).collect()
}

#[test]
fn servers_refuse_certificates_of_a_revoked_issuing_ca() {
    let admitted = steal(&[&gate::NGINX, &gate::HAPROXY, &gate::POSTGRESQL, &gate::ENVOY]);
    assert_eq!(admitted, [false; 4]);
}
