//! Forged requests from pages of other sites (CSRF). A browser adds the cookie to them, so that a cookie alone changes
//! nothing.

use http::header::ORIGIN;
use http::{HeaderMap, HeaderName, Method};

use super::problem::{Code, Problem};
use crate::access::session::CsrfToken;

/// The header that repeats the session's CSRF token.
pub const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The addresses at which a request may have arrived.
pub struct Here<'a> {
    /// The external URL of the authority.
    pub url: &'a str,
    /// The host that the request names, with its port.
    pub host: &'a str,
}

/// Checks a request with a credential that browsers send automatically for any page. With a session cookie it must repeat the
/// `expected` token.
///
/// # Errors
/// 403 `csrf`: it would change something, and lacks the proof that a page of this site sent it.
pub fn judge(
    method: &Method,
    headers: &HeaderMap,
    here: &Here<'_>,
    expected: Option<&CsrfToken>,
) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let mut tokens = headers.get_all(X_CSRF_TOKEN).iter();
    let repeated = tokens.next().filter(|_| tokens.next().is_none());
    let proves = |expected: &CsrfToken| repeated.is_some_and(|token| expected.is(token.as_bytes()));
    if expected.is_some_and(|expected| !proves(expected)) {
        return Err(refused(
            "a change with a session cookie needs the header X-CSRF-Token: GET /api/v1/session returns its value",
        ));
    }
    if is_from_here(headers, here) {
        return Ok(());
    }
    Err(refused("a page of another site sent the request: send it from a page of this site"))
}

/// Checks a form of a page before its body is read. Browsers send `Origin` or
/// `Sec-Fetch-Site` with every form. A form without both is refused.
///
/// # Errors
/// 403 `csrf`: it would change something, and no report says that a page of this site sent it.
pub fn judge_form(method: &Method, headers: &HeaderMap, here: &Here<'_>) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let reported = headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE);
    match reported && is_from_here(headers, here) {
        true => Ok(()),
        false => Err(refused(
            "the browser did not confirm that a page of this site sent the form: open the page, and send the form again",
        )),
    }
}

/// The refusal of a form without the CSRF token of the session.
pub fn stale_form() -> Problem {
    refused("the form is from an earlier session: open the page again, and send the form from there")
}

/// Reads the browser's report about the page that makes the request. Without a report it returns true.
fn is_from_here(headers: &HeaderMap, here: &Here<'_>) -> bool {
    let ours = |origin: &[u8]| {
        let host = origin
            .strip_prefix(b"https://")
            .is_some_and(|host| host.eq_ignore_ascii_case(here.host.as_bytes()));
        host || origin.eq_ignore_ascii_case(here.url.as_bytes())
    };
    let site = |site: &[u8]| matches!(site, b"same-origin" | b"none");
    let origins = headers.get_all(ORIGIN).iter().all(|value| ours(value.as_bytes()));
    let sites = headers.get_all(SEC_FETCH_SITE).iter().all(|value| site(value.as_bytes()));
    origins && sites
}

fn refused(detail: &str) -> Problem {
    Problem::of(Code::Csrf, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::SessionSecret;

    const HERE: Here<'_> = Here { url: "https://gate.example.org", host: "10.0.0.1:8443" };

    fn judged(method: Method, lines: &[(&'static str, &str)]) -> Option<&'static str> {
        let token = SessionSecret::parse(&format!("gps_{}", "A".repeat(43))).unwrap().csrf();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let value = if *value == "right" { token.expose() } else { *value };
            headers.append(*name, value.parse().unwrap());
        }
        judge(&method, &headers, &HERE, Some(&token)).err().map(|problem| problem.code.as_str())
    }

    #[test]
    fn reading_needs_nothing_and_writing_needs_the_token() {
        assert_eq!(judged(Method::GET, &[]), None);
        assert_eq!(judged(Method::HEAD, &[("sec-fetch-site", "cross-site")]), None);
        for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE, Method::OPTIONS] {
            assert_eq!(judged(method.clone(), &[]), Some("csrf"), "{method}");
            assert_eq!(judged(method.clone(), &[("x-csrf-token", "wrong")]), Some("csrf"), "{method}");
            assert_eq!(judged(method.clone(), &[("x-csrf-token", "right")]), None, "{method}");
        }
        let twice = [("x-csrf-token", "right"), ("x-csrf-token", "right")];
        assert_eq!(judged(Method::POST, &twice), Some("csrf"));
    }

    #[test]
    fn the_browser_must_report_this_site() {
        let cases = [
            ("origin", "https://gate.example.org", true),
            ("origin", "https://GATE.example.org", true),
            ("origin", "https://10.0.0.1:8443", true),
            ("origin", "http://gate.example.org", false),
            ("origin", "https://gate.example.org.evil.example", false),
            ("origin", "https://evil.example", false),
            ("origin", "https://10.0.0.1", false),
            ("origin", "null", false),
            ("sec-fetch-site", "same-origin", true),
            ("sec-fetch-site", "none", true),
            ("sec-fetch-site", "same-site", false),
            ("sec-fetch-site", "cross-site", false),
        ];
        for (name, value, ours) in cases {
            let judged = judged(Method::POST, &[("x-csrf-token", "right"), (name, value)]);
            assert_eq!(judged.is_none(), ours, "{name}: {value}");
        }
    }
}
