//! A host that is killed at any system call of a change. Other programs never read a key beside the certificate of another one.
//! The next command goes on.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use gatepass::client::directory::FILES;
use gatepass::client::key::{HostKey, certificates};
use gatepass::secret::Secret;
use gatepass::verifier::hosts::HostPeer;
use serde_json::json;

use super::tool::openssl;
use crate::support::eventually;
use crate::support::served::{complaint, run};
use crate::support::site::{Site, good, host};

/// Every call that changes a file, a name or the state of the server.
const CHANGES: [&str; 10] =
    ["rename", "symlink", "unlink", "unlinkat", "mkdir", "chmod", "write", "ftruncate", "fsync", "writev"];
/// The calls that change a name, or the state of the server.
const NAMES: [&str; 6] = ["rename", "symlink", "unlink", "unlinkat", "mkdir", "writev"];
/// The server holds up a host that renews more often within an hour. Each round renews at most three times.
const ROUNDS_OF_A_HOST: usize = 3;

/// Runs a command of a host, killed before its `count`-th system call `call`.
fn killed(command: &Command, call: &str, count: usize) -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=KILL:when={count}"), "--"]);
    strace.arg(command.get_program()).args(command.get_args()).env_clear();
    let output = run(&mut strace);
    let by_signal = output.status.signal() == Some(9) || output.status.code() == Some(128 + 9);
    assert!(by_signal || output.status.success(), "{}", complaint(&output));
    by_signal
}

/// Checks that key and certificates fit each other under the names that other programs read, where both are there.
fn assert_pair(certs: &Path, moment: &str) {
    let held = contents(certs);
    let Some(key) = held.get("host.key") else { return };
    let key = HostKey::from_pem(&Secret::new(key.clone())).unwrap().hash();
    for text in ["host.pem", "fullchain.pem"].iter().filter_map(|name| held.get(name)) {
        assert_eq!(HostPeer::parse(&certificates(text)[0]).unwrap().host_key, key, "{moment}");
    }
}

/// Checks the same with openssl, and that a client with the root accepts the certificate.
fn assert_whole(certs: &Path, moment: &str) {
    let path = |name: &str| certs.join(name).to_str().unwrap().to_owned();
    let key = openssl(["pkey", "-pubout", "-in", &path("host.key")]).expect_good();
    let certified = openssl(["x509", "-pubkey", "-noout", "-in", &path("fullchain.pem")]).expect_good();
    assert_eq!(key, certified, "{moment}");
    let (root, full_chain) = (path("root.pem"), path("fullchain.pem"));
    openssl(["verify", "-CAfile", &root, "-untrusted", &full_chain, &full_chain]).expect_good();
}

/// The content of every name that exists.
fn contents(certs: &Path) -> BTreeMap<&'static str, String> {
    FILES.into_iter().filter_map(|name| Some((name, fs::read_to_string(certs.join(name)).ok()?))).collect()
}

