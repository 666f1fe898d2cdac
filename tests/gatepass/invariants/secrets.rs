//! I7: no secret in any log, ledger entry, error, `Debug`, or the arguments of a process that gatepass starts.

use std::fs;
use std::io::Write;
use std::sync::{Arc, Mutex};

use gatepass::ca::{Csr, CsrPolicy};
use gatepass::service::{Caller, ServiceError};
use serde_json::{Value, json};
use tracing_subscriber::filter::LevelFilter;

use self::life::{Life, lead, leaks};
use crate::support::authority::{AUDIENCE, PASSWORD};
use crate::support::process::gatepass;
use crate::support::{Host, Process, Running, eventually, inside};

mod life;

/// The log of this thread.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

// On one thread, so that the log of this test is all of it and nobody else's.
#[tokio::test]
async fn i7_a_whole_life_leaves_no_secret() {
    let log = Captured::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let capturing = tracing::subscriber::set_default(subscriber);
    // A lone subscriber of a thread is not asked about log lines that another thread comes to first; one of two is.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let at = Running::start_with(&[("tokens.audiences", AUDIENCE)]).await;
    let local = fs::read_to_string(at.data_dir().join("keys/local.json")).unwrap_or_default();
    let mut life = lead(&at.url, at.root).await;
    life.secrets.extend(at.roles_token.iter().chain(&at.emergency_token).cloned());
    life.secrets.extend(credential(&local));
    let mut said = vec![format!("{:?}", at.ledger().await), debug_output(&at).await];
    at.authority.upkeep.write_refusals().await.unwrap();
    said.push(at.admin().get("/metrics").await.text);
    at.stop().await;
    drop(capturing);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("/api/v1/bootstrap"), "the log was captured");
    check(&life, said.iter().chain([&log]));
}

/// The `Debug` output of values that hold or judge secrets.
async fn debug_output(at: &Running) -> String {
    let (minted, csr) = (inside::mint(&at.authority, json!({})).await.unwrap(), Host::new().csr());
    let enrolled = inside::redeem(&at.authority, minted.text().expose(), &csr, None).await.unwrap();
    let refused: ServiceError =
        inside::redeem(&at.authority, minted.text().expose(), "nothing", None).await.unwrap_err();
    let forged = format!("{}A", minted.text().expose());
    let invalid = inside::redeem(&at.authority, &forged, &csr, None).await.unwrap_err();
    let record = at.authority.tokens.show_token(minted.grant().token.id).await.unwrap();
    let csr = Csr::parse(&csr, CsrPolicy { allow_rsa: false }).unwrap();
    let wrong = at
        .authority
        .accounts
        .sign_in(&Caller::SYSTEM, "admin", &gatepass::secret::Secret::new("wrong horse".to_owned()))
        .await;
    format!(
        "{:?} {enrolled:?} {refused:?} {refused} {invalid:?} {invalid} {record:?} {:?} {wrong:?} {:?}",
        minted.grant(),
        csr.thumbprint(),
        at.authority.roles
    )
}

/// The local credential in the file that publishes it.
fn credential(local: &str) -> Option<String> {
    let local: Value = serde_json::from_str(local).ok()?;
    Some(local["credential"].as_str()?.to_owned())
}

fn check<'a>(life: &'a Life, texts: impl Iterator<Item = &'a String>) {
    for text in life.errors.iter().chain(texts) {
        assert_eq!(leaks(text, &life.secrets), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_trace_logs_and_database_hold_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let audiences = format!("tokens.audiences={AUDIENCE}");
    let server = Process::start(&data, &["--set", "log.level=trace", "--set", &audiences]).await;
    let mut life = lead(&server.url, server.root).await;
    let read = |name: &str| fs::read_to_string(data.join(name)).unwrap().trim().to_owned();
    life.secrets.extend([read("first-roles.token"), read("emergency.token")]);
    life.secrets.extend(credential(&read("keys/local.json")));
    let ledger = eventually("refusals are recorded", async || {
        let ledger = server.admin().get("/api/v1/ledger?limit=1000").await.text;
        ledger.contains("token_refused").then_some(ledger)
    });
    let ledger = ledger.await;
    let stopped = server.data_dir.clone();
    server.stop().await;
    let log = fs::read_to_string(stopped.with_extension("log")).unwrap();
    assert!(log.contains("TRACE") && log.contains("/api/v1/bootstrap"), "{log}");
    check(&life, [&ledger, &log].into_iter());
    for file in fs::read_dir(&stopped).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if file.is_file() && !name.ends_with(".token") {
            let bytes = fs::read(&file).unwrap();
            let held = |secret: &String| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!life.secrets.iter().any(held), "{name} holds a secret");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_the_renewal_command_gets_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let minted = server.admin().post("/api/v1/enrollment-tokens", &json!({ "roles": ["proxy"] })).await;
    let token = minted.json["token"].as_str().unwrap().to_owned();
    let (certs, seen) = (dir.path().join("certs"), dir.path().join("seen"));
    let enrolled =
        gatepass().args(["enroll", "--cert-dir"]).arg(&certs).env("GATEPASS_TOKEN", &token).output().unwrap();
    assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
    let command = format!("cat /proc/$$/cmdline /proc/$PPID/cmdline > {0}; env >> {0}", seen.display());
    let renewed = gatepass()
        .args(["renew", "--on-renew", &command, "--cert-dir"])
        .arg(&certs)
        .env("PATH", "/usr/bin:/bin")
        .env("GATEPASS_TOKEN", &token)
        .env("GATEPASS_PASSWORD", PASSWORD)
        .output()
        .unwrap();
    assert!(renewed.status.success(), "{}", String::from_utf8_lossy(&renewed.stderr));
    let seen = String::from_utf8_lossy(&fs::read(&seen).unwrap()).into_owned();
    assert!(seen.contains("--on-renew") && seen.contains("GATEPASS_CERT_DIR"), "{seen}");
    let key = fs::read_to_string(certs.join("host.key")).unwrap();
    let key = key.lines().nth(1).unwrap().to_owned();
    let said = [enrolled.stdout, enrolled.stderr, renewed.stdout, renewed.stderr];
    let said = said.map(|bytes| String::from_utf8(bytes).unwrap());
    for text in said.iter().chain([&seen]) {
        assert_eq!(leaks(text, &[token.clone(), PASSWORD.to_owned(), key.clone()]), None);
    }
    server.stop().await;
}
