//! The file of `--ca`: it is found again from any working directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::served::{Served, complaint, gatepass, run, serve};
use crate::support::site::{good, host};

/// A server with a TLS certificate from elsewhere, and a token that pins no root.
struct External {
    dir: tempfile::TempDir,
    _server: Served,
    certificate: String,
    token: PathBuf,
}

impl External {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let (certificate, key) = (dir.path().join("tls.crt"), dir.path().join("tls.key"));
        fs::write(&certificate, made.cert.pem()).unwrap();
        gatepass::service::vault::write_private(&key, made.signing_key.serialize_pem().as_bytes()).unwrap();
        let data = dir.path().join("data");
        let mut command = serve(&data);
        command.arg("--tls-cert").arg(&certificate).arg("--tls-key").arg(&key);
        let server = Served::start(command);
        let token = dir.path().join("token");
        let mut create = gatepass();
        create.args(["token", "create", "--role", "proxy", "-o", "json", "--data-dir"]).arg(data);
        let minted: Value = serde_json::from_slice(&good(&mut create).stdout).unwrap();
        fs::write(&token, minted["token"].as_str().unwrap()).unwrap();
        Self { dir, _server: server, certificate: made.cert.pem(), token }
    }

    /// Enrolls in `certs`, in the working directory of this server, with the CA file `ca`.
    fn enroll(&self, certs: &str, ca: &str) -> Command {
        let mut enroll = gatepass();
        enroll.args(["enroll", "--cert-dir", certs, "--ca", ca, "--token-file"]).arg(&self.token);
        enroll.current_dir(self.dir.path());
        enroll
    }
}

fn stored(certs: &Path) -> Value {
    let file: Value = serde_json::from_slice(&fs::read(certs.join("host.json")).unwrap()).unwrap();
    file["trust"]["outside"].clone()
}

#[test]
fn a_relative_ca_file_is_found_from_elsewhere() {
    let external = External::start();
    let ca = external.dir.path().join("ca.pem");
    fs::write(&ca, &external.certificate).unwrap();
    good(&mut external.enroll("certs", "./ca.pem"));
    let certs = external.dir.path().join("certs");
    let absolute = PathBuf::from(stored(&certs).as_str().unwrap());
    assert_eq!(absolute.canonicalize().unwrap(), ca.canonicalize().unwrap());
    for command in ["renew", "status"] {
        good(host(&[command], &certs).current_dir("/"));
    }
    fs::remove_file(&ca).unwrap();
    let output = run(host(&["renew"], &certs).current_dir("/"));
    assert_eq!(output.status.code(), Some(1), "it does not come back: {}", complaint(&output));
    assert!(complaint(&output).contains("ca.pem"), "{}", complaint(&output));
}

#[test]
fn a_ca_file_beside_the_identity_moves_with_it() {
    let external = External::start();
    let certs = external.dir.path().join("certs");
    fs::create_dir(&certs).unwrap();
    fs::set_permissions(&certs, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    fs::write(certs.join("ca.pem"), &external.certificate).unwrap();
    good(&mut external.enroll("certs", "certs/ca.pem"));
    assert_eq!(stored(&certs), "ca.pem");
    let moved = external.dir.path().join("moved");
    fs::rename(&certs, &moved).unwrap();
    good(host(&["renew"], &moved).current_dir("/"));
    good(host(&["status"], &moved).current_dir("/"));
}

#[test]
fn a_hook_gets_an_absolute_directory() {
    let external = External::start();
    fs::write(external.dir.path().join("ca.pem"), &external.certificate).unwrap();
    good(&mut external.enroll("certs", "ca.pem"));
    let seen = external.dir.path().join("seen");
    let hook = format!("printf %s \"$GATEPASS_CERT_DIR\" > {}", seen.display());
    good(host(&["renew", "--on-renew", &hook], Path::new("certs")).current_dir(external.dir.path()));
    let seen = PathBuf::from(fs::read_to_string(seen).unwrap());
    assert!(seen.is_absolute() && seen.join("host.key").exists(), "{}", seen.display());
}
