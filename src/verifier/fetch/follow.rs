//! The authority's stream of changes. While it is down, lists are polled by their `ttl`.

use std::sync::Arc;

use hyper::Method;
use hyper::header::{ACCEPT, HeaderName, HeaderValue};

use super::error::FetchError;
use super::event::Event;
use super::pace::Backoff;
use super::state::RefreshState;
use super::stream::Splitter;

const PATH: &str = "/status/events";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Follows the stream forever. It resumes a broken stream after the last event.
pub(super) async fn follow(state: Arc<RefreshState>) {
    let (mut backoff, mut last_id) = (Backoff::default(), None);
    loop {
        let ended = follow_once(&state, &mut backoff, &mut last_id).await;
        state.stream_is(false);
        state.note(ended.err().unwrap_or(FetchError::StreamEnded));
        tokio::time::sleep(backoff.failed()).await;
    }
}

async fn follow_once(
    state: &RefreshState,
    backoff: &mut Backoff,
    last_id: &mut Option<String>,
) -> Result<(), FetchError> {
    let mut headers = vec![(ACCEPT, HeaderValue::from_static("text/event-stream"))];
    let resume = last_id.as_deref().and_then(|id| HeaderValue::from_str(id).ok());
    headers.extend(resume.map(|id| (LAST_EVENT_ID, id)));
    let mut answer = state.connector.open(Method::GET, PATH, &headers, None).await?;
    if answer.status != 200 {
        return Err(FetchError::Status { path: PATH.to_owned(), status: answer.status.as_u16() });
    }
    state.stream_is(true);
    let mut splitter = Splitter::after(last_id.clone());
    while let Some(bytes) = answer.part().await? {
        // A heartbeat alone is a success.
        backoff.succeeded();
        for raw in splitter.feed(&bytes)? {
            // A malformed event may be a revocation: start again, and fetch everything.
            let event = Event::of(&raw).inspect_err(|_| *last_id = None)?;
            state.take(event);
            last_id.clone_from(&raw.id);
        }
    }
    Ok(())
}
