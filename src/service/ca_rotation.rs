//! Rotating the CA: a new issuing CA under the same root, or a new root with one.

use std::sync::Arc;

use tokio::sync::watch;

use super::ca_files::Manifest;
use super::vault::write_public;
use super::{Authority, Caller, ServiceError};
use crate::id::hex;
use crate::ledger::Action;
use crate::store::AppendEntries;

/// The file of the current root certificate, in the data directory, for whoever wants to trust it.
pub const ROOT_FILE: &str = "root.pem";

/// How much of the CA is made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The issuing CA.
    Issuing,
    /// The root and the issuing CA.
    Root,
}

impl Authority {
    /// Makes a new issuing CA, or a new root and an issuing CA under it. Certificates of the ones before stay good.
    ///
    /// # Errors
    /// The CA was brought in, the root's key is away, the clock is in doubt, or a file or the store cannot be written.
    pub async fn rotate_ca(&self, caller: &Caller, extent: Extent) -> Result<(), ServiceError> {
        let _one_at_a_time = self.changing.lock().await;
        let now = self.time.trusted()?;
        if self.settings.outside_ca {
            return Err(ServiceError::RootKeyAway);
        }
        // A store that cannot be written must stop this before the files change.
        self.store.probe().await?;
        let manifest = Manifest::load(&self.vault)?;
        let name = format!("gatepass {}", self.settings.trust_domain);
        match extent {
            Extent::Issuing => manifest.new_issuing(&self.vault, &name, now)?,
            Extent::Root => manifest.new_root(&self.vault, &name, now)?,
        }
        let cas = Manifest::load(&self.vault)?.open(&self.vault, now)?;
        let entry = caller
            .did(Action::CaRotated, now)
            .with("issuing_ski", hex(&cas.current().issuing_ski()))
            .with("root", cas.current().root_fingerprint().to_string());
        write_public(&self.data_dir.join(ROOT_FILE), cas.current().root_pem().as_bytes())?;
        self.cas.store(Arc::new(cas));
        self.ca_changes.send_modify(|changes| *changes += 1);
        self.store.append_entries(AppendEntries { entries: vec![entry] }).await?;
        self.sign_crls().await
    }

    /// Counts the rotations of this process: the listener takes up its new chain when it moves.
    pub fn ca_changes(&self) -> watch::Receiver<u64> {
        self.ca_changes.subscribe()
    }
}
