//! The caller's own sessions.

use std::net::IpAddr;

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::paging::{Listed, whole};
use crate::access::SessionKind;
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::cookie;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::SessionId;
use crate::service::accounts::sessions::OwnSession;
use crate::store::SessionRecord;

/// A live session in the list of its user.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnSession)]
struct SessionItem {
    id: SessionId,
    kind: SessionKind,
    /// Address of the sign-in; `null`: unknown.
    #[schema(required, value_type = Option<String>, example = "192.0.2.7")]
    address: Option<IpAddr>,
    created_at: Timestamp,
    last_used_at: Timestamp,
    /// End of the session unless it is used.
    idle_after: Timestamp,
    expires_at: Timestamp,
    /// True for the session of this request.
    current: bool,
}

impl SessionItem {
    fn new(own: OwnSession, current: Option<SessionId>) -> Self {
        let OwnSession { session, last_used_at, idle_after } = own;
        let SessionRecord { id, kind, created_at, expires_at, address, .. } = session;
        let current = current == Some(id);
        Self { id, kind, address, created_at, last_used_at, idle_after, expires_at, current }
    }
}

/// List one's own sessions
///
/// All live sessions of the user, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    responses((status = 200, description = "All live sessions of the user.", body = Listed<SessionItem>)),
)]
pub(super) async fn list_sessions(call: Call) -> Result<Reply, Problem> {
    let own = call.authority.accounts.list_own_sessions(&call.caller).await?;
    let current = call.live_session().map(|session| session.id);
    Ok(whole(own.into_iter().map(|own| SessionItem::new(own, current)).collect()))
}

/// End one of one's own sessions
///
/// Effective with its next request. A session of another user is not found.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions/{id}",
    params(("id" = SessionId, Path, description = "Id of the session.")),
    responses((status = 204, description = "The session has ended.")),
)]
pub(super) async fn end_session(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "session", SessionId::parse)?;
    call.authority.accounts.end_own_session(&call.caller, id).await?;
    let reply = Reply::empty(StatusCode::NO_CONTENT);
    let is_cookie =
        call.live_session().is_some_and(|session| session.id == id && session.kind == SessionKind::Cookie);
    Ok(if is_cookie { cookie::clear(reply) } else { reply })
}
