//! The comparison of every file of an identity with the others.

use std::fs;
use std::path::Path;

use super::files::read_text;
use super::layout::{is_linked, used};
use super::{ClientError, FILES, FULL_CHAIN, HOST, KEY, LEAF, Parts, Stored, whole};
use crate::client::host::HostFile;
use crate::client::key::{HostKey, certificates, full_chain, leads_to};
use crate::clock::Timestamp;
use crate::id::{Fingerprint, HostId};
use crate::verifier::hosts::HostPeer;

/// The next step where files do not fit each other.
const RESTORE: &str =
    "restore the whole directory from a backup, or run `gatepass enroll --replace` with a new token";

/// A reason why an identity, or a part of it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A file is missing, broken, or open to other users.
    #[error(transparent)]
    Unusable(ClientError),
    /// The certificate is not a host's.
    #[error("host.pem does not hold the certificate of a host: {}", RESTORE)]
    NoHost,
    /// The key is another one's.
    #[error("host.key is not the key of host.pem: {}", RESTORE)]
    OtherKey,
    /// The host file is another host's.
    #[error(
        "host.pem is the certificate of host {certified}, and host.json the file of host {file}: {}",
        RESTORE
    )]
    OtherHost {
        /// The host of the certificate.
        certified: HostId,
        /// The host of the file.
        file: HostId,
    },
    /// The host file is that of another certificate.
    #[error("host.pem expires at {certified}, and host.json says {file}: {}", RESTORE)]
    OtherExpiry {
        /// The expiry of the certificate.
        certified: Timestamp,
        /// The expiry in the file.
        file: Timestamp,
    },
    /// The host file has other roles or another name.
    #[error("host.pem has other roles or another name than host.json: {}", RESTORE)]
    OtherNames,
    /// The root is another one.
    #[error("root.pem has the fingerprint {root}, and host.json {file}: {}", RESTORE)]
    OtherRoot {
        /// The fingerprint of the certificate.
        root: Fingerprint,
        /// The fingerprint in the file.
        file: Fingerprint,
    },
    /// No chain leads to the root.
    #[error("no signatures lead from host.pem through chain.pem to root.pem: {}", RESTORE)]
    NoChain,
    /// The file for TLS servers is not that of this certificate.
    #[error("fullchain.pem is not host.pem with the CA certificates of chain.pem: run `gatepass renew`")]
    OtherFullChain,
    /// Other programs read another file.
    #[error(
        "{0} is not the file of this identity, and other programs read it: restore the other files with it, or run \
         `gatepass renew`, which replaces it"
    )]
    OtherFile(&'static str),
}

/// The host file in `dir`, and every fault of the identity.
///
/// # Errors
/// If there is no identity, or its host file cannot be read.
pub fn examine(dir: &Path) -> Result<(HostFile, Vec<Fault>), ClientError> {
    whole(dir, |stored| {
        let host = stored.enrolled()?;
        let faults = match stored.parts() {
            Ok(parts) => {
                compare(dir, stored, &host, &parts).unwrap_or_else(|error| vec![Fault::Unusable(error)])
            }
            Err(error) => vec![Fault::Unusable(error)],
        };
        Ok((host, faults))
    })
}

fn compare(dir: &Path, stored: &Stored, host: &HostFile, parts: &Parts) -> Result<Vec<Fault>, ClientError> {
    let mut faults = Vec::new();
    let leaf = parts.leaf.expose();
    let key = HostKey::from_pem(&parts.key).map_err(|_| stored.damaged(KEY, "it holds no private key"))?;
    let leaves = certificates(leaf);
    match (leaves.as_slice(), leaves.first().and_then(|leaf| HostPeer::parse(leaf))) {
        ([_], Some(peer)) => faults.extend(compare_host(&key, host, &peer)),
        _ => faults.push(Fault::NoHost),
    }
    for root in parts.roots()? {
        let fingerprint = Fingerprint::of(&root);
        if fingerprint != host.fingerprint {
            faults.push(Fault::OtherRoot { root: fingerprint, file: host.fingerprint });
        }
        let chain = certificates(parts.chain.expose());
        if !leaves.iter().all(|leaf| leads_to(leaf, &root, chain.clone()).unwrap_or(false)) {
            faults.push(Fault::NoChain);
        }
    }
    faults.extend(compare_copies(dir, stored, &full_chain(leaf, parts.chain.expose()))?);
    Ok(faults)
}

/// Returns true if key, certificate and host file in `place` are those of one host.
pub(super) fn is_whole(place: &Path) -> Result<bool, ClientError> {
    let (Some(key), Some(leaf), Some(host)) =
        (read_text(&place.join(KEY))?, read_text(&place.join(LEAF))?, read_text(&place.join(HOST))?)
    else {
        return Ok(false);
    };
    let peer = certificates(leaf.expose()).first().and_then(|leaf| HostPeer::parse(leaf));
    Ok(match (HostKey::from_pem(&key), serde_json::from_str(host.expose()), peer) {
        (Ok(key), Ok(host), Some(peer)) => compare_host(&key, &host, &peer).is_empty(),
        _ => false,
    })
}

/// Compares key, certificate and host file.
fn compare_host(key: &HostKey, host: &HostFile, peer: &HostPeer) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (certified, file) = (peer.not_after, host.life.expires_at);
    if key.hash() != peer.host_key {
        faults.push(Fault::OtherKey);
    }
    if peer.host != host.host_id {
        faults.push(Fault::OtherHost { certified: peer.host, file: host.host_id });
    } else if certified != file {
        faults.push(Fault::OtherExpiry { certified, file });
    } else if (&peer.roles, &peer.dns_name) != (&host.certified.roles, &host.certified.name) {
        faults.push(Fault::OtherNames);
    }
    faults
}

/// Compares what other programs read with the identity.
fn compare_copies(dir: &Path, stored: &Stored, full_chain: &str) -> Result<Vec<Fault>, ClientError> {
    let mut faults = Vec::new();
    if stored.text(FULL_CHAIN)?.is_some_and(|text| text.expose() != full_chain) {
        faults.push(Fault::OtherFullChain);
    }
    if used(dir)? == dir {
        return Ok(faults);
    }
    for name in FILES.into_iter().filter(|name| !is_linked(dir, name)) {
        let read = fs::read(dir.join(name)).unwrap_or_default();
        let same = stored.text(name)?.is_some_and(|text| text.expose().as_bytes() == read);
        faults.extend((!same).then_some(Fault::OtherFile(name)));
    }
    Ok(faults)
}
