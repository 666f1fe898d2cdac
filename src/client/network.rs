//! The network as the environment describes it: proxies, and the trusted roots of the system.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;

use super::ca_file::read_certificates;
use super::error::ClientError;
use super::host::TrustAnchor;
use crate::connect::{Connector, Identity, Proxies, SYSTEM_BUNDLES, Trust};

/// The proxies and roots of this machine.
#[derive(Clone, Debug, Default)]
pub struct Network {
    proxies: Proxies,
    roots: SystemRoots,
}

/// Files with trusted roots, from the environment.
#[derive(Clone, Debug, Default)]
struct SystemRoots {
    file: Option<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Network {
    /// The network by its variables: those of [`Proxies`], and `SSL_CERT_FILE` and `SSL_CERT_DIR`, as OpenSSL reads them.
    pub fn from_variables<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        let directories =
            get("SSL_CERT_DIR").map_or_else(Vec::new, |all| std::env::split_paths(all).collect());
        let roots = SystemRoots { file: get("SSL_CERT_FILE").map(PathBuf::from), directories };
        Self { proxies: Proxies::from_variables(get), roots }
    }

    /// A connection to the server at `url`, through its proxy.
    ///
    /// # Errors
    /// If the URL, the trust anchor, the identity or the proxy cannot be used.
    pub fn connect(
        &self,
        url: &str,
        trust: Trust,
        identity: Option<Identity>,
    ) -> Result<Connector, ClientError> {
        Ok(Connector::new(url, trust, identity)?.through(&self.proxies)?)
    }

    /// The trust anchor of a connection.
    ///
    /// # Errors
    /// If a file of certificates cannot be read, or holds no certificate.
    pub fn trust(&self, anchor: &TrustAnchor) -> Result<Trust, ClientError> {
        match anchor {
            TrustAnchor::Pinned(fingerprint) => Ok(Trust::Fingerprint(*fingerprint)),
            TrustAnchor::Outside(Some(file)) => read_certificates(file).map(Trust::Outside),
            TrustAnchor::Outside(None) => self.roots.read().map(Trust::Outside),
        }
    }
}

impl SystemRoots {
    fn read(&self) -> Result<Vec<CertificateDer<'static>>, ClientError> {
        if self.file.is_none() && self.directories.is_empty() {
            let bundle = SYSTEM_BUNDLES.iter().map(PathBuf::from).find(|path| path.exists());
            return read_certificates(&bundle.ok_or(ClientError::NoTrust)?);
        }
        let mut found = self.file.as_deref().map_or_else(|| Ok(Vec::new()), read_certificates)?;
        for directory in &self.directories {
            found.extend(in_directory(directory)?);
        }
        match found {
            none if none.is_empty() => Err(ClientError::NoTrust),
            found => Ok(found),
        }
    }
}

/// The certificates of every file in a directory. Other files may stand there.
fn in_directory(path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let unreadable = |source| ClientError::File {
        path: path.to_owned(),
        doing: "the certificates cannot be read",
        source,
    };
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file());
    Ok(files.filter_map(|file| read_certificates(&file).ok()).flatten().collect())
}
