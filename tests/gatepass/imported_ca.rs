//! An imported CA: its root's CRL, and its end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gatepass::ca::{CertificateAuthority, NewAuthority, der_to_pem, sign_root_crl};
use gatepass::clock::{ManualClock, SystemClock, Timestamp};
use gatepass::service::vault::write_private;
use serde_json::json;
use tempfile::TempDir;

use crate::support::authority::{start, token_of};
use crate::support::{Host, Process, Running, eventually};

/// An imported CA, its files in a directory, and the settings that name them.
struct Imported {
    dir: TempDir,
    made: NewAuthority,
}

impl Imported {
    fn made_at(now: Timestamp) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = CertificateAuthority::generate("corporate", now).unwrap();
        let imported = Self { dir, made };
        let NewAuthority { root_pem, issuing_pem, issuing_key, .. } = &imported.made;
        for (name, text) in
            [("root.pem", root_pem), ("issuing.pem", issuing_pem), ("issuing.key", issuing_key.expose())]
        {
            write_private(Path::new(&imported.file(name)), text.as_bytes()).unwrap();
        }
        imported
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let (root, issuing, key) =
            (self.file("root.pem"), self.file("issuing.pem"), self.file("issuing.key"));
        vec![("ca.root", root), ("ca.issuing_certificate", issuing), ("ca.issuing_key", key)]
    }

    async fn open(&self, clock: Arc<ManualClock>, crl: Option<&str>) -> Running {
        let mut settings = self.settings();
        settings.extend(crl.map(|crl| ("ca.root_crl", crl.to_owned())));
        let settings = settings.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>();
        Running::open(&self.dir.path().join("data"), clock, &settings).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_roots_ended_crl_is_a_warning() {
    let now = start();
    let imported = Imported::made_at(now);
    let key = rcgen::KeyPair::from_pem(imported.made.root_key.expose()).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_pem(&imported.made.root_pem, key).unwrap();
    let day =
        |days: u64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(now.secs() as u64 + days * 86_400);
    let crl = rcgen::CertificateRevocationListParams {
        this_update: day(0),
        next_update: day(30),
        crl_number: rcgen::SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let file = imported.file("root.crl");
    std::fs::write(&file, crl.signed_by(&issuer).unwrap().pem().unwrap()).unwrap();
    let clock = Arc::new(ManualClock::at(now));
    let at = imported.open(Arc::clone(&clock), Some(&file)).await;
    at.settled().await;
    let warnings = async || at.admin().get("/api/v1/ca").await.json["warnings"].to_string();
    assert_eq!(warnings().await, "[]");
    for (days, wanted) in [(24, "the CRL of the root ends at"), (7, "the CRL of the root ended at")] {
        clock.advance(Duration::from_secs(days * 86_400));
        let told = warnings().await;
        assert!(told.contains(wanted) && told.contains("ca.root_crl"), "{told}");
        assert!(at.stranger().get("/readyz").await.text.contains(wanted));
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_root_crl_stops_no_signing() {
    let imported = Imported::made_at(SystemClock::now());
    let NewAuthority { root_pem, root_key, .. } = &imported.made;
    let file = imported.file("root.crl");
    let crl = sign_root_crl(root_pem, root_key, 7, &[], SystemClock::now()).unwrap();
    std::fs::write(&file, &crl).unwrap();
    let settings = imported.settings();
    let settings = settings.into_iter().chain([("ca.root_crl", file.clone())]);
    let settings = settings.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
    let settings = settings.iter().flat_map(|set| ["--set", set.as_str()]).collect::<Vec<_>>();
    let server = Process::start(&imported.dir.path().join("data"), &settings).await;
    let crls = async || server.stranger().get("/ca/crl.pem").await.text;
    let mut before = eventually("both CRLs are signed", async || {
        let text = crls().await;
        (text.matches("BEGIN X509 CRL").count() == 2).then_some(text)
    })
    .await;
    std::fs::write(&file, "broken").unwrap();
    for _ in 0..3 {
        let minted = server.admin().post("/api/v1/enrollment-tokens", &json!({})).await;
        let body = json!({ "token": minted.json["token"], "csr": Host::new().csr() });
        let host = server.stranger().post("/api/v1/bootstrap", &body).await.json["host_id"].clone();
        let gone = server.admin().delete(&format!("/api/v1/hosts/{}", host.as_str().unwrap())).await;
        assert_eq!(gone.status, 200, "{}", gone.text);
        before = eventually("the revocation is on a new CRL", async || {
            let text = crls().await;
            (text != before).then_some(text)
        })
        .await;
        assert!(before.contains(&der_to_pem("X509 CRL", &crl)), "the previous CRL of the root is served");
    }
    let status = server.admin().get("/api/v1/ca").await.text;
    assert!(status.contains("root.crl") && status.contains("mend the file"), "{status}");
    server.logs("the root's CRL cannot be read or written").await;
    let log = server.log();
    assert_eq!(log.matches("the root's CRL cannot be read or written").count(), 1, "{log}");
    assert!(!log.contains("the CRLs could not be signed"), "no retry every ten seconds: {log}");
    std::fs::write(&file, &crl).unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_imported_ca_names_how_to_import() {
    let imported = Imported::made_at(start());
    let clock = Arc::new(ManualClock::at(start()));
    let at = imported.open(Arc::clone(&clock), None).await;
    let token = at.mint(json!({ "persistent": true })).await;
    let rotated = at.admin().post("/api/v1/ca/rotate", &json!({})).await;
    assert_eq!((rotated.status, rotated.code()), (409, "ca_imported"), "{}", rotated.text);
    clock.advance(Duration::from_secs(1030 * 86_400));
    let soon = at.admin().get("/api/v1/ca").await.json["warnings"].to_string();
    assert!(soon.contains("ca.issuing_certificate") && !soon.contains("gatepass ca rotate"), "{soon}");
    clock.advance(Duration::from_secs(70 * 86_400));
    let refused = Host::new().redeem(&at, &token_of(&token)).await;
    assert_eq!((refused.status, refused.code()), (503, "ca_not_valid"), "{}", refused.text);
    for told in [refused.text, at.stranger().get("/readyz").await.text] {
        assert!(told.contains("ca.issuing_certificate") && !told.contains("gatepass ca rotate"), "{told}");
    }
    at.stop().await;
}
