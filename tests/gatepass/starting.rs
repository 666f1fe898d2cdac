//! Starting: what a cut-off first start leaves, whose keys a directory holds, and which CA's hosts are believed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use gatepass::ca::{
    ApprovedRequest, CertificateAuthority, Csr, CsrPolicy, HostProfile, NewAuthority, der_to_pem,
    sign_root_crl,
};
use gatepass::clock::{ManualClock, SystemClock};
use gatepass::config::{Config, Environment, FlagValue, Overrides};
use gatepass::id::HostId;
use gatepass::server::{Server, StartError, Timer};
use gatepass::service::vault::write_private;
use serde_json::json;
use strum::VariantArray as _;
use tempfile::TempDir;

use crate::support::authority::{PASSWORD, start, token_of};
use crate::support::{Host, Running, eventually};

async fn open(data: &Path, keys: &Path, set: &[(&str, &Path)]) -> Result<Server, StartError> {
    let environment = Environment::from_pairs([("GATEPASS_ADMIN_PASSWORD", PASSWORD)]);
    let mut overrides = Overrides::local(data);
    let set = [("server.keys_dir", keys)].into_iter().chain(set.iter().copied());
    overrides.fields.extend(set.map(|(key, path)| FlagValue::set(key, path.display())));
    let config = Config::load(None, &environment, overrides).unwrap();
    Server::open(config, Arc::new(ManualClock::at(start()))).await
}

