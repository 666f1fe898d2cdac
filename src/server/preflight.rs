//! Checks before anything is created or changed. One error lists all problems.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::local::KEYS_POINTER;
use super::named_certificates::NamedCertificates;
use super::{StartError, ca_files, first_start, start, tls_files};
use crate::backup::KEY_FILE;
use crate::ca::dns_names;
use crate::clock::Timestamp;
use crate::config::{Config, DATABASE, ServerConfig};
use crate::id::ChainId;
use crate::name::DnsName;
use crate::ownership::{check, check_directory};
use crate::secret::Secret;
use crate::service::ca::files::MANIFEST;
use crate::service::ca::rotation::ROOT_FILE;
use crate::service::emergency::unfinished_emergency;
use crate::service::ledger_mark::LEDGER_MARK;
use crate::service::vault::{Vault, VaultError};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// The files of the data directory besides the database that a start reads or replaces.
const OWN_FILES: [&str; 11] = [
    "admin.password",
    "emergency.token",
    "emergency.token.due",
    "emergency.token.new",
    "first-roles.token",
    "first-start.pending",
    "reserve",
    "reserve.new",
    "status-lists",
    KEYS_POINTER,
    ROOT_FILE,
];

/// File in the keys directory that names the owner of the keys by the id of the ledger's chain.
const OWNER: &str = "owner";

/// The results of the checks.
pub(super) struct Preflight {
    /// The bound port: no other process can take it.
    pub(super) listener: TcpListener,
    /// The keys directory, which may not exist yet.
    pub(super) vault: Vault,
    /// The DNS names in external TLS certificates.
    pub(super) outside_names: Vec<DnsName>,
}

/// Checks the port, the directories, the key files and imported files. Creates and changes nothing.
pub(super) fn look(config: &Config, wall: Timestamp) -> Result<Preflight, StartError> {
    let (data_dir, keys_dir) = (&config.server.data_dir, &config.server.keys_dir);
    let database = data_dir.join(DATABASE);
    let mut problems = [foreign_data(data_dir), foreign_keys(keys_dir)].concat();
    let is_own = problems.is_empty();
    let listener = listen(config.server.listen).map_err(|problem| problems.push(problem)).ok();
    if !is_own {
        // Opening files that somebody else put there can hang, or worse.
        return Err(StartError::all(problems));
    }
    problems.extend(
        SqliteStore::look(&database, start::fuse(&config.server)).err().map(|error| error.to_string()),
    );
    problems.extend(first_start::problem(config));
    problems.extend(exposed(keys_dir));
    if database.exists() {
        problems.extend(unfinished_emergency(data_dir).err().map(told));
        problems.extend(ca_files::imported(config, None).err().into_iter().flat_map(|error| error.problems));
    } else {
        problems.extend(foreign(keys_dir, data_dir));
        let imported = ca_files::imported(config, Some(wall));
        problems.extend(imported.err().into_iter().flat_map(|error| error.problems));
    }
    let mut outside_names = outside_names(config).map_err(|error| problems.push(error)).unwrap_or_default();
    match NamedCertificates::of(&config.server).check() {
        Ok(names) => outside_names.extend(names),
        Err(errors) => problems.extend(errors),
    }
    let (Some(listener), true) = (listener, problems.is_empty()) else {
        return Err(StartError::all(problems));
    };
    Ok(Preflight { listener, vault: Vault::at(keys_dir), outside_names })
}

/// Creates the data directory, unless it exists.
pub(super) fn make_directory(data_dir: &Path) -> Result<(), StartError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.map_err(|error| StartError::of(format!("{}: {error}", data_dir.display())))
}

fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|error| format!("cannot listen on {address}: {error}: choose another with --listen"))
}

/// Returns the problems of a data directory whose files may be the work of somebody else. Opens nothing. Every command that
/// opens the directory calls it.
pub(super) fn foreign_data(data_dir: &Path) -> Vec<String> {
    foreign_files(data_dir, |name| name.starts_with(DATABASE) || OWN_FILES.contains(&name))
}

/// The same for a keys directory.
pub(super) fn foreign_keys(keys_dir: &Path) -> Vec<String> {
    foreign_files(keys_dir, is_kept)
}

