//! Backups with keys.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gatepass::backup::{self, Form, Unlock};
use gatepass::secret::Secret;

use super::{back_up, backed_up, is_sound, mode, refused};
use crate::support::process::gatepass;
use crate::support::{AtTerminal, Process, Running, eventually};

const PHRASE: &str = "correct horse battery";

/// An identity of age, and its public key.
pub(super) const IDENTITY: &str =
    "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
pub(super) const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

/// The files of a directory, with their content.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn phrase_file(dir: &Path, phrase: &str) -> String {
    let path = dir.join("phrase");
    fs::write(&path, phrase).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_seals_everything_a_restore_needs() {
    let (dir, at) = (tempfile::tempdir().unwrap(), Running::start().await);
    at.settled().await;
    eventually("the CRL has a file", async || {
        files(at.data_dir()).keys().any(|name| name.starts_with("crl-")).then_some(())
    })
    .await;
    let file = dir.path().join("backup.age");
    let phrase = phrase_file(dir.path(), PHRASE);
    fs::write(dir.path().join("gatepass.toml"), "[server]\n").unwrap();
    let config = dir.path().join("gatepass.toml").display().to_string();
    let told =
        backed_up(at.data_dir(), &file, &["--with-keys", "--passphrase-file", &phrase, "--config", &config]);
    assert_eq!((mode(&file), backup::form(&file)), (0o600, Ok(Form::Passphrase)));
    assert_eq!(
        (&told["with_keys"], &told["bytes"]),
        (&true.into(), &fs::metadata(&file).unwrap().len().into())
    );

    let into = dir.path().join("into");
    fs::create_dir(&into).unwrap();
    let opened = backup::open(&file, &Unlock::Passphrase(&Secret::new(PHRASE.to_owned())), &into).unwrap();
    is_sound(&opened.database);
    let (mut kept, keys) = (files(opened.keys.as_ref().unwrap()), files(&at.data_dir().join("keys")));
    assert_eq!(kept.remove("local.json"), None, "the credential of a running server");
    for (name, content) in keys {
        match name.as_str() {
            "local.json" | "ledger.mark" => {}
            _ => assert_eq!(kept.remove(&name), Some(content), "{name}"),
        }
    }
    assert!(kept.is_empty(), "{:?}", kept.keys());
    assert_eq!(fs::read_to_string(opened.config.unwrap()).unwrap(), "[server]\n");
    assert!(!opened.crls.is_empty());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_key_seals_without_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    let (data_dir, file) = (dir.path().join("data"), dir.path().join("backup.age"));
    Process::start(&data_dir, &[]).await.stop().await;
    backed_up(&data_dir, &file, &["--with-keys", "--recipient", RECIPIENT]);
    assert_eq!(backup::form(&file), Ok(Form::Recipient));
    let into = dir.path().join("into");
    fs::create_dir(&into).unwrap();
    let text = Secret::new(format!("# created: by hand\n{IDENTITY}\n"));
    let opened = backup::open(&file, &Unlock::Identity(&text), &into).unwrap();
    is_sound(&opened.database);
    assert!(opened.keys.unwrap().join("ca.json").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_with_keys_is_always_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let (data_dir, file) = (dir.path().join("data"), dir.path().join("backup.age"));
    Process::start(&data_dir, &[]).await.stop().await;
    let short = phrase_file(dir.path(), "short");
    for (flags, why) in [
        (vec!["--with-keys"], "give --passphrase-file"),
        (vec!["--with-keys", "--passphrase-file", &short], "fewer than 12 characters"),
        (vec!["--with-keys", "--recipient", "ssh-ed25519"], "is not a public key of age"),
        (vec!["--recipient", RECIPIENT], "--with-keys"),
    ] {
        let (code, said) = refused(&data_dir, &file, &flags);
        assert!(code == 2 && said.contains(why), "{said}");
    }
    let both =
        back_up(&data_dir, &file, &["--with-keys", "--recipient", RECIPIENT, "--passphrase-file", "-"]);
    assert_eq!(both.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_is_typed_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (data_dir, file) = (dir.path().join("data"), dir.path().join("backup.age"));
    Process::start(&data_dir, &[]).await.stop().await;
    let mut command = gatepass();
    command.arg("backup").arg(&file).arg("--with-keys").arg("--data-dir").arg(&data_dir);
    let mut terminal = AtTerminal::start(&mut command, 100);
    for (first, second) in [(PHRASE, "something else"), (PHRASE, PHRASE)] {
        terminal.asks("passphrase of the backup").await;
        terminal.types(&format!("{first}\n"));
        terminal.asks("again: ").await;
        terminal.types(&format!("{second}\n"));
    }
    assert_eq!(terminal.ends().await.0, Some(0));
    assert_eq!(backup::form(&file), Ok(Form::Passphrase));
}
