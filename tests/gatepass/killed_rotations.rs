//! Private keys after kill -9 in the middle of a change: every one of them is known, and the next start removes the others.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use gatepass::id::KeyId;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use serde_json::{Value, json};

use crate::support::database::reader;
use crate::support::process::gatepass;
use crate::support::served::{Served, serve};
use crate::support::{Process, condition::eventually};

/// The files of the keys directory; none if there is no such directory.
fn names(data: &Path) -> BTreeSet<String> {
    let Ok(files) = fs::read_dir(data.join("keys")) else { return BTreeSet::new() };
    files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The files with private keys that database and manifest know.
fn known(data: &Path) -> BTreeSet<String> {
    let reader = reader(data);
    let mut keys =
        reader.prepare("SELECT kid FROM signing_keys WHERE state IN ('prepared', 'current')").unwrap();
    let keys = keys.query_map([], |row| row.get::<_, [u8; 32]>(0)).unwrap().map(Result::unwrap);
    let mut known = keys.map(|kid| format!("token-{}.pem", KeyId::from_bytes(kid))).collect::<BTreeSet<_>>();
    let mut fleet = reader.prepare("SELECT number FROM fleet_keys WHERE retired_at IS NULL").unwrap();
    let fleet = fleet.query_map([], |row| row.get::<_, u32>(0)).unwrap().map(Result::unwrap);
    known.extend(fleet.map(|number| format!("fleet-{number}.key")));
    let mut seals = reader.prepare("SELECT number FROM seal_keys WHERE retired_at IS NULL").unwrap();
    let seals = seals.query_map([], |row| row.get::<_, u32>(0)).unwrap().map(Result::unwrap);
    known.extend(seals.map(|number| format!("seal-{number}.key")));
    let manifest: Value = serde_json::from_slice(&fs::read(data.join("keys/ca.json")).unwrap()).unwrap();
    known.insert(format!("ca-root-{}.key", manifest["roots"][0].as_str().unwrap()));
    let issuing = manifest["issuing"].as_array().unwrap();
    known.extend(issuing.iter().map(|ca| format!("ca-issuing-{}.key", ca["ski"].as_str().unwrap())));
    known
}

/// Every file that may hold a private key is known, and no other one is left.
fn only_known_keys(data: &Path, moment: &str) {
    let holds_key = |name: &String| {
        name.starts_with("token")
            || name.ends_with(".key")
            || name.ends_with(".new")
            || name.contains(".next")
    };
    // A CRL is no secret. The next start signs an unfinished one again.
    let secret = |name: &String| holds_key(name) && !name.contains(".crl");
    let held = names(data).into_iter().filter(secret).collect::<BTreeSet<_>>();
    assert_eq!(held, known(data), "{moment}");
}

/// A watch on the names in the keys directory. The kernel notes every change, also while this process does not run.
struct Names(OwnedFd);

impl Names {
    fn of(data: &Path) -> Self {
        let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        let changes = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::DELETE;
        inotify::add_watch(&watch, data.join("keys"), changes).unwrap();
        Self(watch)
    }

    /// Waits for the `count`-th change, without a pause: the moment is short.
    fn change(&self, count: usize) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut names = inotify::Reader::new(&self.0, &mut buffer);
        let deadline = Instant::now() + Duration::from_secs(120);
        for nth in 1..=count {
            while let Err(error) = names.next() {
                assert_eq!(error, Errno::AGAIN);
                assert!(Instant::now() < deadline, "change {nth} never came");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_rotation_leaves_no_unknown_key() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let keys = ("/api/v1/signing-keys/rotate", json!({}));
    let fleet = ("/api/v1/signing-keys/rotate", json!({ "use": "fleet" }));
    let seal = ("/api/v1/signing-keys/rotate", json!({ "use": "seal" }));
    let accepted = ("/api/v1/clock/accept", json!({}));
    let issuing = ("/api/v1/ca/rotate", json!({ "root": false }));
    let root = ("/api/v1/ca/rotate", json!({ "root": true }));
    // Accepting makes a list and eight keys of two changes each. Then it removes the former keys.
    let acts = [
        (&keys, 2),
        (&keys, 3),
        (&keys, 4),
        (&fleet, 2),
        (&fleet, 3),
        (&fleet, 4),
        (&seal, 2),
        (&seal, 3),
        (&seal, 4),
        (&seal, 5),
        (&accepted, 4),
        (&accepted, 19),
        (&issuing, 3),
        (&root, 2),
        (&root, 5),
    ];
    let at = Process::start(&data, &[]).await;
    let output = json!({
        "name": "logs", "type": "elasticsearch", "hosts": ["https://es.example.org"], "service_token": "hunter2",
    });
    assert_eq!(at.admin().post("/api/v1/outputs", &output).await.status, 201);
    at.kill();
    for ((path, body), count) in acts {
        let at = Process::start(&data, &[]).await;
        // The first CRLs are files too.
        eventually("the root's CRL is there", async || {
            names(&data).iter().any(|name| name.ends_with(".crl")).then_some(())
        })
        .await;
        let (admin, names) = (at.admin(), Names::of(&data));
        let watching = tokio::task::spawn_blocking(move || names.change(count));
        let asked = admin.try_send(http::Method::POST, path, Some(body.to_string()));
        tokio::select! {
            watched = watching => watched.unwrap(),
            _ = async { let _ = asked.await; std::future::pending::<()>().await } => {}
        }
        at.kill();
        assert!(Served::start(serve(&data)).stop().success());
        only_known_keys(&data, &format!("{path} killed at change {count}"));
    }
    // A rotation opens every secret.
    let at = Process::start(&data, &[]).await;
    let said = at.admin().post(seal.0, &seal.1).await;
    assert_eq!(said.status, 200, "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_first_start_leaves_no_unknown_key() {
    for count in [1, 3, 6, 9, 14] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        // A watch needs a directory. The start fills the one that it finds.
        for made in [&data, &data.join("keys")] {
            DirBuilder::new().mode(0o700).create(made).unwrap();
        }
        let names = Names::of(&data);
        let mut first = gatepass();
        first.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data);
        let mut first = first.stdout(std::process::Stdio::null()).spawn().unwrap();
        names.change(count);
        first.kill().unwrap();
        first.wait().unwrap();
        assert!(Served::start(serve(&data)).stop().success());
        only_known_keys(&data, &format!("killed at change {count}"));
    }
}
