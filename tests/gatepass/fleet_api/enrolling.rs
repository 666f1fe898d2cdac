//! `gatepass enroll` with an `api_key`.

use std::process::Output;

use serde_json::json;

use super::*;
use crate::support::process::gatepass;

fn enroll(dir: &std::path::Path, api_key: &str, flags: &[&str]) -> Output {
    let mut command = gatepass();
    command.arg("enroll").args(flags).arg("--cert-dir").arg(dir.join("identity"));
    command.env("GATEPASS_TOKEN", api_key).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_enrolls_with_an_api_key() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &["proxy"]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    let dir = tempfile::tempdir().unwrap();
    let (api_key, root) = (text(&item, "api_key").to_owned(), at.root.to_string());
    let run = |flags: Vec<String>| {
        let (path, api_key) = (dir.path().to_owned(), format!("ApiKey {api_key}"));
        tokio::task::spawn_blocking(move || {
            enroll(&path, &api_key, &flags.iter().map(String::as_str).collect::<Vec<_>>())
        })
    };
    let alone = run(Vec::new()).await.unwrap();
    let said = String::from_utf8_lossy(&alone.stderr).into_owned();
    assert_eq!(alone.status.code(), Some(2), "{said}");
    assert!(said.contains("--server") && said.contains("--ca-fingerprint"), "{said}");
    assert!(!said.contains(&api_key), "{said}");
    let flags = vec!["--server".to_owned(), at.url.clone(), "--ca-fingerprint".to_owned(), root];
    for how in ["enrolled", "already enrolled"] {
        let done = run(flags.clone()).await.unwrap();
        let out = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(
            done.status.success() && out.starts_with(how),
            "{out}{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
    assert_eq!(at.token(text(&item, "id")).await["used"], 1);
    at.stop().await;
}
