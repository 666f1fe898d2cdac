//! The certificates on CRL files that are newer than a backup.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject as _;

use crate::ca::{CrlReason, crl_entries, is_crl_of};
use crate::clock::Timestamp;
use crate::server::StartError;
use crate::service::ca::files::Manifest;
use crate::service::ca::set::CaSet;
use crate::service::restore::Listed;
use crate::service::vault::Vault;
use crate::store::{ListedCertificate, RevocationReason};

/// The longest life of a host certificate: the end of one that the database does not know.
const LONGEST: Duration = Duration::from_secs(825 * 86_400);

/// Reads the CRLs in the files `given`, and those of the server in the files and directories `kept`. A file of the operator must hold a CRL of a CA in
/// the vault. The server's own files are those of former CAs too, which count for nothing.
pub(super) fn read(
    given: &[PathBuf],
    kept: &[PathBuf],
    vault: &Vault,
    now: Timestamp,
) -> Result<Listed, StartError> {
    let cas = authorities(vault, now)?;
    let mut certificates = Vec::new();
    for path in given {
        let found = of_file(path, cas.as_ref())?;
        let none = || StartError::of(format!("{}: it holds no CRL of this authority", path.display()));
        certificates.extend(found.ok_or_else(none)?);
    }
    for path in kept.iter().flat_map(|path| own_files(path)) {
        certificates.extend(of_file(&path, cas.as_ref())?.unwrap_or_default());
    }
    let ends = cas.iter().flat_map(CaSet::all).map(|ca| ca.issuing_not_after()).max();
    let longest = now.plus(LONGEST);
    Ok(Listed { certificates, ends_at: ends.map_or(longest, |end| end.min(longest)) })
}

/// The CAs in the vault; `None` for an imported one, whose files only the configuration names.
fn authorities(vault: &Vault, now: Timestamp) -> Result<Option<CaSet>, StartError> {
    if !Manifest::is_in(vault) {
        return Ok(None);
    }
    let manifest = Manifest::load(vault).map_err(StartError::of)?;
    manifest.open(vault, now).map(Some).map_err(StartError::of)
}

/// The files `crl-….der` in a data directory; a file stands for itself.
fn own_files(directory: &Path) -> Vec<PathBuf> {
    if directory.is_file() {
        return vec![directory.to_owned()];
    }
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_crl = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("crl-") && name.ends_with(".der")
    };
    entries.filter(is_crl).collect()
}

/// The certificates on the CRLs of a file, PEM or DER; `None` if no CA of the authority signed one of them.
fn of_file(path: &Path, cas: Option<&CaSet>) -> Result<Option<Vec<ListedCertificate>>, StartError> {
    let unreadable = |error| StartError::of(format!("{}: {error}", path.display()));
    let bytes = fs::read(path).map_err(unreadable)?;
    let blocks = CertificateRevocationListDer::pem_slice_iter(&bytes).flatten();
    let mut crls = blocks.map(|crl| crl.to_vec()).collect::<Vec<_>>();
    if crls.is_empty() {
        crls.push(bytes);
    }
    crls.retain(|crl| is_ours(crl, cas));
    Ok((!crls.is_empty()).then(|| crls.iter().flat_map(|crl| listed(crl)).collect()))
}

fn is_ours(crl: &[u8], cas: Option<&CaSet>) -> bool {
    match cas {
        Some(cas) => cas.all().any(|ca| is_crl_of(ca.issuing_der(), crl)),
        None => crl_entries(crl).is_some(),
    }
}

fn listed(crl: &[u8]) -> Vec<ListedCertificate> {
    let entries = crl_entries(crl).unwrap_or_default().into_iter();
    let certificate = |entry: crate::ca::CrlEntry| {
        let reason = match entry.reason {
            CrlReason::CessationOfOperation => RevocationReason::HostRevoked,
            CrlReason::PrivilegeWithdrawn => RevocationReason::RolesChanged,
            CrlReason::Superseded => RevocationReason::Replaced,
            // Only a root revokes a CA.
            CrlReason::CaCompromise => return None,
        };
        Some(ListedCertificate { serial: entry.serial, revoked_at: entry.revoked_at, reason })
    };
    entries.filter_map(certificate).collect()
}
