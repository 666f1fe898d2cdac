//! A search for the secrets of outputs: none is readable at rest, in lists, logs, ledger, errors or reports.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatepass::client::checkin::fetch_policy;
use gatepass::client::host::ThisHost;
use gatepass::client::policy_file::PolicyFile;
use gatepass::clock::Timestamp;

use super::*;
use crate::support::Process;
use crate::support::process::gatepass;

/// Secrets with a word that nothing else has. Others replace the first ones.
const PASSWORDS: [&str; 2] = ["zq-first-kafka-password", "zq-second-kafka-password"];
const SERVICE_TOKEN: &str = "zq-elasticsearch-service-token";
const API_KEY: &str = "zq-logstash-id:zq-logstash-api-key";

/// The forms of a secret that a careless program would write.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let utf16 = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let encoded =
        [STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret), gatepass::id::hex(secret.as_bytes())];
    let mut forms = vec![secret.as_bytes().to_vec(), utf16];
    // The last characters depend on the bytes that follow.
    forms.extend(encoded.map(|text| text.trim_end_matches('=').as_bytes()[..text.len() / 2].to_vec()));
    forms
}

fn search(place: &str, bytes: &[u8], secrets: &[String]) {
    for secret in secrets {
        for form in forms(secret) {
            let found = bytes.windows(form.len()).any(|window| window == form);
            assert!(!found, "{place} has {:?}", String::from_utf8_lossy(&form));
        }
    }
}

fn search_files(directory: &Path, secrets: &[String]) -> usize {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let search = |path: std::path::PathBuf| {
        if path.is_dir() {
            return search_files(&path, secrets);
        }
        search(&path.display().to_string(), &fs::read(&path).unwrap(), secrets);
        1
    };
    entries.map(search).sum()
}

/// Each answer to an administrator, with errors that a secret in the wrong place causes.
async fn answers(at: &Process, key: &str) -> Vec<Said> {
    let (certificate, _) = pair("agent.example.org");
    let admin = at.admin();
    let post = async |body: &Value| admin.post(OUTPUTS, body).await;
    let mut said = Vec::new();
    for wrong in [
        json!({ "name": "a", "type": "kafka", "hosts": [format!("https://u:{}@a", PASSWORDS[0])], "auth": PASSWORDS[0] }),
        json!({ "name": "b", "type": PASSWORDS[0], "hosts": [PASSWORDS[0]] }),
        json!({ "name": "c", "type": "logstash", "hosts": ["a:1"], "certificate": key, "key": PASSWORDS[0] }),
        json!({ "name": "d", "type": "logstash", "hosts": ["a:1"], "certificate": certificate, "key": key }),
        json!({ "name": "e", "type": "elasticsearch", "hosts": ["https://a"], "ca": key, "password": PASSWORDS[0] }),
        json!({ "name": "f", "type": "elasticsearch", "hosts": ["https://a"], "service_token": [SERVICE_TOKEN] }),
    ] {
        let refused = post(&wrong).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        said.push(refused);
    }
    for path in [OUTPUTS, "/api/v1/policies", "/api/v1/ledger?limit=1000", "/api/v1/signing-keys", "/metrics"]
    {
        let shown = admin.get(path).await;
        assert_eq!(shown.status, 200, "{path}: {}", shown.text);
        said.push(shown);
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_readable_besides_the_host() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let at = Process::start(&data, &["--set", "log.level=trace"]).await;
    let (certificate, key) = pair("agent.example.org");
    // The middle of the key: its first bytes are the same in every key.
    let middle = key.lines().nth(2).unwrap().to_owned();
    let secrets = [PASSWORDS[0], PASSWORDS[1], SERVICE_TOKEN, API_KEY, "zq-logstash-api-key", &middle]
        .map(str::to_owned);
    let pipeline = json!({
        "name": "pipeline", "type": "logstash", "hosts": ["ls.example.org:5044"], "certificate": certificate, "key": key,
        "api_key": API_KEY,
    });
    let mut ids = Vec::new();
    for output in [kafka("events", PASSWORDS[0]), pipeline, elasticsearch("logs", SERVICE_TOKEN)] {
        let said = at.admin().post(OUTPUTS, &output).await;
        assert_eq!(said.status, 201, "{}", said.text);
        search("the answer to a creation", said.text.as_bytes(), &secrets);
        ids.push(said.json["id"].clone());
    }
    let path = format!("{OUTPUTS}/{}", ids[0].as_str().unwrap());
    let said = at.admin().patch(&path, &json!({ "password": PASSWORDS[1] })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    search("the answer to a change", said.text.as_bytes(), &secrets);
    let edge = at.admin().post("/api/v1/policies", &json!({ "name": "edge", "outputs": ids })).await;
    assert_eq!(edge.status, 201, "{}", edge.text);
    let fetched = fetched(dir.path(), edge.json["first_token"]["token"].as_str().unwrap()).await;
    assert!(
        fetched.contains(PASSWORDS[1]) && fetched.contains(&middle) && !fetched.contains("zq-logstash"),
        "{fetched}"
    );
    let rotated = at.admin().post("/api/v1/signing-keys/rotate", &json!({ "use": "seal" })).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    for said in answers(&at, &key).await {
        search("an answer", said.text.as_bytes(), &secrets);
    }
    for command in [&["output", "list"][..], &["ledger", "export"], &["doctor"], &["check-config"]] {
        let shown = at.command(command).output().unwrap();
        search(&command.join(" "), &[shown.stdout, shown.stderr].concat(), &secrets);
    }
    // The write-ahead log is there while the server runs.
    assert!(data.join("gatepass.db-wal").exists());
    assert!(search_files(&data, &secrets) >= 3);
    search("the log", at.log().as_bytes(), &secrets);
    let log = data.with_extension("log");
    at.stop().await;
    assert!(search_files(&data, &secrets) >= 3);
    search("the log", &fs::read(log).unwrap(), &secrets);
}

/// The policy that a host with this token fetches.
async fn fetched(dir: &Path, token: &str) -> String {
    let (certs, file) = (dir.join("host"), dir.join("policy.json"));
    let mut enroll = gatepass();
    enroll.args(["enroll", "--cert-dir"]).arg(&certs).env("GATEPASS_TOKEN", token);
    let enrolled = enroll.output().unwrap();
    assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
    let host = ThisHost::at(&certs);
    let policy = PolicyFile::new(&file).unwrap();
    let now =
        Timestamp::from_secs(i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap());
    fetch_policy(&host, &policy, now).await.unwrap();
    fs::read_to_string(file).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_names_fields_and_no_values() {
    let at = Running::start().await;
    let path = at_id(&create(&at, &kafka("events", "hunter2")).await);
    let change = json!({ "password": "correct horse", "hosts": ["kafka.example.org:9092"], "name": "moved" });
    assert_eq!(at.admin().patch(&path, &change).await.status, 200);
    assert_eq!(at.admin().delete(&path).await.status, 200);
    let ledger = at.ledger().await;
    let entry = |action: &str| ledger.iter().find(|entry| entry["action"] == action).unwrap();
    assert_eq!(entry("output_created")["detail"]["secrets"], json!(["password"]));
    assert_eq!(entry("output_changed")["detail"]["changed"], json!(["name", "hosts", "password"]));
    assert_eq!(entry("output_deleted")["detail"]["label"], "moved");
    let all = serde_json::to_string(&ledger).unwrap();
    assert!(
        !all.contains("hunter2") && !all.contains("correct horse") && !all.contains("kafka.example.org"),
        "{all}"
    );
    at.stop().await;
}
