//! `/account`: the own user, its password and its sessions.

use std::sync::Arc;

use http::StatusCode;

use super::dialect::sentence;
use super::frame::{self, Frame};
use super::parts::{Icon, Moment};
use crate::access::SessionKind;
use crate::http::call::Call;
use crate::http::cookie;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::SessionId;
use crate::secret::Secret;

#[derive(askama::Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    frame: Frame<'a>,
    expires: Moment,
    sessions: Vec<SessionRow>,
    fault: Option<String>,
    changed: bool,
}

/// A live session of the user.
struct SessionRow {
    id: SessionId,
    kind: &'static str,
    address: String,
    began: Moment,
    used: Moment,
    current: bool,
}

/// Shows the account.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let changed = call.head.raw_query() == "changed=password";
    frame::ok(&account(&call, None, changed).await?)
}

/// Sets the own password. Every other session ends.
pub(super) async fn change_password(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    let secret = |name: &str| Secret::new(form.get(name).unwrap_or("").to_owned());
    let (current, new, again) = (secret("current"), secret("new"), secret("again"));
    if new.expose() != again.expose() {
        let fault = Problem::bad_request("the new passwords differ: type the same one twice");
        return refused(&call, &fault).await;
    }
    let keep = call.live_session().map(|session| session.id);
    let (caller, authority) = (call.caller.clone(), Arc::clone(&call.authority));
    let changed = authority.accounts.change_own_password(&caller, &current, new, keep, Vec::new()).await;
    match changed.map_err(Problem::from) {
        Ok(()) => Ok(Reply::see_other("/account?changed=password")),
        Err(problem) if problem.status() == StatusCode::BAD_REQUEST => refused(&call, &problem).await,
        Err(problem) => Err(problem),
    }
}

/// Ends one session of the user.
pub(super) async fn end_session(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "session", SessionId::parse)?;
    call.authority.accounts.end_own_session(&call.caller, id).await?;
    Ok(Reply::see_other("/account"))
}

/// Ends every session of the user.
pub(super) async fn sign_out_everywhere(call: Call) -> Result<Reply, Problem> {
    call.authority.accounts.sign_out_everywhere(&call.caller).await?;
    Ok(cookie::clear(Reply::see_other("/sign-in")))
}

async fn refused(call: &Call, problem: &Problem) -> Result<Reply, Problem> {
    let page = account(call, Some(sentence(&problem.detail)), false).await?;
    frame::page(problem.status(), &page)
}

async fn account<'a>(
    call: &'a Call,
    fault: Option<String>,
    changed: bool,
) -> Result<AccountPage<'a>, Problem> {
    let (current, now) = (call.session()?, call.authority.time.now());
    let own = call.authority.accounts.list_own_sessions(&call.caller).await?;
    let sessions = own.into_iter().map(|own| SessionRow {
        id: own.session.id,
        kind: match own.session.kind {
            SessionKind::Cookie => "browser",
            SessionKind::Bearer => "program",
        },
        address: own.session.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string()),
        began: Moment::new(own.session.created_at, now),
        used: Moment::new(own.last_used_at, now),
        current: own.session.id == current.id,
    });
    let (sessions, expires) = (sessions.collect(), Moment::new(current.expires_at, now));
    Ok(AccountPage {
        frame: Frame::of(call, "Account", "/account").await?,
        expires,
        sessions,
        fault,
        changed,
    })
}