fn dirs() -> (TempDir, std::path::PathBuf, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (data, keys) = (dir.path().join("data"), dir.path().join("keys"));
    (dir, data, keys)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_first_start_begins_again() {
    let (_dir, data, keys) = dirs();
    let cut_off = open(&data, &keys, &[]).await.unwrap();
    let unseen = cut_off.first_start().unwrap().emergency_token.expose().clone();
    drop(cut_off);
    let leftovers = ["admin.password", "admin.password.new", "first-roles.token.new", "emergency.token.new"];
    for name in leftovers {
        write_private(&data.join(name), b"a secret that nobody will see\n").unwrap();
    }

    let again = open(&data, &keys, &[]).await.unwrap();
    let shown = again.first_start().unwrap().emergency_token.expose().clone();
    assert_ne!(unseen, shown);
    for name in leftovers {
        assert!(!data.join(name).exists(), "{name} of the killed start is left");
    }
    let live = again.authority().tokens.list_persistent_tokens().await.unwrap();
    assert_eq!(live.len(), 2, "the first roles token and the emergency token");
    let text = live.iter().map(|(token, _)| token.to_string()).collect::<Vec<_>>();
    let id = |token: &str| {
        gatepass::token::UnverifiedToken::parse(token).unwrap().unverified_grant().unwrap().token.id
    };
    assert!(text.contains(&id(&shown).to_string()) && !text.contains(&id(&unseen).to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_another_authority_are_not_taken_over() {
    let (dir, data, keys) = dirs();
    drop(open(&data, &keys, &[]).await.unwrap());
    let other = dir.path().join("other");
    let error = open(&other, &keys, &[]).await.err().unwrap();
    assert!(error.to_string().contains("keys of another authority"), "{error}");
    assert!(!other.exists(), "nothing was made");

    let separate = dir.path().join("separate");
    drop(open(&other, &separate, &[]).await.unwrap());
    let error = open(&other, &keys, &[]).await.err().unwrap();
    assert!(error.to_string().contains("keys of another authority"), "{error}");
    drop(open(&data, &keys, &[]).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_hosts_gets_no_new_ca() {
    let at = Running::start().await;
    assert_eq!(Host::new().redeem(&at, &at.mint_once().await).await.status, 200);
    let clock = Arc::clone(&at.clock);
    let (data_dir, _, _own) = at.stop().await;
    std::fs::remove_file(data_dir.join("keys/ca.json")).unwrap();
    let refused = Running::open(&data_dir, clock, &[]).await.err().unwrap();
    assert!(refused.to_string().contains("keys/ca.json is missing"), "{refused}");
    assert!(!data_dir.join("keys/ca.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_roots_crl_is_checked_and_served() {
    let dir = tempfile::tempdir().unwrap();
    let make = || CertificateAuthority::generate("corporate", start()).unwrap();
    let (made, other) = (make(), make());
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        write_private(&path, bytes).unwrap();
        path.display().to_string()
    };
    let root = file("root.pem", made.root_pem.as_bytes());
    let issuing = file("issuing.pem", made.issuing_pem.as_bytes());
    let key = file("issuing.key", made.issuing_key.expose().as_bytes());
    let ca = [("ca.root", &*root), ("ca.issuing_certificate", &issuing), ("ca.issuing_key", &key)];
    let open = async |data: &str, crl: &[(&str, &str)]| {
        let clock = Arc::new(ManualClock::at(start()));
        Running::open(&dir.path().join(data), clock, &[&ca[..], crl].concat()).await
    };
    let crl_of =
        |made: &NewAuthority| sign_root_crl(&made.root_pem, &made.root_key, 7, &[], start()).unwrap();
    let foreign = file("foreign.crl", &crl_of(&other));
    let refused = open("refused", &[("ca.root_crl", &foreign)]).await.err().unwrap();
    assert!(refused.to_string().contains("not a CRL that the root in ca.root has signed"), "{refused}");

    let der = crl_of(&made);
    let pem = der_to_pem("X509 CRL", &der);
    let own = file("root.crl", pem.as_bytes());
    let at = open("with", &[("ca.root_crl", &own)]).await.unwrap();
    eventually("the CRLs are served", async || {
        at.stranger().get("/ca/crl.pem").await.text.contains(&pem).then_some(())
    })
    .await;
    assert_eq!(at.admin().get("/api/v1/ca").await.json["warnings"], json!([]));
    at.stop().await;

    let at = open("without", &[]).await.unwrap();
    let warnings = at.admin().get("/api/v1/ca").await.text;
    assert!(warnings.contains("the root has no CRL"), "{warnings}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exposed_tls_key_stops_the_start() {
    let (dir, data, keys) = dirs();
    let made = rcgen::generate_simple_self_signed(vec!["gate.example.org".to_owned()]).unwrap();
    let (certificate, key) = (dir.path().join("tls.pem"), dir.path().join("tls.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let set = [("server.tls_certificate", certificate.as_path()), ("server.tls_key", key.as_path())];
    let error = open(&data, &keys, &set).await.err().unwrap();
    assert!(error.to_string().contains("chmod 600"), "{error}");
    assert!(!data.exists() && !keys.exists());

    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let server = open(&data, &keys, &set).await.unwrap();
    let name = gatepass::name::DnsName::parse("gate.example.org").unwrap();
    assert!(
        server.store().name_taken(name, SystemClock::now()).await.unwrap(),
        "no host may hold the listener's name"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_cas_host_is_refused() {
    let now = SystemClock::now().minus(std::time::Duration::from_secs(30 * 86_400));
    let made = CertificateAuthority::generate("corporate", now).unwrap();
    let (sibling, sibling_key) =
        CertificateAuthority::new_issuing(&made.root_pem, &made.root_key, "sibling", now).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let files =
        [("root", &made.root_pem), ("issuing", &made.issuing_pem), ("key", made.issuing_key.expose())];
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(dir.path().join(name), private).unwrap();
    }
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (root, issuing, key) = (path("root"), path("issuing"), path("key"));
    let set = [("ca.root", &*root), ("ca.issuing_certificate", &*issuing), ("ca.issuing_key", &*key)];
    let at = Running::start_with(&set).await;

    let host = Host::new();
    let enrolled = host.redeem(&at, &token_of(&at.mint(json!({})).await)).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    assert_eq!(host.client(&at, &enrolled.json).get("/api/v1/whoami").await.status, 200);

    // The same host id, certified by the sibling: the chain leads to the same root.
    let sibling = CertificateAuthority::from_pem(&made.root_pem, &sibling, &sibling_key, now).unwrap();
    let forged = forge(&host, &sibling, enrolled.json["host_id"].as_str().unwrap());
    let connected = host.client(&at, &forged).try_send(http::Method::GET, "/api/v1/whoami", None).await;
    assert!(connected.is_err(), "the handshake refuses it");
}

fn forge(host: &Host, ca: &CertificateAuthority, id: &str) -> serde_json::Value {
    let csr = Csr::parse(&host.csr(), CsrPolicy::default()).unwrap();
    let profile = HostProfile {
        host: HostId::parse(id).unwrap(),
        roles: Vec::new(),
        dns_name: None,
        trust_domain: "127.0.0.1".to_owned(),
        lifetime: std::time::Duration::from_secs(30 * 86_400),
        crl_url: None,
    };
    let forged = ApprovedRequest::new(&csr, profile).prepare(ca, start()).unwrap().issue().unwrap();
    json!({ "certificate": der_to_pem("CERTIFICATE", &forged.der), "chain": ca.chain_pem() })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_epochs_token_only_repeats() {
    let at = Running::start().await;
    let token = token_of(&at.mint(json!({ "max_uses": 5 })).await);
    let host = Host::new();
    let enrolled = host.redeem(&at, &token).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    assert_eq!(at.admin().post("/api/v1/clock/accept", &json!({})).await.status, 200);
    let again = host.redeem(&at, &token).await;
    assert_eq!((again.status, &again.json["certificate"]), (200, &enrolled.json["certificate"]));
    let other = Host::new().redeem(&at, &token).await;
    assert_eq!((other.status, other.code()), (410, "token_expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_serves_its_last_crl() {
    let at = Running::start().await;
    let ca = at.admin().get("/api/v1/ca").await.json;
    let path = format!("/ca/crl/{}.der", ca["issuing"][0]["ski"].as_str().unwrap());
    let before = eventually("a CRL is signed", async || {
        let said = at.stranger().get(&path).await;
        (said.status == 200).then_some(said.bytes)
    })
    .await;
    let (data_dir, clock, _own) = at.stop().await;
    clock.step_to(start().minus(std::time::Duration::from_secs(3600)));
    let at = Running::open(&data_dir, clock, &[]).await.unwrap();
    let after = at.stranger().get(&path).await;
    assert_eq!((after.status, after.bytes), (200, before), "the clock is in doubt: nothing new is signed");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_timer_runs_after_the_start() {
    let at = Running::start().await;
    for timer in Timer::VARIANTS.iter().map(|timer| timer.name()) {
        let series = format!("gatepass_timer_runs_total{{timer=\"{timer}\"");
        eventually(timer, async || at.stranger().get("/metrics").await.text.contains(&series).then_some(()))
            .await;
    }
}
