use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use age::secrecy::ExposeSecret as _;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;

/// A database with a trailer, and the key of that.
fn signed(dir: &TempDir) -> (PathBuf, BackupKey) {
    let path = dir.path().join("backup.db");
    let database = Connection::open(&path).unwrap();
    database.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (7)").unwrap();
    drop(database);
    let key = BackupKey::generate();
    let size = fs::metadata(&path).unwrap().len();
    assert_eq!(sign(&path, &key).unwrap(), size + 82);
    (path, key)
}

fn into(dir: &TempDir) -> PathBuf {
    let into = dir.path().join(format!("into-{}", fs::read_dir(dir.path()).unwrap().count()));
    fs::create_dir(&into).unwrap();
    into
}

fn flip(path: &Path, at: i64) {
    let mut file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let at = file.seek(if at < 0 { SeekFrom::End(at) } else { SeekFrom::Start(at.unsigned_abs()) }).unwrap();
    let mut byte = [0];
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte[0] ^ 1]).unwrap();
}

#[test]
fn a_signed_database_is_still_a_database() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = signed(&dir);
    let database = Connection::open(&path).unwrap();
    let row = |sql: &str| database.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(row("PRAGMA integrity_check"), "ok");
    assert_eq!(row("SELECT CAST(x AS TEXT) FROM t"), "7");
    drop(database);
    assert_eq!(form(&path), Ok(Form::Database));
    let opened = open(&path, &Unlock::Key(&key), &into(&dir)).unwrap();
    assert_eq!(fs::metadata(&opened.database).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        fs::metadata(&opened.database).unwrap().len() + 82,
        fs::metadata(&path).unwrap().len(),
        "the trailer is gone"
    );
}

#[test]
fn a_changed_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = signed(&dir);
    let changed = Err(BackupError::Changed { path: shown(&path) });
    assert_eq!(open(&path, &Unlock::Key(&BackupKey::generate()), &into(&dir)), changed);
    for at in [4000, -1, -40, -80] {
        flip(&path, at);
        assert_eq!(open(&path, &Unlock::Key(&key), &into(&dir)), changed, "{at}");
        flip(&path, at);
    }
    assert!(open(&path, &Unlock::Key(&key), &into(&dir)).is_ok());
    trailer::cut(&path).unwrap();
    assert_eq!(open(&path, &Unlock::Key(&key), &into(&dir)), changed);
}

#[test]
fn a_key_is_read_from_its_text() {
    let key = BackupKey::generate();
    let again = BackupKey::parse(&key.text()).unwrap();
    assert_eq!(key.text().expose(), again.text().expose());
    for wrong in ["", "00", &"0g".repeat(32), &"é".repeat(32)] {
        assert!(BackupKey::parse(&Secret::new(wrong.to_owned())).is_none(), "{wrong}");
    }
}

/// A sealed backup of a signed database.
fn sealed(dir: &TempDir, sealing: &Sealing) -> PathBuf {
    let (database, key) = signed(dir);
    let part =
        |name: &str, text: &str| Part { name: name.to_owned(), bytes: Secret::new(text.as_bytes().to_vec()) };
    let parts = [
        part("keys/backup.key", key.text().expose()),
        part("keys/ca.json", "{}"),
        part("gatepass.toml", "[server]"),
        part("crl/aa.der", "crl"),
    ];
    let (to, mut last) = (dir.path().join("backup.age"), 0);
    let size = seal(&to, sealing, (&database, &parts), &mut |bytes| last = bytes).unwrap();
    assert_eq!(size, fs::metadata(&to).unwrap().len());
    assert_eq!(last, fs::metadata(&database).unwrap().len());
    to
}

#[test]
fn a_passphrase_opens_what_it_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let phrase = || Secret::new("correct horse".to_owned());
    let file = sealed(&dir, &Sealing::Passphrase(phrase()));
    assert_eq!(form(&file), Ok(Form::Passphrase));
    let opened = open(&file, &Unlock::Passphrase(&phrase()), &into(&dir)).unwrap();
    let (keys, config) = (opened.keys.unwrap(), opened.config.unwrap());
    assert_eq!(fs::read_to_string(keys.join("ca.json")).unwrap(), "{}");
    assert_eq!(fs::read_to_string(config).unwrap(), "[server]");
    assert_eq!(fs::read_to_string(&opened.crls[0]).unwrap(), "crl");
    assert_eq!(fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o700);
    let wrong = open(&file, &Unlock::Passphrase(&Secret::new("other".to_owned())), &into(&dir));
    assert_eq!(wrong, Err(BackupError::WrongSecret { path: shown(&file) }));
    let key = open(&file, &Unlock::Key(&BackupKey::generate()), &into(&dir));
    assert_eq!(key, Err(BackupError::NeedsPassphrase { path: shown(&file) }));
}

#[test]
fn an_identity_opens_what_its_public_key_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let identity = age::x25519::Identity::generate();
    let text = Secret::new(identity.to_string().expose_secret().to_owned());
    let recipient = Recipient::parse(&identity.to_public().to_string()).unwrap();
    let file = sealed(&dir, &Sealing::Recipient(recipient));
    assert_eq!(form(&file), Ok(Form::Recipient));
    assert!(open(&file, &Unlock::Identity(&text), &into(&dir)).is_ok());
    // A changed or cut file is found, also behind the end of the archive.
    for at in [500, -100, -1] {
        flip(&file, at);
        let refused = open(&file, &Unlock::Identity(&text), &into(&dir)).unwrap_err();
        assert_eq!(refused, BackupError::Changed { path: shown(&file) }, "{at}");
        flip(&file, at);
    }
    let size = fs::metadata(&file).unwrap().len();
    OpenOptions::new().write(true).open(&file).unwrap().set_len(size - 20).unwrap();
    assert!(open(&file, &Unlock::Identity(&text), &into(&dir)).is_err());
    let other = Secret::new(age::x25519::Identity::generate().to_string().expose_secret().to_owned());
    let wrong = open(&file, &Unlock::Identity(&other), &into(&dir));
    assert_eq!(wrong, Err(BackupError::WrongSecret { path: shown(&file) }));
    let nonsense = open(&file, &Unlock::Identity(&Secret::new("key".to_owned())), &into(&dir));
    assert_eq!(nonsense, Err(BackupError::BadIdentity));
}

#[test]
fn another_file_is_no_backup() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    for text in ["", "text", "age-encryption.org/v1\n"] {
        fs::write(&path, text).unwrap();
        assert_eq!(form(&path), Err(BackupError::NotABackup { path: shown(&path) }), "{text}");
    }
    assert!(matches!(Recipient::parse("ssh-ed25519 AAAA"), Err(BackupError::BadRecipient { .. })));
}
