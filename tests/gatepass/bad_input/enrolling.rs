//! A host that cannot keep its identity finds out before a use is spent, or can run the same command again.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::served::{Served, complaint, gatepass, run, serve};

/// A server with a token for one host.
struct World {
    dir: tempfile::TempDir,
    server: Served,
    minted: Value,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Served::start(serve(&dir.path().join("data")));
        let minted =
            server.admin().post("/api/v1/enrollment-tokens", &json!({ "roles": ["proxy"] })).await.json;
        Self { dir, server, minted }
    }

    fn token(&self) -> &str {
        self.minted["token"].as_str().unwrap()
    }

    fn enroll(&self, cert_dir: &Path) -> Output {
        let mut command = gatepass();
        command.env("GATEPASS_TOKEN", self.token()).arg("enroll").arg("--cert-dir").arg(cert_dir);
        run(&mut command)
    }

    /// The same under a limit on how long a file may become, in blocks of 512 bytes: writing more fails.
    fn enroll_within(&self, blocks: u32, cert_dir: &Path) -> Output {
        let mut command = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" enroll --cert-dir \"$1\"");
        command.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_gatepass")).arg(cert_dir);
        run(command.env("GATEPASS_TOKEN", self.token()))
    }

    async fn used(&self) -> Value {
        let path = format!("/api/v1/enrollment-tokens/{}", self.minted["token_id"].as_str().unwrap());
        self.server.admin().get(&path).await.json["used"].clone()
    }

    /// The hosts that the server knows.
    async fn hosts(&self) -> usize {
        self.server.admin().get("/api/v1/hosts").await.json["items"].as_array().unwrap().len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unwritable_directory_spends_no_use() {
    let world = World::new().await;
    let file = world.dir.path().join("file");
    fs::write(&file, "in the way").unwrap();
    // `/proc` takes no file from anybody, root included.
    for cert_dir in [file.as_path(), &file.join("below"), Path::new("/proc/gatepass")] {
        let output = world.enroll(cert_dir);
        assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
        assert!(complaint(&output).contains(&*cert_dir.to_string_lossy()), "{}", complaint(&output));
        assert_eq!(world.used().await, 0);
    }
    let output = world.enroll(&world.dir.path().join("certs"));
    assert!(output.status.success(), "{}", complaint(&output));
    assert_eq!((world.used().await, world.hosts().await), (json!(1), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_spends_no_use() {
    let world = World::new().await;
    let cert_dir = world.dir.path().join("certs");
    for blocks in [0, 1, 8] {
        let output = world.enroll_within(blocks, &cert_dir);
        assert_eq!(output.status.code(), Some(1), "{blocks} blocks: {}", complaint(&output));
        assert!(!complaint(&output).contains("eyJ"));
        assert_eq!(world.used().await, 0, "{blocks} blocks");
        assert!(!cert_dir.join("host.json").exists());
    }
    let output = world.enroll(&cert_dir);
    assert!(output.status.success(), "{}", complaint(&output));
    assert_eq!((world.used().await, world.hosts().await), (json!(1), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_writes_the_missing_files() {
    let world = World::new().await;
    let cert_dir = world.dir.path().join("certs");
    fs::create_dir_all(cert_dir.join("host.json")).unwrap();
    let output = world.enroll(&cert_dir);
    assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
    fs::remove_dir(cert_dir.join("host.json")).unwrap();
    for _ in 0..2 {
        let output = world.enroll(&cert_dir);
        assert!(output.status.success(), "{}", complaint(&output));
    }
    assert_eq!((world.used().await, world.hosts().await), (json!(1), 1));
}
