//! The files of a backup besides the database.

use std::path::Path;

use crate::backup::{self, BackupError, BackupKey, CONFIG, CRLS, KEY_FILE, KEYS, Part};
use crate::service::ServiceError;
use crate::service::ledger_mark::LEDGER_MARK;
use crate::service::vault::Vault;

/// Files of the keys directory that belong to a running server or to its disk.
const NOT_KEPT: [&str; 2] = ["local.json", LEDGER_MARK];

/// Ending of a file that is being written.
const UNFINISHED: &str = ".new";

/// Returns the key that proves the origin of backups. It is made when it is missing. Rotations are held in the meantime, so
/// that two backups make one key.
///
/// # Errors
/// The file cannot be read or written, or is no key.
pub fn backup_key(vault: &Vault) -> Result<BackupKey, ServiceError> {
    if vault.holds(KEY_FILE) {
        let bad = || BackupError::BadKey { path: vault.path(KEY_FILE).display().to_string() };
        return Ok(BackupKey::parse(&vault.load(KEY_FILE)?).ok_or_else(bad)?);
    }
    let key = BackupKey::generate();
    vault.save(KEY_FILE, &key.text())?;
    Ok(key)
}

/// Reads the keys, the configuration file and the CRLs.
///
/// # Errors
/// A file cannot be read.
pub fn read_parts(vault: &Vault, data_dir: &Path, config: Option<&Path>) -> Result<Vec<Part>, ServiceError> {
    let is_key = |name: &String| {
        !NOT_KEPT.contains(&name.as_str()) && !name.ends_with(UNFINISHED) && vault.path(name).is_file()
    };
    let keys = vault.names()?.into_iter().filter(is_key).map(|name| (KEYS, vault.path(&name), name));
    let is_crl = |name: &String| name.starts_with("crl-") && name.ends_with(".der");
    let crls = Vault::at(data_dir).names()?.into_iter().filter(is_crl);
    let crls = crls.map(|name| (CRLS, data_dir.join(&name), name));
    let mut parts = Vec::new();
    for (directory, path, name) in keys.chain(crls) {
        parts.extend(backup::read_part(format!("{directory}/{name}"), &path)?);
    }
    if let Some(config) = config {
        parts.extend(backup::read_part(CONFIG.to_owned(), config)?);
    }
    Ok(parts)
}
