//! The local credential: a process that can read the keys directory of a running server may administer it.

use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::address::is_within;
use crate::access::mask::LOCAL_PREFIX;
use crate::config::ServerConfig;
use crate::id::{Fingerprint, hex, random};
use crate::secret::Secret;
use crate::service::vault::{VaultError, load_private, write_private, write_public};

/// The file, in the keys directory: [`LocalServer`] and `credential`. Each start makes a new credential.
pub const LOCAL_FILE: &str = "local.json";

/// File in the data directory with the path of a keys directory elsewhere.
pub const KEYS_POINTER: &str = "keys.path";

/// The keys directory that the file in this data directory names.
pub fn keys_elsewhere(data_dir: &Path) -> Option<PathBuf> {
    let path = fs::read(data_dir.join(KEYS_POINTER)).ok()?;
    Some(PathBuf::from(OsStr::from_bytes(&path)))
}

/// The server as processes on its machine reach it.
#[derive(Debug, Serialize, Deserialize)]
pub struct LocalServer {
    /// The external URL: its host stands in TLS and HTTP.
    pub url: String,
    /// The address to connect to.
    pub address: SocketAddr,
    /// True if a connection to that address begins with a PROXY header.
    pub proxy_header: bool,
    /// The certificate that the listener presents.
    #[serde(flatten)]
    pub pins: LocalPins,
}

/// The pins of the listener's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalPins {
    /// SHA-256 of the root.
    pub fingerprint: Fingerprint,
    /// SHA-256 of a certificate from outside, which this root has not signed, or of one that this machine's clock refuses.
    pub certificate: Option<Fingerprint>,
}

impl LocalServer {
    /// The server whose listener is bound to `bound`.
    pub(super) fn new(url: &str, bound: SocketAddr, proxies: &[IpNet], pins: LocalPins) -> Self {
        let address = reachable(bound);
        Self { url: url.to_owned(), address, proxy_header: is_within(proxies, address.ip()), pins }
    }

    /// Writes the files from which programs on this machine learn server and credential.
    pub(super) fn publish(
        &self,
        config: &ServerConfig,
        credential: &Secret<String>,
    ) -> Result<PublishedServer, VaultError> {
        point_from(&config.data_dir, &config.keys_dir)?;
        let mut text = json!(self);
        text["credential"] = json!(credential.expose());
        let text = Secret::new(text.to_string());
        let path = config.keys_dir.join(LOCAL_FILE);
        write_private(&path, text.expose().as_bytes())?;
        Ok(PublishedServer(path))
    }
}

/// The published file. Dropping it removes the file, also if the start fails later: its credential is no longer valid.
pub(super) struct PublishedServer(PathBuf);

impl Drop for PublishedServer {
    fn drop(&mut self) {
        // A file that cannot be removed holds a credential that no later start accepts.
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes the pins of the listener's new certificate into the file, unless the file has them already.
pub(super) fn pin(keys_dir: &Path, pins: LocalPins) -> Result<(), VaultError> {
    let path = keys_dir.join(LOCAL_FILE);
    // A server that stops has withdrawn it.
    let Ok(text) = load_private(&path) else { return Ok(()) };
    let Ok(mut told) = serde_json::from_str::<Value>(text.expose()) else { return Ok(()) };
    if serde_json::from_value::<LocalPins>(told.clone()).is_ok_and(|known| known == pins) {
        return Ok(());
    }
    told["fingerprint"] = json!(pins.fingerprint);
    told["certificate"] = json!(pins.certificate);
    let text = Secret::new(told.to_string());
    write_private(&path, text.expose().as_bytes())
}

/// A credential of 256 random bits.
pub(super) fn credential() -> Secret<String> {
    Secret::new(format!("{LOCAL_PREFIX}{}", hex(&random::<32>())))
}

/// An address of this machine that reaches a listener bound to `bound`: for an unspecified one, the loopback of its family.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip().to_canonical() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
        _ => return bound,
    };
    SocketAddr::new(ip, bound.port())
}

/// Makes `--data-dir` find a keys directory that is not in the data directory.
fn point_from(data_dir: &Path, keys_dir: &Path) -> Result<(), VaultError> {
    let pointer = data_dir.join(KEYS_POINTER);
    // Both directories exist. A path that cannot be resolved is written as it is.
    let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let keys_dir = whole(keys_dir);
    if keys_dir == whole(&data_dir.join("keys")) {
        // An older pointer must not lead elsewhere.
        let _ = fs::remove_file(&pointer);
        return Ok(());
    }
    write_public(&pointer, keys_dir.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_address_is_reached_at_its_loopback() {
        for (bound, reached) in [
            ("0.0.0.0:8443", "127.0.0.1:8443"),
            ("[::]:8443", "[::1]:8443"),
            ("[::ffff:0.0.0.0]:8443", "127.0.0.1:8443"),
            ("192.0.2.1:443", "192.0.2.1:443"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
        ] {
            assert_eq!(reachable(bound.parse().unwrap()).to_string(), reached);
        }
    }

    #[test]
    fn a_proxy_header_is_expected_from_the_proxies_networks() {
        let pins = LocalPins { fingerprint: Fingerprint::of(b"root"), certificate: None };
        let expected = |networks: &[&str]| {
            let networks = networks.iter().map(|network| network.parse().unwrap()).collect::<Vec<_>>();
            LocalServer::new("https://gate", "0.0.0.0:1".parse().unwrap(), &networks, pins).proxy_header
        };
        assert!(expected(&["10.0.0.0/8", "127.0.0.0/8"]));
        assert!(!expected(&["10.0.0.0/8"]) && !expected(&[]));
    }
}
