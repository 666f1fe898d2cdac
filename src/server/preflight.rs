//! Checks before anything is created or changed. One error lists all problems.

use std::fs::DirBuilder;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use super::tls_files::{self, TlsSourceError};
use super::{StartError, first_start};
use crate::ca::dns_names;
use crate::config::Config;
use crate::id::ChainId;
use crate::name::DnsName;
use crate::secret::Secret;
use crate::service::vault::{Vault, VaultError, load_imported};
use crate::store::sqlite::lock_holder;

/// The file of the database, in the data directory.
pub(super) const DATABASE: &str = "gatepass.db";

/// File in the keys directory that names the owner of the keys by the id of the ledger's chain.
const OWNER: &str = "owner";

/// The results of the checks.
pub(super) struct Preflight {
    /// The bound port: no other process can take it.
    pub(super) listener: TcpListener,
    /// The keys directory.
    pub(super) vault: Vault,
    /// The DNS names in an external TLS certificate.
    pub(super) outside_names: Vec<DnsName>,
}

/// Checks the port, the directories, the key files and imported files. Then it creates the directories.
pub(super) fn look(config: &Config) -> Result<Preflight, StartError> {
    let (data_dir, keys_dir) = (&config.server.data_dir, &config.server.keys_dir);
    let mut problems = Vec::new();
    let listener = listen(config.server.listen).map_err(|problem| problems.push(problem)).ok();
    problems.extend(lock_holder(&data_dir.join(DATABASE)).map(|error| error.to_string()));
    problems.extend(first_start::problem(config));
    problems.extend(exposed(keys_dir));
    problems.extend(foreign(keys_dir, data_dir));
    problems.extend(config.ca.issuing_key.as_deref().and_then(|key| load_imported(key).err()).map(told));
    let outside_names =
        outside_names(config).map_err(|error| problems.push(error.to_string())).unwrap_or_default();
    let (Some(listener), true) = (listener, problems.is_empty()) else {
        return Err(StartError { problems });
    };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.map_err(|error| StartError::of(format!("{}: {error}", data_dir.display())))?;
    let vault = Vault::open(keys_dir).map_err(StartError::of)?;
    Ok(Preflight { listener, vault, outside_names })
}

fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|error| format!("cannot listen on {address}: {error}: choose another with --listen"))
}

/// Returns the problems of an existing keys directory that other users can read.
fn exposed(keys_dir: &Path) -> Vec<String> {
    if !keys_dir.exists() {
        return Vec::new();
    }
    let vault = match Vault::open(keys_dir) {
        Ok(vault) => vault,
        Err(error) => return vec![error.to_string()],
    };
    let kept = |name: &&String| ["token-", "ca", OWNER].iter().any(|kind| name.starts_with(kind));
    let names = vault.names().unwrap_or_default();
    names.iter().filter(kept).filter_map(|name| vault.load(name).err()).map(told).collect()
}

/// Returns the problem of keys without their database. Another database must not take them over.
fn foreign(keys_dir: &Path, data_dir: &Path) -> Option<String> {
    let (owner, database) = (keys_dir.join(OWNER), data_dir.join(DATABASE));
    (owner.exists() && !database.exists()).then(|| {
        format!(
            "{} holds the keys of another authority, not of a new one in {}: choose another --keys-dir, restore its \
             database, or empty the directory if that authority no longer exists",
            keys_dir.display(),
            data_dir.display()
        )
    })
}

/// Claims the keys directory for the database with this chain.
pub(super) fn claim(vault: &Vault, chain: ChainId) -> Result<(), StartError> {
    if !vault.holds(OWNER) {
        return vault.save(OWNER, &Secret::new(chain.to_string())).map_err(StartError::of);
    }
    let owner = vault.load(OWNER).map_err(StartError::of)?;
    if owner.expose().trim() == chain.to_string() {
        return Ok(());
    }
    let path = vault.path("");
    Err(StartError::of(format!(
        "{} holds the keys of another authority: choose another --keys-dir or --data-dir",
        path.display()
    )))
}

fn outside_names(config: &Config) -> Result<Vec<DnsName>, TlsSourceError> {
    let Some(files) = &config.server.tls else { return Ok(Vec::new()) };
    let (identity, _) = tls_files::read(files)?;
    Ok(identity.chain.first().map(|leaf| dns_names(leaf)).unwrap_or_default())
}

fn told(error: VaultError) -> String {
    error.to_string()
}
