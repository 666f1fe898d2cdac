//! Tokens and API keys as people bring them: understood, or refused with the name of the thing.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::json;

use crate::support::authority::token_of;
use crate::support::served::{Served, complaint, gatepass, run, serve};
use crate::support::{Process, Running};

fn utf16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn folded(token: &str) -> String {
    let lines = token.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned());
    lines.collect::<Vec<_>>().join("\r\n")
}

fn enroll(cert_dir: &Path) -> Command {
    let mut command = gatepass();
    command.arg("enroll").arg("--cert-dir").arg(cert_dir);
    command
}

fn run_with(command: &mut Command, input: &[u8]) -> Output {
    let (given, mut giving) = std::io::pipe().unwrap();
    giving.write_all(input).unwrap();
    drop(giving);
    command.stdin(given).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_any_wrapping_enrolls() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(serve(&dir.path().join("data")));
    let minted = server.admin().post("/api/v1/enrollment-tokens", &json!({ "max_uses": null })).await.json;
    let token = token_of(&minted);
    let file = dir.path().join("token");
    for (number, text) in [
        format!("\u{feff}{token}\r\n").into_bytes(),
        format!("export GATEPASS_TOKEN=\"{token}\"\n").into_bytes(),
        format!("{}\u{200b}{}\n", &token[..100], &token[100..]).into_bytes(),
        format!("{minted:#}").into_bytes(),
        folded(&token).into_bytes(),
        utf16(&format!("'{}'\r\n", folded(&token))),
    ]
    .into_iter()
    .enumerate()
    {
        fs::write(&file, &text).unwrap();
        let certs = |way: &str| dir.path().join(format!("{number}-{way}"));
        let by_file = run(enroll(&certs("file")).arg("--token-file").arg(&file));
        let by_input = run_with(enroll(&certs("input")).arg("-"), &text);
        for output in [by_file, by_input] {
            assert!(output.status.success(), "{number}: {}", complaint(&output));
        }
        let Ok(text) = String::from_utf8(text) else { continue };
        let by_variable = run(enroll(&certs("variable")).env("GATEPASS_TOKEN", &text));
        let by_argument = run(enroll(&certs("argument")).arg(&text));
        let inspected = run(gatepass().args(["token", "inspect", "--token-file"]).arg(&file));
        for output in [by_variable, by_argument, inspected] {
            assert!(output.status.success(), "{number}: {}", complaint(&output));
            assert!(!complaint(&output).contains("eyJ"));
        }
    }
}

#[test]
fn another_thing_is_named_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let (file, certs) = (dir.path().join("token"), dir.path().join("certs"));
    for (text, what) in [
        ("", "it is empty"),
        ("\u{feff}\n", "it is empty"),
        ("/run/secrets/hunter2", "the path of a file"),
        ("gpk_hunter2", "an API key"),
        ("https://hunter2.example.org", "a URL"),
        ("-----BEGIN PRIVATE KEY-----\nhunter2", "a PEM file"),
    ] {
        fs::write(&file, text).unwrap();
        let mut variable = enroll(&certs);
        let mut commands = vec![
            run(enroll(&certs).arg("--token-file").arg(&file)),
            run_with(enroll(&certs).arg("-"), text.as_bytes()),
        ];
        commands.push(run(gatepass().args(["token", "inspect", "--token-file"]).arg(&file)));
        if !text.starts_with(['-', '\u{feff}']) {
            commands.push(run(enroll(&certs).arg(text)));
            commands.push(run(variable.env("GATEPASS_TOKEN", text)));
        }
        for output in commands {
            let said = complaint(&output);
            assert_eq!(output.status.code(), Some(2), "{text:?}: {said}");
            let empty_variable = text.is_empty() && said.contains("GATEPASS_TOKEN is set but empty");
            assert!(said.contains(what) || empty_variable, "{text:?}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
    assert!(!certs.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_shows_both_clocks() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "ttl": "15m" })).await;
    let expiry = minted["expires_at"].as_str().unwrap().to_owned();
    at.clock.advance(Duration::from_secs(3600));
    let dir = tempfile::tempdir().unwrap();
    let (token, certs) = (token_of(&minted), dir.path().join("certs"));
    let refused = tokio::task::spawn_blocking(move || run(enroll(&certs).env("GATEPASS_TOKEN", token)));
    let refused = refused.await.unwrap();
    let said = complaint(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    let expiry = expiry.split('.').next().unwrap().trim_end_matches('Z');
    assert!(said.contains(&format!("the token expired at {expiry}")), "{said}");
    let year = gatepass::clock::SystemClock::now().to_string()[..10].to_owned();
    assert!(said.contains(&format!("this machine's clock says {year}")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_in_any_wrapping_signs_in() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let made = server.admin().post("/api/v1/api-keys", &json!({ "scopes": ["tokens:read"] })).await;
    let key = made.json["api_key"].as_str().expect(&made.text).to_owned();
    let root = server.root.to_string();
    let at = ["--server", &server.url, "--ca-fingerprint", &root];
    for text in [format!("export GATEPASS_API_KEY='{key}'\n"), format!("\u{feff}\"{key}\"\r\n")] {
        let listed = run(gatepass().args(["token", "list"]).args(at).env("GATEPASS_API_KEY", &text));
        assert!(listed.status.success(), "{text:?}: {}", complaint(&listed));
        let file = dir.path().join("key");
        fs::write(&file, utf16(&text)).unwrap();
        let mut login = gatepass();
        login.arg("login").args(at).arg("--api-key-file").arg(&file).env("HOME", dir.path());
        let signed_in = run(login.env_remove("XDG_CONFIG_HOME"));
        assert!(signed_in.status.success(), "{}", complaint(&signed_in));
    }
    server.stop().await;
}
