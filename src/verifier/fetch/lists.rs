//! Fetches the addresses of all status lists, and each list at its `ttl` (draft-ietf-oauth-status-list-21 section 8.3).

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::error::FetchError;
use super::pace::{Backoff, jittered};
use super::shared::{Answer, Shared};
use crate::token::STATUS_LIST_TTL;

const AGGREGATION: &str = "/status";
/// Interval of fetching the addresses: new lists are rare, and a token of one causes a fetch at once.
const AGGREGATION_EVERY: Duration = Duration::from_secs(300);
/// Minimum interval between two rounds.
const SPACING: Duration = Duration::from_millis(200);
/// Maximum number of lists, more than an authority ever has.
const MOST_LISTS: usize = 4096;

#[derive(Deserialize)]
struct Aggregation {
    status_lists: Vec<String>,
}

/// Keeps the lists fresh forever.
pub(super) async fn keep(shared: &Shared) {
    let mut backoff = Backoff::default();
    loop {
        let pause = match refresh(shared).await {
            Ok(()) => {
                backoff.succeeded();
                SPACING
            }
            Err(error) => {
                shared.note(error);
                backoff.failed()
            }
        };
        // A demand also waits for this: an authority that fails may be overloaded.
        let rested = Instant::now() + pause;
        sleep_until(rested).await;
        let due = shared.learnt().next_due().max(rested);
        // A list is due, or a token named an unknown one.
        let _ = timeout_at(due, shared.lists_wanted.notified()).await;
    }
}

/// Fetches every list that is due.
pub(super) async fn refresh(shared: &Shared) -> Result<(), FetchError> {
    let (now, mut outcome) = (Instant::now(), Ok(()));
    if shared.learnt().aggregation_is_due(now) {
        outcome = aggregate(shared, now).await;
    }
    if matches!(outcome, Err(FetchError::Connect(_))) {
        return outcome;
    }
    // The known lists stay fresh also if the document of all addresses is malformed.
    let due = shared.learnt().due_lists(Instant::now());
    for uri in due {
        match fetch(shared, &uri).await {
            Ok(()) => {}
            // The authority does not answer: the others would fail as well.
            Err(error @ FetchError::Connect(_)) => return Err(error),
            // A refused list does not stop the others.
            Err(error) => outcome = Err(error),
        }
    }
    if outcome.is_ok() {
        shared.lists_are_fresh();
    }
    outcome
}

/// Fetches the addresses of all lists (section 9.3).
async fn aggregate(shared: &Shared, asked: Instant) -> Result<(), FetchError> {
    let malformed = |why| FetchError::Malformed { path: AGGREGATION.to_owned(), why };
    let Answer::New { body, .. } = shared.get(AGGREGATION, None).await? else { return Ok(()) };
    let aggregation: Aggregation = serde_json::from_slice(&body)
        .map_err(|_| malformed("it is no object with the array status_lists"))?;
    let uris = aggregation.status_lists;
    if uris.len() > MOST_LISTS {
        return Err(malformed("it names more than 4096 lists"));
    }
    if uris.iter().any(|uri| shared.path_of(uri).is_none()) {
        return Err(malformed("it names a list that is not below the issuer's /status/"));
    }
    let gone = shared.learnt().aggregated(&uris, asked, asked + jittered(AGGREGATION_EVERY));
    gone.iter().for_each(|uri| shared.verifier.drop_list(uri));
    Ok(())
}

/// Fetches one list, or confirms the known one (304).
async fn fetch(shared: &Shared, uri: &str) -> Result<(), FetchError> {
    let Some(path) = shared.path_of(uri) else { return Ok(()) };
    // The response is at least as new as the request.
    let (at, due) =
        (shared.now(), Instant::now() + jittered(STATUS_LIST_TTL.min(shared.verifier.confirm_within())));
    let known = shared.learnt().tag(uri);
    let tag = match shared.get(&path, known.clone()).await? {
        Answer::Unchanged => {
            shared.verifier.confirm_list(uri, at);
            known
        }
        Answer::New { body, tag } => {
            let malformed = |_| FetchError::Malformed { path, why: "it is no text" };
            let list = String::from_utf8(body.into()).map_err(malformed)?;
            let taken = shared.verifier.update_list(uri, &list, at);
            taken.inspect_err(|error| shared.list_refused(error))?;
            tag
        }
    };
    shared.learnt().list_is_due(uri, tag, due);
    shared.changed.notify_one();
    Ok(())
}
