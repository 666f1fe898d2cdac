//! Making a restored database safe: acts after its backup are unknown, so nothing that they may have ended lives on.

use std::path::Path;
use std::time::Duration;

use super::emergency;
use super::keys::files::make_pairs;
use super::vault::Vault;
use super::{Caller, ServiceError};
use crate::clock::Timestamp;
use crate::id::{ChainId, ListId};
use crate::ledger::Action;
use crate::store::{ListKind, ListRecord, ListedCertificate, Restore, Restored, Store};
use crate::token::KeyUse;

/// The certificates on CRLs that are newer than the backup.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Each certificate once or several times.
    pub certificates: Vec<ListedCertificate>,
    /// The end of every certificate that the database does not know.
    pub ends_at: Timestamp,
}

/// Begins a new epoch and a new ledger chain, and suspends tokens and accounts. Open the store again afterwards.
///
/// # Errors
/// A key file or the store cannot be written. Then the database is as it was.
pub async fn begin_again(
    store: &dyn Store,
    vault: &Vault,
    data_dir: &Path,
    listed: Listed,
    now: Timestamp,
) -> Result<Restored, ServiceError> {
    let known = store.keys().await?;
    let keys = make_pairs(vault, &KeyUse::ALL, known.iter().map(|key| key.id), now)?;
    // Later than every id in the database, of which the newest may be of this millisecond.
    let later = now.plus(Duration::from_millis(1));
    let list = |kind| ListRecord { id: ListId::generate(later), kind, next: 0 };
    let command = Restore {
        keys,
        chain: ChainId::generate(later),
        lists: vec![list(ListKind::Ephemeral), list(ListKind::Persistent)],
        revoked: listed.certificates,
        ends_at: listed.ends_at,
        entry: Caller::SYSTEM.did(Action::Restored, now),
    };
    if store.emergency_token().await?.is_some() {
        emergency::make_due(data_dir)?;
    }
    Ok(store.restore(command).await?)
}
