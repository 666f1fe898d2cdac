//! The CA: imported by the configuration, or kept in the vault. An empty vault gets a new CA.

use std::fs;
use std::path::Path;

use rustls::pki_types::CertificateDer;

use super::StartError;
use crate::ca::CertificateAuthority;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::service::ca::files::Manifest;
use crate::service::ca::rotation::finish_rotation;
use crate::service::ca::set::CaSet;
use crate::service::vault::{Vault, is_read_by_group, load_imported};
use crate::store::Store;

pub(super) async fn load_or_make(
    config: &Config,
    store: &dyn Store,
    vault: &Vault,
    now: Timestamp,
) -> Result<CaSet, StartError> {
    let ca = &config.ca;
    if let (Some(root), Some(certificate), Some(key)) = (&ca.root, &ca.issuing_certificate, &ca.issuing_key) {
        if is_read_by_group(key) {
            tracing::warn!(path = %key.display(), "a group may read the key of the issuing CA: its members can act as the CA");
        }
        let key = load_imported(key).map_err(StartError::of)?;
        let ca = CertificateAuthority::from_pem(&read(root)?, &read(certificate)?, &key, now);
        return Ok(CaSet::new(ca.map_err(StartError::of)?, Vec::new()));
    }
    if !Manifest::is_in(vault) {
        Manifest::make(vault, &format!("gatepass {}", config.server.trust_domain), now)
            .map_err(StartError::of)?;
    }
    finish_rotation(store, vault).await.map_err(StartError::of)?;
    let manifest = Manifest::load(vault).map_err(StartError::of)?;
    // A crash may have left the key of a former root.
    manifest.destroy_former_root_keys(vault).map_err(StartError::of)?;
    manifest.open(vault, now).map_err(StartError::of)
}

fn read(path: &Path) -> Result<String, StartError> {
    fs::read_to_string(path).map_err(|error| StartError::of(format!("{}: {error}", path.display())))
}

/// The trust anchors of client certificates.
pub(super) fn client_anchors(cas: &CaSet) -> Vec<CertificateDer<'static>> {
    cas.client_anchors().map(|anchor| CertificateDer::from(anchor.to_vec())).collect()
}
