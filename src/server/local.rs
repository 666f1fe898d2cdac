//! The local credential: a process that can read the keys directory of a running server may administer it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::http::credential::LOCAL_PREFIX;
use crate::id::{Fingerprint, hex, random};
use crate::secret::Secret;
use crate::service::vault::{VaultError, load_private, write_private};

/// The file, in the keys directory: `{"url","fingerprint","credential"}`. Each start makes a new credential.
const FILE: &str = "local.json";

/// A credential of 256 random bits.
pub(super) fn credential() -> Secret<String> {
    Secret::new(format!("{LOCAL_PREFIX}{}", hex(&random::<32>())))
}

/// Writes the file from which programs on this machine learn the URL, the root and the credential.
pub(super) fn publish(
    keys_dir: &Path,
    url: &str,
    root: Fingerprint,
    credential: &Secret<String>,
) -> Result<(), VaultError> {
    let text = json!({ "url": url, "fingerprint": root, "credential": credential.expose() });
    write_private(&keys_dir.join(FILE), text.to_string().as_bytes())
}

/// Writes the root of the listener's new chain into the file, unless the file names it already.
pub(super) fn point_to(keys_dir: &Path, root: Fingerprint) -> Result<(), VaultError> {
    let path = keys_dir.join(FILE);
    // A server that stops has withdrawn it.
    let Ok(text) = load_private(&path) else { return Ok(()) };
    let Ok(mut told) = serde_json::from_str::<Value>(text.expose()) else { return Ok(()) };
    if told["fingerprint"] == json!(root) {
        return Ok(());
    }
    told["fingerprint"] = json!(root);
    write_private(&path, told.to_string().as_bytes())
}

/// Removes the file when the server stops. Its credential is no longer valid.
pub(super) fn withdraw(keys_dir: &Path) {
    // A file that cannot be removed holds a credential that no later start accepts.
    let _ = fs::remove_file(keys_dir.join(FILE));
}
