//! `gatepass host reenroll` and `gatepass enroll` on the host.

use std::fs;

use serde_json::{Value, json};

use gatepass::client::directory::{CertDir, Purpose};
use gatepass::id::HostId;

use crate::support::process::{Process, gatepass};

fn read(dir: &std::path::Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap()
}

/// `gatepass enroll` into a directory: the exit code and both outputs.
fn enroll(dir: &std::path::Path, token: &str) -> (i32, String) {
    enroll_with(dir, token, &[])
}

fn enroll_with(dir: &std::path::Path, token: &str, more: &[&str]) -> (i32, String) {
    let output = gatepass()
        .args(["enroll", "--cert-dir"])
        .arg(dir)
        .args(more)
        .env("GATEPASS_TOKEN", token)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn enroll_needs_no_flag_to_come_back() {
    let temp = tempfile::tempdir().unwrap();
    let server = Process::start(&temp.path().join("data"), &[]).await;
    let (own, other) = (temp.path().join("own"), temp.path().join("other"));
    for dir in [&own, &other] {
        let (code, said) = enroll(dir, server.told(&["token", "create", "--quiet"]).trim());
        assert_eq!(code, 0, "{said}");
    }
    let before: Value = serde_json::from_str(&read(&own, "host.json")).unwrap();
    let (key, id) = (read(&own, "host.key"), before["host_id"].as_str().unwrap());
    let (code, said) = enroll(&own, server.told(&["token", "create", "--quiet"]).trim());
    assert!(
        code == 1 && said.contains("gatepass host reenroll"),
        "a plain token would make a second host: {said}"
    );
    let minted = server.json(&["host", "reenroll", id, "--ttl", "1h", "--label", "new disk"]);
    assert_eq!((&minted["kind"], &minted["label"]), (&json!("re-enrollment"), &json!("new disk")));
    let token = minted["token"].as_str().unwrap();
    let (code, said) = enroll(&other, token);
    assert!(code == 1 && said.contains("holds the live identity"), "{said}");
    let kept = [read(&other, "host.json"), read(&other, "host.key")];
    let (code, said) = enroll_with(&other, token, &["--replace"]);
    assert!(code == 1 && said.contains("re-enrolls another host"), "{said}");
    assert_eq!([read(&other, "host.json"), read(&other, "host.key")], kept);
    // The answer of a renewal was lost: its key is refused after the re-enrollment.
    let stale = CertDir::open(&own).unwrap();
    drop(stale.begin(&Purpose::Renew(HostId::parse(id).unwrap()), None).unwrap());
    drop(stale);
    assert!(own.join(".renewing").exists());
    let (code, said) = enroll(&own, token);
    assert_eq!(code, 0, "{said}");
    let after: Value = serde_json::from_str(&read(&own, "host.json")).unwrap();
    assert_eq!(after["host_id"], before["host_id"]);
    assert_ne!(read(&own, "host.key"), key);
    assert!(!own.join(".renewing").exists(), "the next renewal has another key");
    let renewed = gatepass().args(["renew", "--cert-dir"]).arg(&own).output().unwrap();
    assert!(renewed.status.success(), "{}", String::from_utf8_lossy(&renewed.stderr));
    let (code, said) = enroll(&own, token);
    assert!(code == 0 && said.contains("already enrolled"), "{said}");
    let status = gatepass().args(["status", "--cert-dir"]).arg(&own).output().unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    let again = server.told(&["host", "reenroll", id, "--quiet"]);
    let (code, said) = enroll_with(&own, again.trim(), &["--replace"]);
    assert!(code == 0 && !said.contains("host revoke"), "there is no other host to revoke: {said}");
    let hosts = server.json(&["host", "list"]);
    assert_eq!(hosts.as_array().unwrap().len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_identity_comes_back_without_a_flag() {
    let temp = tempfile::tempdir().unwrap();
    let server = Process::start(&temp.path().join("data"), &[]).await;
    let dir = temp.path().join("own");
    let (code, said) = enroll(&dir, server.told(&["token", "create", "--quiet"]).trim());
    assert_eq!(code, 0, "{said}");
    let before: Value = serde_json::from_str(&read(&dir, "host.json")).unwrap();
    let id = before["host_id"].as_str().unwrap();
    for damaged in ["host.json", "host.pem", "host.key"] {
        fs::write(dir.join(damaged), "{").unwrap();
        let (code, said) = enroll(&dir, server.told(&["host", "reenroll", id, "--quiet"]).trim());
        assert_eq!(code, 0, "{damaged}: {said}");
        let after: Value = serde_json::from_str(&read(&dir, "host.json")).unwrap();
        assert_eq!(after["host_id"], before["host_id"], "{damaged}");
        let status = gatepass().args(["status", "--cert-dir"]).arg(&dir).output().unwrap();
        assert!(status.status.success(), "{damaged}: {}", String::from_utf8_lossy(&status.stderr));
    }
    assert_eq!(server.json(&["host", "list"]).as_array().unwrap().len(), 1);
    server.stop().await;
}

/// FLEETS: "`--print-key-thumbprint` (makes the key first, for key-bound tokens)".
#[tokio::test(flavor = "multi_thread")]
async fn a_key_can_be_made_before_its_token() {
    let temp = tempfile::tempdir().unwrap();
    let server = Process::start(&temp.path().join("data"), &[]).await;
    let (own, other) = (temp.path().join("own"), temp.path().join("other"));
    let thumbprint = |dir: &std::path::Path| {
        let output =
            gatepass().args(["enroll", "--print-key-thumbprint", "--cert-dir"]).arg(dir).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let made = thumbprint(&own);
    assert_eq!(thumbprint(&own), made, "the key stays until it is used");
    assert_ne!(thumbprint(&other), made);
    let token = server.told(&["token", "create", "--quiet", "--key-thumbprint", &made]);
    let others = thumbprint(&other);
    let (code, said) = enroll(&other, token.trim());
    assert!(code == 1 && said.contains("--print-key-thumbprint"), "{said}");
    assert_eq!(thumbprint(&other), others, "a token for another key keeps this one");
    let wrong = server.told(&["token", "create", "--quiet", "--cluster", "ran-a"]);
    let (code, said) = enroll(&own, wrong.trim());
    assert!(code == 1 && said.contains("--cluster"), "{said}");
    assert_eq!(thumbprint(&own), made, "a begun enrollment keeps its key");
    let (code, said) = enroll(&own, token.trim());
    assert_eq!(code, 0, "a wrong token keeps the key: {said}");
    assert_ne!(thumbprint(&own), made, "the next enrollment has another key");
    server.stop().await;
}

/// FLEETS: "a plain token makes a second host."
#[tokio::test(flavor = "multi_thread")]
async fn enroll_warns_before_it_leaves_a_host_behind() {
    let temp = tempfile::tempdir().unwrap();
    let server = Process::start(&temp.path().join("data"), &["--set", "hosts.certificate_lifetime=1m"]).await;
    let dir = temp.path().join("own");
    let (code, said) = enroll(&dir, server.told(&["token", "create", "--quiet"]).trim());
    assert!(code == 0 && !said.contains("second host"), "{said}");
    let mut host: Value = serde_json::from_str(&read(&dir, "host.json")).unwrap();
    host["expires_at"] = json!("2020-01-01T00:00:00Z");
    fs::write(dir.join("current").join("host.json"), host.to_string()).unwrap();
    let (code, said) = enroll(&dir, server.told(&["token", "create", "--quiet"]).trim());
    let advice = format!("gatepass host reenroll {}", host["host_id"].as_str().unwrap());
    assert!(code == 0 && said.contains("second host") && said.contains(&advice), "{said}");
    assert_eq!(server.json(&["host", "list"]).as_array().unwrap().len(), 2);
    server.stop().await;
}
