//! `/events`: the committed changes, for the pages of a signed-in user.

use std::sync::Arc;

use futures_util::stream::unfold;

use crate::access::SessionKind;
use crate::http::call::Call;
use crate::http::event_stream::{self, LAST_EVENT_ID};
use crate::http::problem::{Code, Problem};
use crate::http::query;
use crate::http::route::HttpResponse;
use crate::service::AccountError;
use crate::service::changes::TooManyPages;

/// Follows the changes by the cookie of a session.
pub(super) async fn follow_changes(call: Call) -> Result<HttpResponse, Problem> {
    let session = call.live_session().filter(|session| session.kind == SessionKind::Cookie);
    session.ok_or(AccountError::SessionOver)?;
    let shown = query::decode_query(call.head.raw_query())?;
    let shown = shown.iter().find(|(name, _)| name == "after").and_then(|(_, newest)| newest.parse().ok());
    let before = call.head.headers().contains_key(LAST_EVENT_ID);
    let authority = Arc::clone(&call.authority);
    let stream = authority.changes.follow(&call.caller, before, shown).map_err(full)?;
    let events = unfold((stream, authority), |(mut stream, authority)| async {
        let events = stream.next(&authority.accounts).await?;
        Some((events, (stream, authority)))
    });
    Ok(event_stream::answer(events))
}

fn full(full: TooManyPages) -> Problem {
    Problem::of(Code::TooManyRequests, full.to_string()).retry_after(30)
}
