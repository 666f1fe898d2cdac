//! Administration with `--data-dir` on the server's own machine: it reaches the listener, and nothing else.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use gatepass::id::Fingerprint;
use gatepass::service::vault::write_private;
use serde_json::{Value, json};

use crate::support::process::{as_another_user, gatepass};
use crate::support::{Process, Running, eventually};

fn listed(data_dir: &Path) -> Output {
    let mut command = gatepass();
    // A proxy that nobody runs.
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY", "http_proxy"] {
        command.env(name, "http://127.0.0.1:9");
    }
    command.args(["token", "list", "--data-dir"]).arg(data_dir).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn works(data_dir: &Path) {
    let output = listed(data_dir);
    assert!(output.status.success(), "{}", text(&output));
}

fn refused(data_dir: &Path) -> String {
    let output = listed(data_dir);
    assert!(!output.status.success());
    text(&output)
}

fn local(data_dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(data_dir.join("keys/local.json")).unwrap()).unwrap()
}

fn change_local(data_dir: &Path, field: &str, value: &Value) {
    let mut changed = local(data_dir);
    changed[field] = value.clone();
    write_private(&data_dir.join("keys/local.json"), changed.to_string().as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_leads_nowhere_needs_no_name_service() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let server = Process::start(&data_dir, &["--external-url", "https://gate.invalid:8443"]).await;
    works(&data_dir);
    assert_eq!(local(&data_dir)["address"], server.url.trim_start_matches("https://"));
    server.stop().await;
    assert!(refused(&data_dir).contains("no server runs on"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_servers_file_names_the_next_step() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let server = Process::start(&data_dir, &[]).await;
    let address = server.url.trim_start_matches("https://").to_owned();
    server.kill();
    let said = refused(&data_dir);
    assert!(said.contains(&format!("no server answers at {address} on this machine")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unspecified_listener_is_reached_at_its_loopback() {
    let mut listens = vec![("0.0.0.0:0", "127.0.0.1:")];
    // Some machines have no IPv6.
    listens.extend(TcpListener::bind("[::1]:0").is_ok().then_some(("[::]:0", "[::1]:")));
    for (listen, reached) in listens {
        let set = [("server.listen", listen), ("server.external_url", "https://gate.invalid")];
        let at = Running::start_with(&set).await;
        works(at.data_dir());
        let address = local(at.data_dir())["address"].as_str().unwrap().to_owned();
        assert!(address.starts_with(reached) && !address.ends_with(":0"), "{address}");
        at.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_behind_a_balancer_gets_a_local_header() {
    let set = [("http.proxy_protocol", "127.0.0.0/8"), ("server.external_url", "https://gate.invalid")];
    let at = Running::start_with(&set).await;
    works(at.data_dir());
    change_local(at.data_dir(), "proxy_header", &json!(false));
    refused(at.data_dir());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_credential_stays_on_this_machine() {
    let at = Running::start().await;
    // An address for documentation (RFC 5737), which no machine has.
    change_local(at.data_dir(), "address", &json!("192.0.2.1:443"));
    let said = refused(at.data_dir());
    assert!(said.contains("192.0.2.1:443 is not an address of this machine"), "{said}");
    at.stop().await;
}

struct OutsideFiles {
    dir: PathBuf,
}

impl OutsideFiles {
    /// Writes a new key and an expired certificate for another name.
    fn write(&self) -> Fingerprint {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["gate.example.org".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        write_private(&self.dir.join("tls.key"), key.serialize_pem().as_bytes()).unwrap();
        fs::write(self.dir.join("tls.pem"), certificate.pem()).unwrap();
        Fingerprint::of(certificate.der())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outside_certificate_is_pinned_and_follows_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let files = OutsideFiles { dir: dir.path().to_owned() };
    let first = files.write();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (certificate, key) = (path("tls.pem"), path("tls.key"));
    let at = Running::start_with(&[
        ("server.tls_certificate", &certificate),
        ("server.tls_key", &key),
        ("server.external_url", "https://gate.invalid"),
    ])
    .await;
    assert_eq!(local(at.data_dir())["certificate"], json!(first));
    works(at.data_dir());
    change_local(at.data_dir(), "certificate", &json!(Fingerprint::of(b"another")));
    let said = refused(at.data_dir());
    assert!(said.contains(&format!("presented the certificate {first}")), "{said}");

    let second = files.write();
    eventually("the server loads the new certificate", async || {
        (local(at.data_dir())["certificate"] == json!(second)).then_some(())
    })
    .await;
    works(at.data_dir());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keys_directory_elsewhere_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys of the authority");
    let at = Running::start_with(&[("server.keys_dir", keys.to_str().unwrap())]).await;
    works(at.data_dir());
    works(&keys);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_learns_that_the_credential_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let at = Process::start(&dir.path().join("data"), &[]).await;
    let run = |args: &[&str]| {
        let mut command = as_another_user(dir.path(), &at.data_dir);
        let output = command.args(args).arg(&at.data_dir).output().unwrap();
        fs::set_permissions(&at.data_dir, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        text(&output)
    };
    let said = run(&["token", "list", "--data-dir"]);
    let path = at.data_dir.join("keys/local.json");
    assert!(said.contains(&format!("{} may not be read by ", path.display())), "{said}");
    assert!(said.contains("run the command as ") && !said.contains("no server runs"), "{said}");
    let said = run(&["ledger", "verify", "--offline"]);
    assert!(said.contains("run the command as the server's user") && !said.contains("not there"), "{said}");
    at.stop().await;
}
