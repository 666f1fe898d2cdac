//! The renewals of a certificate, at the end of its enrollment.

use std::fs;

use serde_json::json;

use super::machine::Machine;
use crate::support::authority::token_of;
use crate::support::served::{Served, complaint, serve};

/// A server, and a token file on a machine.
async fn with_token(machine: &Machine) -> (tempfile::TempDir, Served) {
    let dir = tempfile::tempdir().unwrap();
    let at = Served::start(serve(&dir.path().join("data")));
    let minted = at.admin().post("/api/v1/enrollment-tokens", &json!({})).await;
    fs::write(machine.path("token"), token_of(&minted.json)).unwrap();
    (dir, at)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrollment_installs_its_service() {
    let machine = Machine::with_systemd();
    let (_dir, _at) = with_token(&machine).await;
    let line = ["enroll", "--token-file", "/token", "--install-service", "--on-renew", "true"];
    let enrolled = machine.gatepass(&line);
    assert!(enrolled.status.success(), "{}", complaint(&enrolled));
    let said = String::from_utf8(enrolled.stdout).unwrap();
    assert!(said.contains("enabled and started gatepass-renew.service"), "{said}");
    assert!(said.contains("undo: gatepass service uninstall renew"), "{said}");
    assert_eq!(machine.calls(), ["daemon-reload", "enable --now gatepass-renew.service"]);
    let unit = machine.text("etc/systemd/system/gatepass-renew.service").unwrap();
    assert!(unit.contains("\nExecStart=/opt/gatepass renew --daemon --on-renew true\n"), "{unit}");
    assert!(machine.path("etc/gatepass/host.pem").exists());

    let again = machine.gatepass(&["enroll", "--token-file", "/token"]);
    let said = String::from_utf8(again.stdout).unwrap();
    assert!(said.contains("renewed by gatepass-renew.service"), "{said}");
    fs::write(machine.path("fail"), "is-active").unwrap();
    let ended = machine.gatepass(&["enroll", "--token-file", "/token"]);
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(said.contains("renewed by gatepass-renew.service, which was started again\n"), "{said}");
    assert_eq!(machine.calls().last().unwrap(), "start gatepass-renew.service");
    fs::write(machine.path("fail"), "is-active\nis-enabled\n").unwrap();
    let disabled = machine.gatepass(&["enroll", "--token-file", "/token"]);
    let said = String::from_utf8(disabled.stdout).unwrap();
    assert!(said.contains("yet: systemctl enable --now gatepass-renew.service\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_renews_its_own_directory_alone() {
    let machine = Machine::with_systemd();
    let (_dir, _at) = with_token(&machine).await;
    machine.good(&["install", "renew", "--cert-dir", "/etc/tls2"]);
    let enrolled = machine.gatepass(&["enroll", "--token-file", "/token", "--cert-dir", "/etc/tls"]);
    assert!(enrolled.status.success(), "{}", complaint(&enrolled));
    let said = String::from_utf8(enrolled.stdout).unwrap();
    assert!(said.contains("nothing renews this certificate yet"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_cannot_be_installed_takes_no_token() {
    let machine = Machine::new();
    let (_dir, at) = with_token(&machine).await;
    let refused = machine.gatepass(&["enroll", "--token-file", "/token", "--install-service"]);
    assert_eq!(refused.status.code(), Some(1), "{}", complaint(&refused));
    assert!(complaint(&refused).contains("systemd does not run"), "{}", complaint(&refused));
    assert!(!machine.path("etc/gatepass").exists());
    let listed = at.admin().get("/api/v1/hosts").await.json;
    assert_eq!(listed["items"], json!([]), "{listed}");
    let alone = machine.gatepass(&["enroll", "--token-file", "/token", "--on-renew", "true"]);
    assert_eq!(alone.status.code(), Some(2), "{}", complaint(&alone));
    assert!(complaint(&alone).contains("--on-renew needs --install-service"), "{}", complaint(&alone));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrollment_names_the_next_command() {
    let machine = Machine::new();
    let (_dir, _at) = with_token(&machine).await;
    let enroll = |more: &[&str]| {
        let said = machine.gatepass(&[&["enroll", "--token-file", "/token"], more].concat());
        assert!(said.status.success(), "{}", complaint(&said));
        (String::from_utf8(said.stdout.clone()).unwrap(), complaint(&said))
    };
    let (said, _) = enroll(&[]);
    let next = "nothing renews this certificate yet: gatepass service print renew --for cron | tee /etc/cron.d/gatepass-renew";
    assert!(said.contains(next), "{said}");
    fs::create_dir_all(machine.path("run/openrc")).unwrap();
    assert!(enroll(&[]).0.contains("--for openrc | tee /etc/init.d/gatepass-renew"));
    fs::create_dir_all(machine.path("run/systemd/system")).unwrap();
    // A document for scripts stays one document.
    let (document, note) = enroll(&["-o", "json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&document).unwrap()["host_id"].is_string());
    assert!(note.contains("yet: gatepass service install renew\n"), "{note}");
    let elsewhere = machine.run(&["print", "renew", "--cert-dir", "/srv/tls"]);
    assert!(String::from_utf8(elsewhere.stdout).unwrap().contains(" --cert-dir /srv/tls\n"));
}
