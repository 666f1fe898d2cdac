//! `/sign-in`, `/sign-out`: the session of a browser.

use std::sync::{Arc, LazyLock};

use http::{Method, StatusCode};

use super::dialect::sentence;
use super::frame;
use crate::access::{Permission, SessionKind};
use crate::http::call::Call;
use crate::http::cookie;
use crate::http::credential;
use crate::http::form::Form;
use crate::http::problem::{Code, Problem};
use crate::http::query;
use crate::http::reply::Reply;
use crate::http::route::Route;
use crate::name::UserName;
use crate::secret::Secret;
use crate::text::percent_encoded;

#[derive(askama::Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    server: String,
    next: &'a str,
    username: &'a str,
    fault: Option<String>,
}

/// The address of the sign-in page, which leads to `next` afterwards.
pub(super) fn address(next: &str) -> String {
    match destination(next) {
        "/" => "/sign-in".to_owned(),
        next => format!("/sign-in?next={}", percent_encoded(next)),
    }
}

/// The page of this server to go to, or else the overview. Its address begins with exactly one `/`, and has no `\`, which
/// browsers read as `/`.
fn destination(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic());
    if is_path && is_plain && is_page(next) { next } else { "/" }
}

/// Returns true if a signed-in user can open the address.
fn is_page(address: &str) -> bool {
    static PAGES: LazyLock<matchit::Router<()>> = LazyLock::new(|| {
        let mut pages = matchit::Router::new();
        let rows = super::routes().into_iter();
        let is_page = |row: &Route| {
            row.method == Method::GET && row.permission != Permission::Anyone && !row.is_in_background()
        };
        for row in rows.filter(is_page) {
            // Two pages never have one path.
            let _ = pages.insert(row.path, ());
        }
        pages
    });
    PAGES.at(address.split('?').next().unwrap_or(address)).is_ok()
}

/// Shows the form.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let pairs = query::decode_query(call.head.raw_query())?;
    let next = pairs.iter().find(|(name, _)| name == "next").map_or("/", |(_, next)| destination(next));
    render(&call, StatusCode::OK, (next, ""), None)
}

/// Begins a session and goes to the page that was asked for.
pub(super) async fn sign_in(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    let next = destination(form.get("next").unwrap_or("/")).to_owned();
    let name = form.get("username").unwrap_or("").to_owned();
    let password = Secret::new(form.get("password").unwrap_or("").to_owned());
    drop(form);
    let (kept, password) = credential::kept((name.clone(), password));
    let (caller, authority) = (call.caller.clone(), Arc::clone(&call.authority));
    let begun = authority.accounts.begin_session(&caller, (&kept, &password), SessionKind::Cookie).await;
    match begun.map_err(Problem::from) {
        Ok(begun) => {
            let lasts = begun.live.expires_at.since(authority.time.now());
            Ok(cookie::set(Reply::see_other(&next), &begun.secret, lasts))
        }
        Err(problem) if problem.code == Code::Unauthenticated => {
            // A password in the wrong field is not repeated.
            let name = UserName::parse(&name).map_or("", |_| name.as_str());
            render(&call, problem.status(), (&next, name), Some(sentence(&problem.detail)))
        }
        Err(problem) => Err(problem),
    }
}

/// Ends the session.
pub(super) async fn sign_out(call: Call) -> Result<Reply, Problem> {
    call.authority.accounts.end_session(&call.caller, call.session()?.id).await?;
    Ok(cookie::clear(Reply::see_other("/sign-in")))
}

fn render(
    call: &Call,
    status: StatusCode,
    (next, username): (&str, &str),
    fault: Option<String>,
) -> Result<Reply, Problem> {
    let issuers = call.authority.trust.issuers();
    let server = issuers.current();
    let server = server.strip_prefix("https://").unwrap_or(server).to_owned();
    frame::page(status, &SignInPage { server, next, username, fault })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_server_is_a_destination() {
        for next in ["/", "/tokens", "/tokens?state=live&search=a%20b", "/add-host?kind=cluster"] {
            assert_eq!(destination(next), next);
        }
        let strange = [
            "",
            "tokens",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nb",
            "/sign-in",
            "/events",
        ];
        for next in strange {
            assert_eq!(destination(next), "/", "{next:?}");
        }
        assert_eq!(address("/"), "/sign-in");
        assert_eq!(address("/tokens?state=live"), "/sign-in?next=%2Ftokens%3Fstate%3Dlive");
    }
}
