//! Backups: a verified copy while the server runs or is stopped, with and without its keys.

mod api;
mod load;
mod rotations;
mod sealed;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use gatepass::backup::{self, BackupError, BackupKey, Form, KEY_FILE, Opened, Unlock};
use gatepass::store::sqlite::SqliteStore;
use serde_json::{Value, json};

use crate::support::process::gatepass;
use crate::support::{Process, Running, database};

/// Runs `gatepass backup FILE` on a data directory.
fn back_up(data_dir: &Path, file: &Path, more: &[&str]) -> Output {
    let mut command = gatepass();
    command.arg("backup").arg(file).arg("--data-dir").arg(data_dir).args(more).output().unwrap()
}

/// The document of a backup that ends well.
fn backed_up(data_dir: &Path, file: &Path, more: &[&str]) -> Value {
    let output = back_up(data_dir, file, &[more, &["-o", "json"]].concat());
    assert!(output.status.success(), "{}", errors(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The exit code and the error of a backup that fails, and that leaves no file beside.
fn refused(data_dir: &Path, file: &Path, more: &[&str]) -> (i32, String) {
    let before = fs::read_dir(file.parent().unwrap()).unwrap().count();
    let output = back_up(data_dir, file, more);
    assert!(!output.status.success() && output.stdout.is_empty(), "{}", errors(&output));
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), before, "{}", errors(&output));
    (output.status.code().unwrap(), errors(&output))
}

/// Opens a backup without keys by the key of the data directory, and reads all of it.
fn opened(data_dir: &Path, file: &Path, into: &Path) -> Opened {
    fs::create_dir(into).unwrap();
    let key = BackupKey::load(&data_dir.join("keys").join(KEY_FILE)).unwrap();
    let opened = backup::open(file, &Unlock::Key(&key), into).unwrap();
    is_sound(&opened.database);
    opened
}

/// Checks pages, references and ledger of a database.
fn is_sound(path: &Path) {
    assert_eq!(SqliteStore::check_integrity(path).unwrap(), Vec::<String>::new());
    SqliteStore::open_read_only(path).unwrap().verify(|_, _| {}).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The newest ledger entry about a backup.
fn entry(ledger: &[Value]) -> &Value {
    ledger.iter().find(|entry| entry["action"] == "backup_made").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_is_backed_up() {
    let (dir, at) = (tempfile::tempdir().unwrap(), Running::start().await);
    let file = dir.path().join("backup.db");
    let output = back_up(at.data_dir(), &file, &[]);
    assert!(output.status.success(), "{}", errors(&output));
    let told = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(told.starts_with(&format!("backed up to {}", file.display())), "{told}");
    assert!(errors(&output).contains("the file holds no keys"), "{}", errors(&output));
    assert_eq!((mode(&file), backup::form(&file)), (0o600, Ok(Form::Database)));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    let opened = opened(at.data_dir(), &file, &dir.path().join("into"));
    let ledger = at.ledger().await;
    let made = entry(&ledger);
    assert_eq!((&made["actor"], &made["detail"]["with_keys"]), (&json!("local"), &json!(false)), "{made}");
    let head = SqliteStore::open_read_only(&opened.database).unwrap().verify(|_, _| {}).unwrap();
    assert_eq!(made["detail"]["seq"], head.seq, "the entry names the last one in the file");
    assert_eq!(made["detail"]["bytes"], fs::metadata(&file).unwrap().len());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_is_backed_up() {
    let dir = tempfile::tempdir().unwrap();
    let (data_dir, file) = (dir.path().join("data"), dir.path().join("backup.db"));
    Process::start(&data_dir, &[]).await.stop().await;
    backed_up(&data_dir, &file, &[]);
    opened(&data_dir, &file, &dir.path().join("into"));
    let server = Process::start(&data_dir, &[]).await;
    let ledger = server.json(&["ledger", "list"]);
    let made = entry(ledger.as_array().unwrap());
    assert_eq!((&made["actor"], &made["detail"]["offline"]), (&json!("system"), &json!(true)), "{made}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_servers_log_is_in_the_backup() {
    let dir = tempfile::tempdir().unwrap();
    let (data_dir, file) = (dir.path().join("data"), dir.path().join("backup.db"));
    let server = Process::start(&data_dir, &[]).await;
    server.told(&["token", "create", "--label", "kept", "-q"]);
    server.kill();
    backed_up(&data_dir, &file, &[]);
    let opened = opened(&data_dir, &file, &dir.path().join("into"));
    let copy = rusqlite::Connection::open(&opened.database).unwrap();
    assert_eq!(database::one(&copy, "SELECT count(*) FROM mints WHERE label = 'kept'"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_file_needs_force() {
    let (dir, at) = (tempfile::tempdir().unwrap(), Running::start().await);
    let file = dir.path().join("backup.db");
    fs::write(&file, "kept").unwrap();
    let (code, said) = refused(at.data_dir(), &file, &[]);
    assert!(code == 2 && said.contains("exists already") && said.contains("--force"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), b"kept");
    backed_up(at.data_dir(), &file, &["--force"]);
    assert_eq!((mode(&file), backup::form(&file)), (0o600, Ok(Form::Database)));
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for place in [&link, &dir.path().to_owned(), &PathBuf::from("/dev/stdout")] {
        let (code, said) = refused(at.data_dir(), place, &["--force"]);
        assert!(code == 2, "{said}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_database_is_left_to_its_version() {
    let dir = tempfile::tempdir().unwrap();
    let (data_dir, file) = (dir.path().join("data"), dir.path().join("backup.db"));
    Process::start(&data_dir, &[]).await.stop().await;
    database::execute(&data_dir, "PRAGMA user_version = 5");
    let (code, said) = refused(&data_dir, &file, &[]);
    assert!(code == 2 && said.contains("back it up with the version that made it"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_makes_no_backup() {
    let dir = tempfile::tempdir().unwrap();
    let (data_dir, file) = (dir.path().join("data"), dir.path().join("backup.db"));
    Process::start(&data_dir, &[]).await.stop().await;
    database::execute(&data_dir, "DELETE FROM ledger WHERE seq = 2");
    let (code, said) = refused(&data_dir, &file, &[]);
    assert!(code == 1 && said.contains("is not sound") && said.contains("entry 2 is missing"), "{said}");
    assert!(said.contains("gatepass doctor --integrity"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_backup_is_refused() {
    use std::os::unix::fs::FileExt as _;
    let (dir, at) = (tempfile::tempdir().unwrap(), Running::start().await);
    let file = dir.path().join("backup.db");
    backed_up(at.data_dir(), &file, &[]);
    let key = BackupKey::load(&at.data_dir().join("keys").join(KEY_FILE)).unwrap();
    let changed = Err(BackupError::Changed { path: file.display().to_string() });
    // The name of a table in the schema.
    let bytes = fs::read(&file).unwrap();
    let place = bytes.windows(5).position(|part| part == b"hosts").unwrap();
    fs::File::options().write(true).open(&file).unwrap().write_all_at(b"roles", place as u64).unwrap();
    fs::create_dir(dir.path().join("into")).unwrap();
    assert_eq!(backup::open(&file, &Unlock::Key(&key), &dir.path().join("into")), changed);
    // A copy of the database itself has no proof.
    fs::copy(database::file(at.data_dir()), &file).unwrap();
    assert!(backup::open(&file, &Unlock::Key(&key), &dir.path().join("into")).is_err());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_reader_of_the_keys_backs_up() {
    let (dir, at) = (tempfile::tempdir().unwrap(), Running::start().await);
    let file = dir.path().join("backup.db");
    fs::remove_file(at.data_dir().join("keys/local.json")).unwrap();
    let (_, said) = refused(at.data_dir(), &file, &[]);
    assert!(said.contains("local.json is not there"), "{said}");
    let (code, said) = refused(&dir.path().join("none"), &file, &[]);
    assert!(code == 2 && said.contains("gatepass.db is not there"), "{said}");
    at.stop().await;
}
