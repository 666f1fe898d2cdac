//! Refuses a database that is older than the mark beside its keys.

use super::StartError;
use crate::config::{DATABASE, ServerConfig};
use crate::service::ledger_mark::{LEDGER_MARK, LedgerMark};
use crate::service::vault::Vault;
use crate::shell_word::shell_word;
use crate::store::Store;

/// Compares the ledger of `store` with the mark. Changes nothing.
pub(super) async fn refuse(
    config: &ServerConfig,
    store: &dyn Store,
    vault: &Vault,
) -> Result<(), StartError> {
    let Some(mark) = LedgerMark::read(vault).map_err(StartError::of)? else { return Ok(()) };
    let Some(fault) = mark.judge(store).await.map_err(StartError::of)? else { return Ok(()) };
    let data = shell_word(&config.data_dir.display().to_string());
    Err(StartError::of(format!(
        "{} is an older copy: {fault} (see {}); an older copy would accept spent and revoked tokens again: bring the newer file \
         back with `cp -p NEWER/{DATABASE}* {data}/`, or accept the loss with `gatepass restore --in-place --data-dir {data}`",
        config.data_dir.join(DATABASE).display(),
        vault.path(LEDGER_MARK).display(),
    )))
}
