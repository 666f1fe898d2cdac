//! Rotating the CA: a new issuing CA under the same root, or a new root with one.
//!
//! The new files are on disk before the ledger has the entry. From the entry on they are in effect, also after a crash.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::clock::Timestamp;
use crate::id::hex;
use crate::ledger::{Action, Draft};
use crate::service::base::Base;
use crate::service::ca::crl::Crls;
use crate::service::ca::files::{Interrupted, Manifest, Next};
use crate::service::ca::live::LiveCas;
use crate::service::ca::set::CaSet;
use crate::service::vault::{Vault, write_public};
use crate::service::{CaError, Caller, ServiceError};
use crate::store::{AppendEntries, Store, StoreError};

/// The file of the current root certificate, in the data directory, for clients that are to trust it.
pub const ROOT_FILE: &str = "root.pem";

/// Number of entries per read when searching for the entry of an interrupted rotation.
const PAGE: u32 = 1000;

/// The extent of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The issuing CA.
    Issuing,
    /// The root and the issuing CA.
    Root,
}

/// An administrator's use cases of the CA.
pub struct CaAdmin {
    pub(in crate::service) base: Base,
    pub(in crate::service) cas: Arc<LiveCas>,
    /// Signing and serving CRLs.
    pub crls: Arc<Crls>,
    pub(in crate::service) vault: Vault,
    pub(in crate::service) trust_domain: String,
    /// True if the CA is imported. Such a CA is rotated at its source.
    pub(in crate::service) outside: bool,
    /// One rotation at a time: it spans files and the store.
    pub(in crate::service) changing: Arc<Mutex<()>>,
}

impl CaAdmin {
    /// Returns whether the root's private key is in the keys directory.
    pub fn root_key_here(&self) -> bool {
        Manifest::has_root_key(&self.vault)
    }

    /// Returns the number of live hosts, and of live persistent tokens.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn in_use(&self) -> Result<(u64, u64), ServiceError> {
        let now = self.base.time.now();
        let hosts = self.base.store.reached_urls(now).await?;
        let tokens = self.base.store.key_needs(now).await?;
        Ok((hosts.iter().map(|(_, hosts)| hosts).sum(), tokens.iter().map(|(_, tokens)| tokens).sum()))
    }

    /// Creates an issuing CA, or a root and an issuing CA under it. Certificates of the previous ones stay valid.
    ///
    /// # Errors
    /// The CA is imported, the root's key is missing, or the root to keep has expired. The clock is in doubt, or a file or the
    /// store cannot be written.
    pub async fn rotate(&self, caller: &Caller, extent: Extent) -> Result<(), ServiceError> {
        let _one_at_a_time = self.changing.lock().await;
        let now = self.base.time.trusted()?;
        if self.outside {
            return Err(CaError::Imported.into());
        }
        finish_rotation(self.base.store.as_ref(), &self.vault).await?;
        let manifest = Manifest::load(&self.vault)?;
        let name = format!("gatepass {}", self.trust_domain);
        let next = match (extent, manifest.root_fault(&self.vault, now)?) {
            (Extent::Issuing, Some(fault)) => return Err(fault.into()),
            (Extent::Issuing, None) => manifest.new_issuing(&self.vault, &name, now)?,
            (Extent::Root, Some(_)) => manifest.new_beginning(&name, now)?,
            (Extent::Root, None) => {
                // The key of the root is destroyed at the end. Its CRL has to exist by then.
                self.crls.sign().await?;
                manifest.require_root_crl(&self.vault)?;
                manifest.new_root(&self.vault, &name, now)?
            }
        };
        let after = self.base.store.chain_head().await?.seq;
        let cas = self.record(&next, after, now, |cas| entry(caller, cas, now)).await?;
        let root = cas.current().root_pem().to_owned();
        self.cas.replace(cas);
        self.settle_files(&root);
        if let Err(error) = self.crls.sign().await {
            tracing::warn!(%error, "the CRL of the new issuing CA could not be signed yet");
        }
        Ok(())
    }

    /// Writes the files, then the entry. A failure before the entry leaves no file.
    pub(super) async fn record(
        &self,
        next: &Next,
        after: u64,
        now: Timestamp,
        entry: impl FnOnce(&CaSet) -> Draft,
    ) -> Result<CaSet, ServiceError> {
        let manifest = next.save(&self.vault, after)?;
        let opened = manifest.open(&self.vault, now);
        let recorded = match &opened {
            Ok(cas) => {
                let entries = vec![entry(cas)];
                self.base.store.append_entries(AppendEntries { entries }).await.map_err(ServiceError::from)
            }
            Err(error) => Err(error.clone()),
        };
        match recorded {
            Ok(()) => opened,
            // The entry may have been recorded. The next start checks.
            Err(error @ ServiceError::Store(StoreError::Failed { .. })) => Err(error),
            Err(error) => {
                if let Some(interrupted) = Interrupted::load(&self.vault)? {
                    interrupted.drop_from(&self.vault)?;
                }
                Err(error)
            }
        }
    }

    /// Completes a recorded change on disk. A failure here cannot undo it: the next start tries again.
    pub(super) fn take_up(&self) {
        let taken = Interrupted::load(&self.vault).and_then(|interrupted| {
            interrupted.map_or(Ok(()), |interrupted| interrupted.take_up(&self.vault))
        });
        if let Err(error) = taken {
            tracing::error!(%error, "the CA has changed, but not all of its files could be moved: restart to try again");
        }
    }

    /// Destroys private keys that nothing needs any longer. The next start tries again.
    pub(super) fn destroy_former_keys(&self) {
        let destroyed =
            Manifest::load(&self.vault).and_then(|manifest| manifest.destroy_former_keys(&self.vault));
        if let Err(error) = destroyed {
            tracing::error!(%error, "a former private key could not be destroyed: restart to try again");
        }
    }

    /// Completes a recorded rotation on disk. The private key of a former root is destroyed last.
    fn settle_files(&self, root: &str) {
        self.take_up();
        self.destroy_former_keys();
        if let Err(error) = write_public(&self.crls.data_dir.join(ROOT_FILE), root.as_bytes()) {
            tracing::warn!(%error, "the file of the root certificate still holds the previous root");
        }
    }
}

