//! `/account`: the own user, its password and its sessions.

use std::sync::Arc;

use http::StatusCode;

use super::dialect::sentence;
use super::frame::{self, Frame};
use super::parts::{Icon, Moment};
use crate::http::call::Call;
use crate::http::cookie;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::secret::Secret;

#[derive(askama::Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    frame: Frame<'a>,
    expires: Moment,
    fault: Option<String>,
    changed: bool,
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
    let expires = Moment::new(call.session()?.expires_at, call.authority.time.now());
    Ok(AccountPage { frame: Frame::of(call, "Account", "/account").await?, expires, fault, changed })
}
