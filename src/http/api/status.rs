//! Status lists (draft-ietf-oauth-status-list-21): the signed lists, their index, and events of changes.

use std::sync::Arc;

use futures_util::stream::unfold;

use crate::access::address::site;
use crate::http::document;
use crate::http::event_stream::{self, LAST_EVENT_ID};
use crate::http::head::Head;
use crate::http::openapi::NotModified;
use crate::http::problem::{Code, Problem, code};
use crate::http::route::HttpResponse;
use crate::id::ListId;
use crate::service::Authority;
use crate::service::status_lists::{
    Following, IssuerLists, Published, SignedList, StatusListUris, TooManyStreams,
};

/// Example of an event.
const EVENTS: &str = "event: change\nid: 9f2c4e71a0b35d88-42\ndata: {\"list\":\"https://gate.example.org/status/\
    0198c0de-0000-7000-8000-000000000001\",\"version\":42,\"changes\":[{\"idx\":5,\"status\":1}]}\n\n";

/// List the status lists
///
/// The addresses of all of them (draft-ietf-oauth-status-list-21 section 9.1).
#[utoipa::path(
    get,
    path = "/status",
    responses((status = 200, description = "The addresses of the lists.", body = StatusListUris<'static>), NotModified, code::KeysUnavailable),
)]
pub(super) fn list_status_lists(authority: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    let published = authority.status_lists.published();
    Ok(document::serve(&place(head, &published)?.aggregation, head.headers()).into())
}

/// Fetch a status list
///
/// A signed list, two bits for each token (draft-ietf-oauth-status-list-21 section 8.1).
#[utoipa::path(
    get,
    path = "/status/{list}",
    params(("list" = String, Path, description = "Id of the list.", example = "0198c0de-0000-7000-8000-000000000001")),
    responses(
        (status = 200, description = "The list.", body = String, content_type = "application/statuslist+jwt",
            example = json!("eyJhbGciOiJFZERTQSIsInR5cCI6InN0YXR1c2xpc3Qrand0Ii…")),
        NotModified,
        code::KeysUnavailable,
    ),
)]
pub(super) fn fetch_status_list(authority: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    let published = authority.status_lists.published();
    let (_, list) = find(head, place(head, &published)?)?;
    Ok(document::serve(&list.document, head.headers()).into())
}

/// The lists of the external URL that the client uses.
fn place<'a>(head: &Head, published: &'a Published) -> Result<&'a IssuerLists, Problem> {
    published.place(head.host()).ok_or_else(|| {
        let detail = "no status list could be signed since the server started: see its log";
        Problem::of(Code::KeysUnavailable, detail).retry_after(10)
    })
}

fn find<'a>(head: &Head, place: &'a IssuerLists) -> Result<(ListId, &'a Arc<SignedList>), Problem> {
    let list = ListId::parse(head.param("list"));
    let found = list.and_then(|list| Some((list, place.list(list)?)));
    found.ok_or_else(|| Problem::of(Code::NotFound, "status list not found"))
}

/// Follow all status lists
///
/// Server-sent events of new changes, and of changes since `Last-Event-ID`, if present.
#[utoipa::path(
    get,
    path = "/status/events",
    params(("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event seen.",
            example = "9f2c4e71a0b35d88-41")),
    responses(
        (status = 200, description = "`hello`, then `change` and `reset`, with a heartbeat every 15 s.", body = String,
            content_type = "text/event-stream", example = json!(EVENTS)),
        code::TooManyStreams,
        code::KeysUnavailable,
    ),
)]
pub(super) fn follow_status_lists(authority: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    let published = authority.status_lists.published();
    follow(authority, head, place(head, &published)?, None)
}

/// Follow one status list
///
/// Server-sent events, as for all lists.
#[utoipa::path(
    get,
    path = "/status/{list}/events",
    params(
        ("list" = String, Path, description = "Id of the list.", example = "0198c0de-0000-7000-8000-000000000001"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event seen.",
            example = "9f2c4e71a0b35d88-41"),
    ),
    responses(
        (status = 200, description = "`hello`, then `change` and `reset`, with a heartbeat every 15 s.", body = String,
            content_type = "text/event-stream", example = json!(EVENTS)),
        code::TooManyStreams,
        code::KeysUnavailable,
    ),
)]
pub(super) fn follow_status_list(authority: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    let published = authority.status_lists.published();
    let place = place(head, &published)?;
    let (list, _) = find(head, place)?;
    follow(authority, head, place, Some(list))
}

/// Opens a stream of server-sent events.
fn follow(
    authority: &Authority,
    head: &Head,
    place: &IssuerLists,
    list: Option<ListId>,
) -> Result<HttpResponse, Problem> {
    let following = Following { issuer: Arc::clone(&place.issuer), list };
    // A value that is not text is an unknown id, as is an empty one.
    let last = head.headers().get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or(""));
    let from = site(head.peer.client);
    let subscription = authority.status_lists.follow(from, following, last).map_err(full)?;
    let events = unfold(subscription, |mut subscription| async {
        let events = subscription.next().await?;
        Some((events, subscription))
    });
    Ok(event_stream::answer(events))
}

fn full(full: TooManyStreams) -> Problem {
    Problem::of(Code::TooManyStreams, full.to_string()).retry_after(30)
}
