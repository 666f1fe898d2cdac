//! Refreshes the issuing CAs and the CRL of each.

use std::time::Duration;

use tokio::time::sleep;

use super::error::FetchError;
use super::learnt::CrlRecord;
use super::pace::{Backoff, jittered};
use super::shared::{Answer, Shared};
use crate::verifier::hosts::HostVerifier;

const CHAIN: &str = "/ca/chain.pem";
/// Interval of fetching CRLs: the time that caches may keep one. A revocation is on the next CRL within a second.
const EVERY: Duration = Duration::from_secs(30);
/// Interval of looking for issuers that came with a host.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps the CRLs fresh forever.
pub(super) async fn keep(shared: &Shared, hosts: &HostVerifier) {
    let mut backoff = Backoff::default();
    loop {
        match refresh(shared, hosts).await {
            Ok(()) => {
                backoff.succeeded();
                rest(shared, hosts).await;
            }
            Err(error) => {
                shared.note(error);
                sleep(backoff.failed()).await;
            }
        }
    }
}

/// Waits for the next round, or for an issuer whose CRL is unknown.
async fn rest(shared: &Shared, hosts: &HostVerifier) {
    let pause = jittered(EVERY);
    let mut waited = Duration::ZERO;
    while waited < pause && hosts.issuers().iter().all(|ski| shared.learnt().crls.contains_key(ski)) {
        sleep(LOOK).await;
        waited += LOOK;
    }
}

async fn refresh(shared: &Shared, hosts: &HostVerifier) -> Result<(), FetchError> {
    let mut outcome = learn_chain(shared, hosts).await;
    if matches!(outcome, Err(FetchError::Connect(_))) {
        return outcome;
    }
    for ski in hosts.issuers() {
        outcome = outcome.and(fetch_crl(shared, hosts, &ski).await);
    }
    shared.changed.notify_one();
    outcome
}

async fn learn_chain(shared: &Shared, hosts: &HostVerifier) -> Result<(), FetchError> {
    let Answer::New { body, .. } = shared.get(CHAIN, None).await? else { return Ok(()) };
    let malformed = |_| FetchError::Malformed { path: CHAIN.to_owned(), why: "it is no text" };
    let chain = String::from_utf8(body.into()).map_err(malformed)?;
    hosts.learn_issuers(&chain, shared.now())?;
    shared.learnt().chain = Some(chain);
    Ok(())
}

async fn fetch_crl(shared: &Shared, hosts: &HostVerifier, ski: &str) -> Result<(), FetchError> {
    let (at, path) = (shared.now(), format!("/ca/crl/{ski}.der"));
    let known = shared.learnt().crls.get(ski).map(|known| (known.der.clone(), known.tag.clone()));
    let tag = known.as_ref().and_then(|(_, tag)| tag.clone());
    let (der, tag) = match (shared.get(&path, tag.clone()).await?, known) {
        (Answer::New { body, tag }, _) => (body.to_vec(), tag),
        (Answer::Unchanged, Some((der, _))) => (der, tag),
        (Answer::Unchanged, None) => return Ok(()),
    };
    hosts.update_crl(&der, at)?;
    shared.learnt().crls.insert(ski.to_owned(), CrlRecord { der, tag, confirmed_at: at });
    Ok(())
}
