//! Writes the snapshot soon after a change, and reads it at the start.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::error::FetchError;
use super::kept::{Kept, KeptError};
use super::state::RefreshState;
use crate::token::LEEWAY;

/// Changes within this time are written together.
const GATHERED: Duration = Duration::from_secs(1);

/// Writes the snapshot after each change, forever.
pub(super) async fn keep(state: Arc<RefreshState>) {
    loop {
        state.changed.notified().await;
        sleep(GATHERED).await;
        let writing = Arc::clone(&state);
        let written = tokio::task::spawn_blocking(move || write(&writing)).await;
        if let Ok(Err(error)) = written {
            state.note(error.into());
        }
    }
}

fn write(state: &RefreshState) -> Result<(), KeptError> {
    let (Some(path), Some(verifier)) = (&state.snapshot, state.verifier.snapshot()) else { return Ok(()) };
    let kept = {
        let learnt = state.learnt();
        Kept::new(verifier, learnt.chain.clone(), learnt.crls.values().cloned().collect())
    };
    kept.write(path)
}

/// Starts from the snapshot. Its content keeps the age from when it was fetched.
pub(super) fn resume(state: &RefreshState) -> Result<(), FetchError> {
    let Some(path) = &state.snapshot else { return Ok(()) };
    let Some(kept) = Kept::read(path)? else { return Ok(()) };
    resume_tokens(state, path, &kept)?;
    resume_hosts(state, kept)?;
    Ok(())
}

fn resume_tokens(state: &RefreshState, path: &Path, kept: &Kept) -> Result<(), KeptError> {
    let resumed = state.verifier.resume(&kept.verifier, state.now());
    resumed.map_err(|source| KeptError::Refused { path: path.to_owned(), source })?;
    state.keys_are_fresh();
    let lists = state.verifier.lists().into_iter().map(|(uri, _)| uri).collect::<Vec<_>>();
    state.learnt().know(&lists);
    if !lists.is_empty() {
        state.lists_are_fresh();
    }
    Ok(())
}

fn resume_hosts(state: &RefreshState, kept: Kept) -> Result<(), FetchError> {
    let (Some(hosts), Some(chain)) = (&state.hosts, kept.chain) else { return Ok(()) };
    let now = state.now();
    hosts.learn_issuers(&chain, now)?;
    // A clock that ran ahead when a CRL was confirmed would keep the CRL fresh for too long.
    for crl in kept.crls.into_iter().filter(|crl| crl.confirmed_at <= now.plus(LEEWAY)) {
        hosts.update_crl(&crl.der, crl.confirmed_at)?;
        state.learnt().crls.insert(crl.ski.clone(), crl);
    }
    state.learnt().chain = Some(chain);
    Ok(())
}
