//! The CA: imported by the configuration, or kept in the vault. An empty vault gets a new CA.

use std::fs;
use std::path::Path;

use rustls::pki_types::CertificateDer;

use super::StartError;
use crate::ca::CertificateAuthority;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::service::ca::files::Manifest;
use crate::service::ca::root_crl;
use crate::service::ca::rotation::finish_rotation;
use crate::service::ca::set::CaSet;
use crate::service::vault::{Vault, is_read_by_group, load_imported};
use crate::store::{HostFilter, PageQuery, Store};

pub(super) async fn load_or_make(
    config: &Config,
    store: &dyn Store,
    vault: &Vault,
    trust_domain: &str,
    now: Timestamp,
) -> Result<CaSet, StartError> {
    let ca = &config.ca;
    if let (Some(root), Some(certificate), Some(key)) = (&ca.root, &ca.issuing_certificate, &ca.issuing_key) {
        if is_read_by_group(key) {
            tracing::warn!(path = %key.display(), "a group may read the key of the issuing CA: its members can act as the CA");
        }
        let key = load_imported(key).map_err(StartError::of)?;
        let made = CertificateAuthority::from_pem(&read(root)?, &read(certificate)?, &key, now);
        let made = made.map_err(StartError::of)?;
        if let Some(file) = &ca.root_crl {
            root_crl::read(file, made.root_der()).map_err(StartError::of)?;
        }
        return Ok(CaSet::imported(made));
    }
    if !Manifest::is_in(vault) {
        refuse_with_hosts(store, now).await?;
        Manifest::make(vault, &format!("gatepass {trust_domain}"), now).map_err(StartError::of)?;
    }
    finish_rotation(store, vault).await.map_err(StartError::of)?;
    let manifest = Manifest::load(vault).map_err(StartError::of)?;
    // A crash may have left the key of a former root.
    manifest.destroy_former_keys(vault).map_err(StartError::of)?;
    manifest.open(vault, now).map_err(StartError::of)
}

/// Refuses a new CA beside a database with hosts. They and their tokens would not trust it.
async fn refuse_with_hosts(store: &dyn Store, now: Timestamp) -> Result<(), StartError> {
    let hosts = store.list_hosts(HostFilter::every(None, now), PageQuery::new(None, 1)).await;
    match hosts.map_err(StartError::of)?.items.is_empty() {
        true => Ok(()),
        false => Err(StartError::of(
            "the database has hosts, but the keys directory has no ca.json: bring the CA's files back from a backup",
        )),
    }
}

fn read(path: &Path) -> Result<String, StartError> {
    fs::read_to_string(path).map_err(|error| StartError::of(format!("{}: {error}", path.display())))
}

/// The trust anchors of client certificates.
pub(super) fn client_anchors(cas: &CaSet) -> Vec<CertificateDer<'static>> {
    cas.client_anchors().map(|anchor| CertificateDer::from(anchor.to_vec())).collect()
}
