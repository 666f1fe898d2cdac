//! The local credential of a server on this machine.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::error::CliError;
use super::private;
use super::profile::read_one;
use super::remote::{Remote, local_target};
use crate::client::api::{Api, Credential};
use crate::config::DEFAULT_DATA_DIR;
use crate::connect::{LocalAddress, Trust};
use crate::ownership::{OwnershipError, check, check_directory, check_found, user_name};
use crate::secret::Secret;
use crate::server::local::{KEYS_POINTER, LOCAL_FILE, LocalServer, keys_elsewhere};

/// `local.json` in the keys directory, while a server runs there: reading it takes its owner's rights.
#[derive(Deserialize)]
pub(crate) struct Local {
    /// The server.
    #[serde(flatten)]
    pub(crate) server: LocalServer,
    /// A credential that this server accepts while it runs.
    #[serde(deserialize_with = "read_one")]
    pub(crate) credential: Zeroizing<String>,
}

impl Local {
    /// Reads the credential in `dir`, a data or keys directory of a running server. Without `dir` it looks in the default
    /// directories of `gatepass serve` and `gatepass serve --dev`, where a server may run.
    ///
    /// A server that is only found there counts if nobody but the caller and root can have put its files there.
    pub(crate) fn load(dir: Option<&Path>) -> Result<Option<Self>, CliError> {
        match (find(dir)?, dir) {
            (Found::File(path, text), _) => serde_json::from_str(text.expose()).map(Some).map_err(|_| {
                CliError::Usage(format!(
                    "{} was not written by a server of this version: restart the server",
                    path.display()
                ))
            }),
            (Found::Denied(path), Some(_)) => Err(denied(&path)),
            (Found::Foreign(error), Some(_)) => Err(CliError::Usage(error.to_string())),
            (Found::Nothing, Some(dir)) => Err(CliError::Usage(format!(
                "no server runs on {}: start it with `gatepass serve --data-dir {0}`, or give --server",
                dir.display()
            ))),
            // Without a flag the server in the working directory is one of several.
            (Found::Denied(_) | Found::Foreign(_) | Found::Nothing, None) => Ok(None),
        }
    }

    /// A connection with the credential.
    pub(crate) fn connect(&self) -> Result<Api, CliError> {
        Remote::open(local_target(self), self.bearer())
    }

    /// The credential, as requests present it.
    pub(crate) fn bearer(&self) -> Credential {
        Credential::Bearer(Secret::new(self.credential.to_string()))
    }

    /// The address of the server on this machine.
    pub(crate) const fn address(&self) -> LocalAddress {
        LocalAddress { address: self.server.address, proxy_header: self.server.proxy_header }
    }

    /// The trust anchor of the server's certificate.
    pub(crate) fn trust(&self) -> Trust {
        let pins = self.server.pins;
        pins.certificate.map_or(Trust::Fingerprint(pins.fingerprint), Trust::Certificate)
    }
}

enum Found {
    File(PathBuf, Secret<String>),
    /// The file may exist, but this user may not read it.
    Denied(PathBuf),
    /// Somebody else may have put it here.
    Foreign(OwnershipError),
    Nothing,
}

/// The reason why a server in the working directory is not used, if there may be one.
pub(crate) fn unused_here() -> Option<CliError> {
    let here = Path::new(DEFAULT_DATA_DIR);
    match find(None) {
        Ok(Found::Foreign(error)) => Some(CliError::Usage(format!(
            "no server given, and the one in this directory is not used: {error}; give --server URL, or --data-dir {} to use it \
             all the same",
            here.display()
        ))),
        _ => here.is_dir().then(|| Local::load(Some(here)).err()).flatten(),
    }
}

fn find(dir: Option<&Path>) -> Result<Found, CliError> {
    for path in places(dir).into_iter().map(|place| place.join(LOCAL_FILE)) {
        if let (None, Err(error)) = (dir, found_by_chance(&path)) {
            return Ok(Found::Foreign(error));
        }
        match private::read(&path) {
            Ok(text) => return Ok(Found::File(path, text)),
            Err(CliError::File { source, .. }) => match source.kind() {
                ErrorKind::PermissionDenied => return Ok(Found::Denied(path)),
                ErrorKind::NotFound | ErrorKind::NotADirectory => {}
                _ => return Err(CliError::File { path, source }),
            },
            Err(other) => return Err(other),
        }
    }
    Ok(Found::Nothing)
}

/// Checks the file that no flag names. The file that names a keys directory elsewhere leads away from the working directory.
fn found_by_chance(path: &Path) -> Result<(), OwnershipError> {
    if path.is_relative() {
        return check_found(path);
    }
    check_found(&Path::new(DEFAULT_DATA_DIR).join(KEYS_POINTER))?;
    path.parent().map_or(Ok(()), check_directory)?;
    check(path)
}

/// The directories that may hold the file. A keys directory elsewhere is named by a file in the data directory.
fn places(dir: Option<&Path>) -> Vec<PathBuf> {
    let data_dir = dir.unwrap_or(Path::new(DEFAULT_DATA_DIR));
    let other = dir.unwrap_or(Path::new("keys")).to_owned();
    keys_elsewhere(data_dir).into_iter().chain([data_dir.join("keys"), other]).collect()
}

/// The error of a user who may not read the file. The nearest part of the path that can be seen names the owner.
fn denied(path: &Path) -> CliError {
    let seen = path.ancestors().find_map(|part| fs::metadata(part).ok());
    let owner = seen.map(|part| user_name(part.uid()));
    let owner = owner.as_deref().unwrap_or("the server's user");
    CliError::Usage(format!(
        "{} may not be read by {}: run the command as {owner}, for example with sudo, or give --server URL and sign in",
        path.display(),
        user_name(rustix::process::geteuid().as_raw()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_without_server_names_gatepass_serve() {
        let dir = tempfile::tempdir().unwrap();
        let error = Local::load(Some(dir.path())).err().unwrap();
        assert!(error.to_string().contains("gatepass serve"), "{error}");
    }

    #[test]
    fn a_keys_directory_elsewhere_is_looked_up_first() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(KEYS_POINTER), "/keys of/another place").unwrap();
        let places = places(Some(dir.path()));
        assert_eq!(places, [Path::new("/keys of/another place"), &dir.path().join("keys"), dir.path()]);
    }
}
