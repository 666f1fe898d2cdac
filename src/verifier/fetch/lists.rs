//! Fetches the addresses of all status lists, and each list at its `ttl` (draft-ietf-oauth-status-list-21 section 8.3).

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::error::FetchError;
use super::pace::{Backoff, jittered};
use super::state::{Fetched, RefreshState, text};
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
pub(super) async fn keep(state: Arc<RefreshState>) {
    let mut backoff = Backoff::default();
    loop {
        let pause = state.pause(refresh(&state).await, &mut backoff, SPACING);
        // A demand also waits for this: an authority that fails may be overloaded.
        let rested = Instant::now() + pause;
        sleep_until(rested).await;
        let due = state.learnt().next_due().max(rested);
        // A list is due, or a token named an unknown one.
        let _ = timeout_at(due, state.lists_wanted.notified()).await;
    }
}

/// Fetches every list that is due.
pub(super) async fn refresh(state: &RefreshState) -> Result<(), FetchError> {
    let (now, mut outcome) = (Instant::now(), Ok(()));
    if state.learnt().aggregation_is_due(now) {
        outcome = aggregate(state, now).await;
    }
    if matches!(outcome, Err(FetchError::Connect(_))) {
        return outcome;
    }
    // The known lists stay fresh also if the document of all addresses is malformed.
    let due = state.learnt().due_lists(Instant::now());
    for uri in due {
        match fetch(state, &uri).await {
            Ok(()) => {}
            // The authority does not answer: the others would fail as well.
            Err(error @ FetchError::Connect(_)) => return Err(error),
            // A refused list does not stop the others.
            Err(error) => outcome = Err(error),
        }
    }
    if outcome.is_ok() {
        state.lists_are_fresh();
    }
    outcome
}

/// Fetches the addresses of all lists (section 9.3).
async fn aggregate(state: &RefreshState, asked: Instant) -> Result<(), FetchError> {
    let malformed = |why| FetchError::Malformed { path: AGGREGATION.to_owned(), why };
    let Fetched::New { body, .. } = state.get(AGGREGATION, None).await? else { return Ok(()) };
    let aggregation: Aggregation = serde_json::from_slice(&body)
        .map_err(|_| malformed("it is not an object with the array status_lists"))?;
    let uris = aggregation.status_lists;
    if uris.len() > MOST_LISTS {
        return Err(malformed("it names more than 4096 lists"));
    }
    if uris.iter().any(|uri| state.path_of(uri).is_none()) {
        return Err(malformed("it names a list that is not below the issuer's /status/"));
    }
    let gone = state.learnt().aggregated(&uris, asked, asked + jittered(AGGREGATION_EVERY));
    gone.iter().for_each(|uri| state.verifier.drop_list(uri));
    Ok(())
}

/// Fetches one list, or confirms the known one (304).
async fn fetch(state: &RefreshState, uri: &str) -> Result<(), FetchError> {
    let Some(path) = state.path_of(uri) else { return Ok(()) };
    // The response is at least as new as the request.
    let (at, due) =
        (state.now(), Instant::now() + jittered(STATUS_LIST_TTL.min(state.verifier.confirm_within())));
    let known = state.learnt().tag(uri);
    let tag = match state.get(&path, known.clone()).await? {
        Fetched::Unchanged => {
            state.verifier.confirm_list(uri, at);
            known
        }
        Fetched::New { body, tag } => {
            let updated = state.verifier.update_list(uri, &text(&path, body)?, at);
            updated.inspect_err(|error| state.list_refused(error))?;
            tag
        }
    };
    state.learnt().list_is_due(uri, tag, due);
    state.changed.notify_one();
    Ok(())
}
