//! Refreshes the issuing CAs and the CRL of each.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::error::FetchError;
use super::kept::KeptCrl;
use super::pace::{Backoff, jittered};
use super::state::{Fetched, RefreshState, text};
use crate::verifier::hosts::HostVerifier;

const CHAIN: &str = "/ca/chain.pem";
/// Interval of fetching CRLs: the time that caches may keep one. A revocation is on the next CRL within a second.
const EVERY: Duration = Duration::from_secs(30);
/// Interval of looking for issuers that came with a host.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps the CRLs fresh forever.
pub(super) async fn keep(state: Arc<RefreshState>, hosts: Arc<HostVerifier>) {
    let mut backoff = Backoff::default();
    loop {
        match refresh(&state, &hosts).await {
            Ok(()) => {
                backoff.succeeded();
                rest(&state, &hosts).await;
            }
            Err(error) => {
                state.note(error);
                sleep(backoff.failed()).await;
            }
        }
    }
}

/// Waits for the next round, or for an issuer whose CRL is unknown.
async fn rest(state: &RefreshState, hosts: &HostVerifier) {
    let pause = jittered(EVERY);
    let mut waited = Duration::ZERO;
    while waited < pause && hosts.issuers().iter().all(|ski| state.learnt().crls.contains_key(ski)) {
        sleep(LOOK).await;
        waited += LOOK;
    }
}

async fn refresh(state: &RefreshState, hosts: &HostVerifier) -> Result<(), FetchError> {
    let mut outcome = learn_chain(state, hosts).await;
    if matches!(outcome, Err(FetchError::Connect(_))) {
        return outcome;
    }
    for ski in hosts.issuers() {
        outcome = outcome.and(fetch_crl(state, hosts, &ski).await);
    }
    state.changed.notify_one();
    outcome
}

async fn learn_chain(state: &RefreshState, hosts: &HostVerifier) -> Result<(), FetchError> {
    let Fetched::New { body, .. } = state.get(CHAIN, None).await? else { return Ok(()) };
    let chain = text(CHAIN, body)?;
    hosts.learn_issuers(&chain, state.now())?;
    state.learnt().chain = Some(chain);
    Ok(())
}

async fn fetch_crl(state: &RefreshState, hosts: &HostVerifier, ski: &str) -> Result<(), FetchError> {
    let (at, path) = (state.now(), format!("/ca/crl/{ski}.der"));
    let known = state.learnt().crls.get(ski).cloned();
    let tag = known.as_ref().and_then(|known| known.tag.clone());
    let crl = match (state.get(&path, tag).await?, known) {
        (Fetched::New { body, tag }, _) => {
            KeptCrl { ski: ski.to_owned(), der: body.to_vec(), confirmed_at: at, tag }
        }
        (Fetched::Unchanged, Some(known)) => KeptCrl { confirmed_at: at, ..known },
        (Fetched::Unchanged, None) => return Ok(()),
    };
    hosts.update_crl(&crl.der, at)?;
    state.learnt().crls.insert(ski.to_owned(), crl);
    Ok(())
}
