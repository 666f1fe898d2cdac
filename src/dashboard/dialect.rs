//! The dialect of pages: forms, HTML errors, the session cookie alone.

use askama::Template as _;

use super::sign_in;
use crate::access::mask::mask;
use crate::http::problem::dialect::{Dialect, ErrorSchema, Pages};
use crate::http::problem::{Code, Problem};

/// The field of every form that repeats the session's CSRF token.
pub(super) const CSRF_FIELD: &str = "csrf_token";

/// The dialect of the dashboard. No path is its own: a missing page is in it if the client prefers HTML.
pub static PAGE: Dialect = Dialect {
    name: "page",
    covers: |_| false,
    accepts,
    oauth_clients: false,
    cookies: true,
    page: Some(Pages { sign_in: sign_in::address, csrf_field: CSRF_FIELD }),
    media_type: "text/html; charset=utf-8",
    body,
    schema: ErrorSchema { name: "Page", code: "", prefix: "page_" },
};

fn accepts(media_type: &str) -> Result<(), Problem> {
    if media_type == "application/x-www-form-urlencoded" {
        return Ok(());
    }
    let detail = "send a form, with the header Content-Type: application/x-www-form-urlencoded";
    Err(Problem::of(Code::UnsupportedMediaType, detail))
}

#[derive(askama::Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    detail: String,
    retry_after: Option<u32>,
    status: u16,
    code: &'a str,
}

fn body(problem: &Problem) -> String {
    let page = ErrorPage {
        title: problem.code.title(),
        detail: sentence(&problem.detail),
        retry_after: problem.retry_after,
        status: problem.status().as_u16(),
        code: problem.code.as_str(),
    };
    page.render().unwrap_or_default()
}

/// The text of an error as a sentence: errors begin in lower case, and have no full stop. A credential that was typed into a
/// wrong field is masked (I7).
pub(super) fn sentence(text: &str) -> String {
    let text = mask(text);
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}
