//! The status lists: which there are, and each by its entity tag at its `ttl` (draft-ietf-oauth-status-list-21 section 8.3).

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::error::FetchError;
use super::pace::{Backoff, jittered};
use super::shared::{Answer, Shared};
use crate::token::STATUS_LIST_TTL;

const AGGREGATION: &str = "/status";
/// New lists begin rarely, and a token of one is a reason to look at once.
const AGGREGATION_EVERY: Duration = Duration::from_secs(300);
/// However often somebody asks.
const SPACING: Duration = Duration::from_millis(200);
/// More lists than an authority ever has.
const MOST_LISTS: usize = 4096;

#[derive(Deserialize)]
struct Aggregation {
    status_lists: Vec<String>,
}

/// Keeps the lists fresh for ever.
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
        // Even what is wanted at once waits for this: an authority that fails may be overwhelmed.
        let rested = Instant::now() + pause;
        sleep_until(rested).await;
        let due = shared.learnt().next_due().max(rested);
        // Either the time has come, or somebody wants a list: both are reasons to go on.
        let _ = timeout_at(due, shared.lists_wanted.notified()).await;
    }
}

/// Fetches what is due.
pub(super) async fn refresh(shared: &Shared) -> Result<(), FetchError> {
    let (now, mut outcome) = (Instant::now(), Ok(()));
    if shared.learnt().aggregation_is_due(now) {
        outcome = aggregate(shared, now).await;
    }
    if matches!(outcome, Err(FetchError::Connect(_))) {
        return outcome;
    }
    // The lists that are known stay fresh, whatever is wrong with the document that names them all.
    let due = shared.learnt().due_lists(Instant::now());
    for uri in due {
        match fetch(shared, &uri).await {
            Ok(()) => {}
            // Nobody answers: the others would fail as well.
            Err(error @ FetchError::Connect(_)) => return Err(error),
            // One list that is refused does not keep the others from being fresh.
            Err(error) => outcome = Err(error),
        }
    }
    if outcome.is_ok() {
        shared.lists_are_fresh();
    }
    outcome
}

/// Learns which lists there are (section 9.3).
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

/// Fetches one list, or learns that it is the same.
async fn fetch(shared: &Shared, uri: &str) -> Result<(), FetchError> {
    let Some(path) = shared.path_of(uri) else { return Ok(()) };
    // Whatever the answer is, it is no older than the question.
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
