//! Writes the snapshot soon after a change, and reads it at the start.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::error::FetchError;
use super::kept::{Kept, KeptError};
use super::shared::Shared;

/// Changes within this time are written together.
const GATHERED: Duration = Duration::from_secs(1);

/// Writes the snapshot after each change, forever.
pub(super) async fn keep(shared: &Arc<Shared>) {
    loop {
        shared.changed.notified().await;
        sleep(GATHERED).await;
        let writing = Arc::clone(shared);
        let written = tokio::task::spawn_blocking(move || write(&writing)).await;
        if let Ok(Err(error)) = written {
            shared.note(error.into());
        }
    }
}

fn write(shared: &Shared) -> Result<(), KeptError> {
    let (Some(path), Some(verifier)) = (&shared.snapshot, shared.verifier.snapshot()) else { return Ok(()) };
    let mut kept = Kept::of(verifier);
    {
        let learnt = shared.learnt();
        kept.chain.clone_from(&learnt.chain);
        kept.crls = learnt.kept_crls();
    }
    kept.write(path)
}

/// Starts from the snapshot. Its content keeps the age from when it was fetched.
pub(super) fn resume(shared: &Shared) -> Result<(), FetchError> {
    let Some(path) = &shared.snapshot else { return Ok(()) };
    let Some(kept) = Kept::read(path)? else { return Ok(()) };
    resume_tokens(shared, path, &kept)?;
    #[cfg(feature = "hosts")]
    resume_hosts(shared, kept)?;
    Ok(())
}

fn resume_tokens(shared: &Shared, path: &Path, kept: &Kept) -> Result<(), KeptError> {
    let resumed = shared.verifier.resume(&kept.verifier, shared.now());
    resumed.map_err(|source| KeptError::Refused { path: path.to_owned(), source })?;
    shared.keys_are_fresh();
    let lists = shared.verifier.lists().into_iter().map(|(uri, _)| uri).collect::<Vec<_>>();
    shared.learnt().know(&lists);
    if !lists.is_empty() {
        shared.lists_are_fresh();
    }
    Ok(())
}

#[cfg(feature = "hosts")]
fn resume_hosts(shared: &Shared, kept: Kept) -> Result<(), FetchError> {
    use super::learnt::CrlRecord;
    use crate::token::LEEWAY;

    let (Some(hosts), Some(chain)) = (&shared.hosts, kept.chain) else { return Ok(()) };
    let now = shared.now();
    hosts.learn_issuers(&chain, now)?;
    // A clock that ran ahead when a CRL was confirmed would keep the CRL fresh for too long.
    for crl in kept.crls.into_iter().filter(|crl| crl.confirmed_at <= now.plus(LEEWAY)) {
        let Some(der) = crl.bytes() else { continue };
        hosts.update_crl(&der, crl.confirmed_at)?;
        let record = CrlRecord { der, tag: None, confirmed_at: crl.confirmed_at };
        shared.learnt().crls.insert(crl.ski, record);
    }
    shared.learnt().chain = Some(chain);
    Ok(())
}
