//! A disk that is really full: a small file system of its own, in name spaces of its own (`unshare`, `mount`).

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::{published_is_served, redeem, ski, unavailable};
use crate::support::authority::token_of;
use crate::support::eventually;
use crate::support::served::{Served, complaint, run};

/// A small file system in name spaces of its own, which outlives the servers on it.
struct SmallDisk {
    /// It ends with its standard input, and the file system with it.
    holder: Child,
    data: PathBuf,
    _dir: TempDir,
}

impl SmallDisk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let script = "mount -t tmpfs -o size=4m,mode=700 small \"$0\" && echo mounted && exec cat";
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(dir.path());
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "mounted\n", "allow `unshare --user --map-root-user --mount`, or run as root");
        Self { holder, data: dir.path().to_owned(), _dir: dir }
    }

    /// `gatepass serve` there. A port keeps the external URL, which a start records when it is new.
    fn serve(&self, port: u16) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--user", "--mount", "--preserve-credentials", "--target"])
            .arg(self.holder.id().to_string());
        command.arg(env!("CARGO_BIN_EXE_gatepass")).args(["serve", "--data-dir"]).arg(&self.data);
        command.arg(format!("--listen=127.0.0.1:{port}"));
        command.env("GATEPASS_ADMIN_PASSWORD", crate::support::authority::PASSWORD);
        command
    }

    /// A file as others see it.
    fn file(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.data.strip_prefix("/").unwrap()).join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
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
    let disk = SmallDisk::new();
    let server = Served::start(disk.serve(0));
    let filler = disk.file("filler");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_full_disk_serves_and_recovers() {
    let (disk, port) = (SmallDisk::new(), free_port());
    let server = Served::start(disk.serve(port));
    let (admin, request) = (server.admin(), json!({ "persistent": true, "max_uses": 10 }));
    let token = token_of(&admin.post("/api/v1/enrollment-tokens", &request).await.json);
    let ski = ski(&admin).await;
    let list = admin.get("/status").await.json["status_lists"][0].as_str().unwrap().to_owned();
    eventually("the CRL is kept", async || disk.file(&format!("crl-{ski}.der")).exists().then_some(())).await;
    assert!(server.stop().success());
    let (filler, reserve) = (disk.file("filler"), disk.file("reserve"));
    assert!(reserve.exists());
    fill(&filler);

    let server = Served::start(disk.serve(port));
    assert!(!reserve.exists());
    let ready = server.stranger().get("/readyz").await;
    assert!(
        ready.status == 503 && ready.text.contains("disk that holds the database is full"),
        "{}",
        ready.text
    );
    published_is_served(&server.stranger(), &ski).await;
    assert_eq!(server.stranger().get(list.strip_prefix(&server.url).unwrap()).await.status, 200);
    for _ in 0..20 {
        unavailable(&redeem(&server, &token).await.unwrap());
    }
    fs::remove_file(&filler).unwrap();
    eventually("it can be written", async || {
        (server.stranger().get("/readyz").await.status == 200).then_some(())
    })
    .await;
    assert!(reserve.exists());
    assert_eq!(redeem(&server, &token).await.unwrap().status, 200);
    assert_eq!(server.admin().get("/api/v1/ledger/verification").await.json["intact"], true);
    assert!(server.stop().success());

    // Without the reserve there is nothing to give up.
    fs::remove_file(&reserve).unwrap();
    fill(&filler);
    let refused = run(&mut disk.serve(port));
    assert_eq!(refused.status.code(), Some(2));
    assert!(complaint(&refused).contains("free 2 MiB or more"), "{}", complaint(&refused));
}
