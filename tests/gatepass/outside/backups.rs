//! Backups in the hands of other programs: SQLite's own shell, age and tar.

use std::fs;
use std::path::Path;
use std::process::Command;

use gatepass::backup::{self, Unlock};
use gatepass::secret::Secret;

use super::tool::{Said, run};
use crate::support::Process;
use crate::support::process::gatepass;

/// Backs a stopped server up.
async fn back_up(dir: &Path, file: &Path, more: &[&str]) {
    let data_dir = dir.join("data");
    Process::start(&data_dir, &[]).await.stop().await;
    let mut command = gatepass();
    command.arg("backup").arg(file).args(more).arg("--data-dir").arg(&data_dir);
    run(&mut command, "").expect_good();
}

fn tool(program: &str, args: &[&str]) -> Said {
    run(Command::new(program).args(args), "")
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlites_own_program_reads_a_backup() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("backup.db");
    back_up(dir.path(), &file, &[]).await;
    let sql = "PRAGMA integrity_check; SELECT count(*) > 0 FROM ledger;";
    let said = tool("sqlite3", &[file.to_str().unwrap(), sql]).expect_good();
    assert_eq!(said, "ok\n1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn age_opens_a_sealed_backup_and_seals_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let [identity, sealed, plain, again] = ["identity", "backup.age", "backup.tar", "again.age"].map(path);
    tool("age-keygen", &["-o", &identity]).expect_good();
    let recipient = tool("age-keygen", &["-y", &identity]).expect_good();
    back_up(dir.path(), Path::new(&sealed), &["--with-keys", "--recipient", recipient.trim()]).await;
    tool("age", &["-d", "-i", &identity, "-o", &plain, &sealed]).expect_good();
    let names = tool("tar", &["-tf", &plain]).expect_good();
    for name in ["gatepass.db", "keys/ca.json", "keys/backup.key", "keys/owner"] {
        assert!(names.lines().any(|line| line == name), "{name}: {names}");
    }
    assert!(!names.contains("local.json"), "{names}");
    tool("age", &["-r", recipient.trim(), "-o", &again, &plain]).expect_good();
    let into = dir.path().join("into");
    fs::create_dir(&into).unwrap();
    let secret = Secret::new(fs::read_to_string(&identity).unwrap());
    let opened = backup::open(Path::new(&again), &Unlock::Identity(&secret), &into).unwrap();
    assert!(opened.database.is_file() && opened.keys.is_some());
}
