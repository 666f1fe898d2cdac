//! A disk that is really full: a small file system of its own, in name spaces of its own (`unshare`, `mount`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::{published_is_served, redeem, ski, unavailable};
use crate::support::authority::token_of;
use crate::support::served::Served;

/// A server whose data directory is a file system of 2 MiB that nobody else sees.
fn serve_on_small_disk(data: &Path) -> Served {
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=2m,mode=700 small \"$1\" && \
                  exec \"$0\" serve --listen 127.0.0.1:0 --data-dir \"$1\"";
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    command.arg(env!("CARGO_BIN_EXE_gatepass")).arg(data);
    command.env("GATEPASS_ADMIN_PASSWORD", crate::support::authority::PASSWORD);
    Served::start(command)
}

/// The directory as the server sees it.
fn seen_by(server: &Served, data: &Path) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{}/root", server.pid().as_raw_nonzero()));
    root.join(data.strip_prefix("/").unwrap())
}

/// Takes all the room there is.
fn fill(file: &Path) {
    use std::io::Write as _;
    let mut file = fs::File::create(file).unwrap();
    let full = loop {
        if let Err(error) = file.write_all(&[0; 512]) {
            break error;
        }
    };
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_503_and_recovers_without_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve_on_small_disk(dir.path());
    let filler = seen_by(&server, dir.path()).join("filler");
    let admin = server.admin();
    let request = json!({ "persistent": true, "max_uses": 1000 });
    let minted = admin.post("/api/v1/enrollment-tokens", &request).await.json;
    let (token, ski) = (token_of(&minted), ski(&admin).await);
    fill(&filler);
    let mut answered = 0;
    // The space of the write-ahead log is reused first.
    let refused = loop {
        let said = redeem(&server, &token).await.unwrap();
        if said.status != 200 {
            break said;
        }
        answered += 1;
        assert!(answered < 500, "the disk is full, and all of them were answered");
    };
    unavailable(&refused);
    assert!(refused.text.contains("full"), "{}", refused.text);
    unavailable(&admin.post("/api/v1/enrollment-tokens", &json!({})).await);
    published_is_served(&server.stranger(), &ski).await;
    let path = format!("/api/v1/enrollment-tokens/{}", minted["token_id"].as_str().unwrap());
    assert_eq!(admin.get(&path).await.json["used"], answered, "nothing half done");

    fs::remove_file(&filler).unwrap();
    assert_eq!(redeem(&server, &token).await.unwrap().status, 200);
    assert_eq!(admin.get(&path).await.json["used"], answered + 1);
    assert_eq!(admin.get("/api/v1/ledger/verification").await.json["intact"], true);
    assert!(server.stop().success());
}