fn foreign_files(directory: &Path, is_own: impl Fn(&str) -> bool) -> Vec<String> {
    let names = Vault::at(directory).names().unwrap_or_default();
    let files = names.iter().filter(|name| is_own(name)).map(|name| check(&directory.join(name)));
    let found = std::iter::once(check_directory(directory)).chain(files);
    found.filter_map(Result::err).map(|error| error.to_string()).collect()
}

/// Returns true for a file of the keys directory that a start or a backup reads.
fn is_kept(name: &str) -> bool {
    name == KEY_FILE
        || ["token", "fleet", "seal", "ca", OWNER, LEDGER_MARK].iter().any(|kind| name.starts_with(kind))
}

/// Returns the problems of an existing keys directory that other users can read.
pub(super) fn exposed(keys_dir: &Path) -> Vec<String> {
    if !keys_dir.exists() {
        return Vec::new();
    }
    let vault = match Vault::open(keys_dir) {
        Ok(vault) => vault,
        Err(error) => return vec![error.to_string()],
    };
    let names = vault.names().unwrap_or_default();
    names.iter().filter(|name| is_kept(name)).filter_map(|name| vault.load(name).err()).map(told).collect()
}

/// Returns the problem of keys without their database. Another database must not take them over.
fn foreign(keys_dir: &Path, data_dir: &Path) -> Option<String> {
    holds_keys(&Vault::at(keys_dir)).then(|| {
        format!(
            "{} holds the keys of another authority, not of a new one in {}: choose another --keys-dir, restore its \
             database, or empty the directory if that authority no longer exists",
            keys_dir.display(),
            data_dir.display()
        )
    })
}

/// Returns true if the directory holds the keys of an authority.
fn holds_keys(vault: &Vault) -> bool {
    let names = vault.names().unwrap_or_default();
    names.iter().any(|name| name == OWNER || name == MANIFEST || name.starts_with("token-"))
}

/// Checks that the keys directory is the one of this database, which knows the owner's chain. A restore begins another
/// chain, and the owner stays. Changes nothing.
pub(super) async fn check_owner(vault: &Vault, store: &dyn Store, is_new: bool) -> Result<(), StartError> {
    let foreign = match vault.holds(OWNER) {
        true => match ChainId::parse(vault.load(OWNER).map_err(StartError::of)?.expose().trim()) {
            Some(chain) => !store.knows_chain(chain).await.map_err(StartError::of)?,
            None => true,
        },
        // The first start claims the directory before it makes a key. Directories of version 0.1.0 are not claimed.
        false => is_new && holds_keys(vault),
    };
    match foreign {
        false => Ok(()),
        true => Err(StartError::of(format!(
            "{} holds the keys of another authority: choose another --keys-dir or --data-dir",
            vault.path("").display()
        ))),
    }
}

/// Claims the keys directory for the database with this chain, and creates it if needed.
pub(super) fn claim(vault: &Vault, chain: ChainId) -> Result<(), StartError> {
    let vault = Vault::open(&vault.path("")).map_err(StartError::of)?;
    match vault.holds(OWNER) {
        true => Ok(()),
        false => vault.save(OWNER, &Secret::new(chain.to_string())).map_err(StartError::of),
    }
}

/// The remedy if the last start had another keys directory: `keys.path` names it.
pub(super) fn other_keys_dir(config: &ServerConfig) -> Option<String> {
    let path = config.data_dir.join(KEYS_POINTER);
    let pointed = PathBuf::from(OsString::from_vec(fs::read(&path).ok()?));
    let here = fs::canonicalize(&config.keys_dir).unwrap_or_else(|_| config.keys_dir.clone());
    (pointed != here).then(|| {
        format!(
            "this start looks for the keys in {}, but the last one had them in {} ({} names it): give --keys-dir {1}",
            config.keys_dir.display(),
            pointed.display(),
            path.display()
        )
    })
}

/// Checks the external TLS certificate, if there is one, and returns its names.
fn outside_names(config: &Config) -> Result<Vec<DnsName>, String> {
    let Some(files) = &config.server.tls else { return Ok(Vec::new()) };
    let (identity, _) = tls_files::read(files).map_err(|error| error.to_string())?;
    identity.check().map_err(|error| error.to_string())?;
    Ok(identity.chain.first().map(|leaf| dns_names(leaf)).unwrap_or_default())
}

fn told(error: VaultError) -> String {
    error.to_string()
}
