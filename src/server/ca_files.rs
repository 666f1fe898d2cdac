//! The CA: imported by the configuration, or kept in the vault. An empty vault gets a new CA.

use std::fs;
use std::path::Path;

use rustls::pki_types::CertificateDer;

use super::StartError;
use crate::ca::CertificateAuthority;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::service::ca::files::{MANIFEST, Manifest};
use crate::service::ca::root_crl;
use crate::service::ca::rotation::{finish_rotation, manifest_in_effect};
use crate::service::ca::set::CaSet;
use crate::service::vault::{Vault, is_read_by_group, load_imported};
use crate::store::Store;

/// Reads the imported CA, if the configuration names one. Without `now` it may have expired.
pub(super) fn imported(
    config: &Config,
    now: Option<Timestamp>,
) -> Result<Option<CertificateAuthority>, StartError> {
    let ca = &config.ca;
    if let (Some(root), Some(certificate), Some(key)) = (&ca.root, &ca.issuing_certificate, &ca.issuing_key) {
        let (root, certificate) = (read(root)?, read(certificate)?);
        let key = load_imported(key).map_err(StartError::of)?;
        let made = match now {
            Some(now) => CertificateAuthority::from_pem(&root, &certificate, &key, now),
            None => CertificateAuthority::from_pem_at_any_time(&root, &certificate, &key),
        };
        let made = made.map_err(StartError::of)?;
        if let Some(file) = &ca.root_crl {
            root_crl::read(file, made.root_der()).map_err(StartError::of)?;
        }
        return Ok(Some(made));
    }
    Ok(None)
}

/// Loads the CA in effect, and changes nothing. Returns `None` if a CA is to be made, which only a new authority gets: hosts
/// and tokens of another one would not trust it.
pub(super) async fn load(
    config: &Config,
    store: &dyn Store,
    vault: &Vault,
    is_new: bool,
    now: Timestamp,
) -> Result<Option<CaSet>, StartError> {
    if let Some(imported) = imported(config, Some(now))? {
        return Ok(Some(CaSet::imported(imported)));
    }
    match manifest_in_effect(store, vault).await.map_err(StartError::of)? {
        Some(manifest) => manifest.open(vault, now).map(Some).map_err(StartError::of),
        None if is_new => Ok(None),
        None => Err(StartError::of(format!(
            "{} is missing, but this database is not new, and no other CA can replace its own: bring the keys directory back \
             from a backup, or put the settings of section [ca] back if its CA was imported",
            vault.path(MANIFEST).display()
        ))),
    }
}

/// Ends an interrupted rotation, makes the CA of a new authority, and warns of an imported key that a group may read.
pub(super) async fn settle(
    config: &Config,
    store: &dyn Store,
    vault: &Vault,
    loaded: Option<CaSet>,
    (trust_domain, now): (&str, Timestamp),
) -> Result<CaSet, StartError> {
    if let Some(key) = &config.ca.issuing_key {
        if is_read_by_group(key) {
            tracing::warn!(path = %key.display(), "a group may read the key of the issuing CA: its members can act as the CA");
        }
    } else {
        finish_rotation(store, vault).await.map_err(StartError::of)?;
    }
    if let Some(loaded) = loaded {
        if config.ca.issuing_key.is_none() {
            // A crash may have left the key of a former root.
            let manifest = Manifest::load(vault).map_err(StartError::of)?;
            manifest.destroy_former_keys(vault).map_err(StartError::of)?;
        }
        return Ok(loaded);
    }
    Manifest::make(vault, &format!("gatepass {trust_domain}"), now).map_err(StartError::of)?;
    Manifest::load(vault).map_err(StartError::of)?.open(vault, now).map_err(StartError::of)
}

fn read(path: &Path) -> Result<String, StartError> {
    fs::read_to_string(path).map_err(|error| StartError::of(format!("{}: {error}", path.display())))
}

/// The trust anchors of client certificates.
pub(super) fn client_anchors(cas: &CaSet) -> Vec<CertificateDer<'static>> {
    cas.client_anchors().map(|anchor| CertificateDer::from(anchor.to_vec())).collect()
}
