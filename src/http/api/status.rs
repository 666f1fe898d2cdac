//! Status lists (draft-ietf-oauth-status-list-21): the signed lists, which there are, and what changes in them.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};

use crate::access::address::subscriber;
use crate::http::document::{Document, Shelf};
use crate::http::inquiry::Inquiry;
use crate::http::problem::Problem;
use crate::http::route::{Answer, Route};
use crate::http::stream::{Refused, StreamSender, stream};
use crate::id::ListId;
use crate::service::status_lists::{
    Aggregation, Following, Full, Offered, Place, Published, SignedList, Subscriber,
};
use crate::token::STATUS_LIST_TTL;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How many events may wait for a subscriber.
const BUFFER: usize = 64;

/// The rows. Each keeps the documents that it has made.
pub(super) fn routes() -> Vec<Route> {
    let (aggregations, lists) = (Shelf::default(), Shelf::default());
    vec![
        Route::direct("/status", move |inquiry| aggregation(inquiry, &aggregations)),
        Route::direct("/status/{list}", move |inquiry| list(inquiry, &lists)),
        Route::direct("/status/events", |inquiry| {
            let published = inquiry.authority.status_lists().published();
            follow(inquiry, place(inquiry, &published)?, None)
        }),
        Route::direct("/status/{list}/events", |inquiry| {
            let published = inquiry.authority.status_lists().published();
            let place = place(inquiry, &published)?;
            let (list, _) = find(inquiry, place)?;
            follow(inquiry, place, Some(list))
        }),
    ]
}

/// `GET /status` (section 9.1): the addresses of the lists.
fn aggregation(inquiry: &Inquiry<'_>, made: &Shelf<String, Aggregation>) -> Result<Answer, Problem> {
    let published = inquiry.authority.status_lists().published();
    let aggregation = place(inquiry, &published)?.aggregation();
    let make = |source: &Aggregation| document("application/json", source.text.clone());
    Ok(made.document(&*aggregation.issuer, aggregation, make).serve(inquiry.headers))
}

/// `GET /status/{list}` (section 8.1): a signed list.
fn list(inquiry: &Inquiry<'_>, made: &Shelf<String, SignedList>) -> Result<Answer, Problem> {
    let published = inquiry.authority.status_lists().published();
    let (_, list) = find(inquiry, place(inquiry, &published)?)?;
    let make = |source: &SignedList| document("application/statuslist+jwt", source.text.clone());
    Ok(made.document(list.uri.as_str(), list, make).serve(inquiry.headers))
}

fn document(media_type: &'static str, text: Bytes) -> Document {
    let age = u32::try_from(STATUS_LIST_TTL.as_secs()).unwrap_or(0);
    Document::new(media_type, age, text).compressed()
}

/// The lists under the URL by which the client knows this authority.
fn place<'a>(inquiry: &Inquiry<'_>, published: &'a Published) -> Result<&'a Place, Problem> {
    published.place(inquiry.host).ok_or_else(|| {
        let detail = "no status list could be signed since the server started: see its log";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "keys_unavailable", detail).retry_after(10)
    })
}

fn find<'a>(inquiry: &Inquiry<'_>, place: &'a Place) -> Result<(ListId, &'a Arc<SignedList>), Problem> {
    let list = ListId::parse(inquiry.param("list"));
    let found = list.and_then(|list| Some((list, place.list(list)?)));
    found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such status list"))
}

/// Server-sent events: what changes from now on, and since `Last-Event-ID` if the client names one.
fn follow(inquiry: &Inquiry<'_>, place: &Place, list: Option<ListId>) -> Result<Answer, Problem> {
    let following = Following { issuer: Arc::clone(place.issuer()), list };
    // What is no text is no id of ours either: an empty one is unknown too.
    let last = inquiry.headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or(""));
    let (sender, body) = stream(BUFFER);
    let from = subscriber(inquiry.peer.client);
    let feed = inquiry.authority.status_lists().feed();
    feed.subscribe(from, following, last, Box::new(sender)).map_err(full)?;
    let mut answer = Answer::new(body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx gathers an answer before it passes it on, unless it is told not to.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(answer)
}

fn full(full: Full) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", full.to_string()).retry_after(30)
}

impl Subscriber for StreamSender {
    fn offer(&self, part: Bytes) -> Offered {
        match Self::offer(self, part) {
            Ok(()) => Offered::Taken,
            Err(Refused::Full) => Offered::Full,
            Err(Refused::Gone(_)) => Offered::Gone,
        }
    }

    fn is_gone(&self) -> bool {
        Self::is_gone(self)
    }
}