/// Ends a rotation that a crash interrupted: completes it if the ledger has its entry, and removes its files if not.
///
/// # Errors
/// The store or a file cannot be read, or a file cannot be written.
pub async fn finish_rotation(store: &dyn Store, vault: &Vault) -> Result<(), ServiceError> {
    let Some(interrupted) = Interrupted::load(vault)? else { return Ok(Interrupted::clear(vault)?) };
    if is_recorded(store, &interrupted).await? {
        interrupted.take_up(vault)?;
    } else {
        interrupted.drop_from(vault)?;
    }
    Ok(())
}

/// Returns the manifest that is in effect: the next one if the ledger has its entry. `None` without a CA. Changes nothing.
///
/// # Errors
/// The store or a file cannot be read.
pub async fn manifest_in_effect(store: &dyn Store, vault: &Vault) -> Result<Option<Manifest>, ServiceError> {
    if let Some(interrupted) = Interrupted::load(vault)?
        && is_recorded(store, &interrupted).await?
    {
        return Ok(Some(interrupted.manifest().clone()));
    }
    Ok(Manifest::is_in(vault).then(|| Manifest::load(vault)).transpose()?)
}

async fn is_recorded(store: &dyn Store, interrupted: &Interrupted) -> Result<bool, StoreError> {
    let (action, ski) = interrupted.act();
    let ski = ski.as_bytes();
    let mut after = interrupted.after;
    loop {
        let chain = store.chain_after(after).await?;
        let entries = store.entries_after(chain, after, PAGE).await?;
        let acts = entries.iter().filter(|entry| entry.action == action.as_str());
        if acts.map(|entry| &entry.bytes).any(|bytes| bytes.windows(ski.len()).any(|part| part == ski)) {
            return Ok(true);
        }
        match entries.last() {
            Some(last) => after = last.seq,
            None => return Ok(false),
        }
    }
}

fn entry(caller: &Caller, cas: &CaSet, now: Timestamp) -> Draft {
    caller
        .did(Action::CaRotated, now)
        .with("issuing_ski", hex(cas.current().issuing_ski()))
        .with("root", cas.current().root_fingerprint().to_string())
}