/// Kills at each of the `calls` in turn, until a command makes no further one. Returns the number of kills.
fn at_each(calls: &[&str], mut round: impl FnMut(&str, usize) -> bool) -> usize {
    let mut kills = 0;
    for call in calls {
        kills += (1..).take_while(|count| round(call, *count)).count();
    }
    kills
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_renewal_leaves_a_whole_pair() {
    let mut site = Site::start();
    let (mut certs, mut rounds) = (PathBuf::new(), 0);
    let kills = at_each(&CHANGES, |call, count| {
        if rounds % ROUNDS_OF_A_HOST == 0 {
            certs = site.enrolled();
        }
        rounds += 1;
        let moment = format!("killed at {call} {count}");
        let killed = killed(&host(&["renew"], &certs), call, count);
        assert_pair(&certs, &moment);
        good(&mut host(&["status"], &certs));
        assert_pair(&certs, &moment);
        good(&mut host(&["renew"], &certs));
        assert_whole(&certs, &moment);
        assert_eq!(leftovers(&certs), Vec::<String>::new(), "{moment}");
        killed
    });
    assert!(kills > 50, "{kills}");
    let conflicts = site.server.admin().get("/api/v1/ledger?limit=1000").await;
    assert!(!conflicts.text.contains("lineage_conflict"), "{}", conflicts.text);
}

/// Files that a change needs only until its end.
fn leftovers(certs: &Path) -> Vec<String> {
    let names = fs::read_dir(certs).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let current = fs::read_link(certs.join("current")).unwrap();
    let temporary = |name: &String| {
        [".pending", ".renewing", ".ready", ".copy", ".left", ".link"].contains(&name.as_str())
    };
    let former = |name: &String| name.starts_with(".identity-") && Path::new(name) != current;
    names.filter(|name| temporary(name) || former(name)).collect()
}

/// Makes the directory what an earlier version left: plain files.
fn flatten(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for (name, _) in contents(from).into_iter().filter(|(name, _)| *name != "fullchain.pem") {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

#[test]
fn a_killed_move_to_links_changes_no_content() {
    let mut site = Site::start();
    let enrolled = site.enrolled();
    let before = contents(&enrolled);
    let mut rounds = 0;
    let kills = at_each(&CHANGES, |call, count| {
        rounds += 1;
        let certs = site.path(&format!("flat-{rounds}"));
        flatten(&enrolled, &certs);
        let killed = killed(&host(&["status"], &certs), call, count);
        for step in ["killed", "repaired"] {
            for (name, text) in &before {
                let held = fs::read_to_string(certs.join(name)).ok();
                let expected = *name == "fullchain.pem" && step == "killed" && held.is_none();
                assert!(expected || held.as_ref() == Some(text), "{name} {step}, {call} {count}");
            }
            good(&mut host(&["status"], &certs));
        }
        assert!(fs::symlink_metadata(certs.join("host.key")).unwrap().is_symlink(), "{call} {count}");
        killed
    });
    assert!(kills > 40, "{kills}");
}

/// Runs a command of a host with `inject`, a change of a system call in strace's form. strace writes the calls to `trace`.
fn injected(command: &Command, inject: &str, trace: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(trace).args(["-e", "trace=openat,flock,symlink"]);
    strace.args(["-e", &format!("inject={inject}"), "--"]);
    strace.arg(command.get_program()).args(command.get_args()).env_clear();
    strace
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_is_read_under_the_lock() {
    let mut site = Site::start();
    let (certs, trace) = (site.enrolled(), site.path("trace"));
    let renew = host(&["renew"], &certs);
    // The lock is at hand, and another renewal comes first.
    let mut late = injected(&renew, "flock:delay_enter=20s:when=1", &trace).spawn().unwrap();
    eventually("the lock file is open", async || {
        fs::read_to_string(&trace).unwrap_or_default().contains("/.lock").then_some(())
    })
    .await;
    good(&mut host(&["renew"], &certs));
    let late = tokio::task::spawn_blocking(move || late.wait().unwrap()).await.unwrap();
    assert!(late.success(), "{late}");
    let ledger = site.server.admin().get("/api/v1/ledger?limit=1000").await;
    assert!(!ledger.text.contains("lineage_conflict"), "{}", ledger.text);
    assert_whole(&certs, "after both");
}

#[test]
fn a_file_system_without_links_spends_no_use() {
    let mut site = Site::start();
    let token = site.token();
    let enroll = host(&["enroll", "--token-file", token.to_str().unwrap()], &site.certs());
    let refused = run(&mut injected(&enroll, "symlink:error=EPERM", &site.path("trace")));
    assert_eq!(refused.status.code(), Some(1), "{}", complaint(&refused));
    assert!(complaint(&refused).contains("takes no symbolic links"), "{}", complaint(&refused));
    good(&mut host(&["enroll", "--token-file", token.to_str().unwrap()], &site.certs()));
}

#[test]
fn a_killed_enrollment_loses_no_token() {
    let mut site = Site::start();
    let kills = at_each(&NAMES, |call, count| {
        let token = site.token();
        let certs = site.certs();
        let arguments = ["enroll", "--token-file", token.to_str().unwrap()];
        let killed = killed(&host(&arguments, &certs), call, count);
        assert_pair(&certs, &format!("{call} {count}"));
        good(&mut host(&arguments, &certs));
        assert_whole(&certs, &format!("enrolled again after {call} {count}"));
        killed
    });
    assert!(kills > 15, "{kills}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leave_is_completed() {
    let mut site = Site::start();
    let kills = at_each(&NAMES, |call, count| {
        let certs = site.enrolled();
        let killed = killed(&host(&["leave", "--yes"], &certs), call, count);
        assert_pair(&certs, &format!("{call} {count}"));
        // Code 1: the identity is gone.
        let again = run(&mut host(&["leave", "--yes"], &certs));
        assert!(matches!(again.status.code(), Some(0 | 1)), "{}", complaint(&again));
        let left: Vec<_> = fs::read_dir(&certs).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty() || left == [".lock"], "{left:?}, {call} {count}");
        killed
    });
    assert!(kills > 10, "{kills}");
    let hosts = site.server.admin().get("/api/v1/hosts?state=live").await;
    assert_eq!(hosts.json["items"], json!([]), "{}", hosts.text);
}
