//! The cookie that carries a session's secret for pages (RFC 6265).

use std::time::Duration;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use super::problem::Problem;
use super::reply::Reply;
use crate::access::SessionSecret;
use crate::secret::Secret;

/// The cookie's name. A browser accepts a cookie with this prefix only over TLS, for this host alone and for all its
/// paths (RFC 6265bis section 4.1.3.2). No other host can set one, not even a subdomain.
pub const NAME: &str = "__Host-gatepass";

const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// The value of the cookie, if the request has one.
///
/// # Errors
/// 401: the request has several, so that one was planted.
pub fn read(headers: &HeaderMap) -> Result<Option<Secret<String>>, Problem> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut values = pairs
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == NAME)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Problem::unauthenticated("the request has several session cookies: send one")),
        (value, None) => Ok(value.map(|value| Secret::new(value.to_owned()))),
    }
}

/// Returns true if the request has the cookie, valid or not.
pub fn is_there(headers: &HeaderMap) -> bool {
    !matches!(read(headers), Ok(None))
}

/// `reply` with the cookie set for `lasts`.
#[must_use]
pub fn set(reply: Reply, secret: &SessionSecret, lasts: Duration) -> Reply {
    let (secret, seconds) = (secret.expose(), lasts.as_secs());
    with(reply, &Secret::new(format!("{NAME}={secret}; {ATTRIBUTES}; Max-Age={seconds}")))
}

/// `reply` with the cookie deleted.
#[must_use]
pub fn clear(reply: Reply) -> Reply {
    with(reply, &Secret::new(format!("{NAME}=; {ATTRIBUTES}; Max-Age=0")))
}

fn with(mut reply: Reply, cookie: &Secret<String>) -> Reply {
    // The text consists of characters that a header may contain.
    if let Ok(mut value) = HeaderValue::from_str(cookie.expose()) {
        value.set_sensitive(true);
        reply.0.headers_mut().insert(SET_COOKIE, value);
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Result<Option<String>, u16> {
        let mut headers = HeaderMap::new();
        lines.iter().for_each(|line| {
            headers.append(COOKIE, line.parse().unwrap());
        });
        read(&headers)
            .map(|found| found.map(|value| value.expose().clone()))
            .map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&["theme=dark; __Host-gatepass=gps_a; b=c"]), Ok(Some("gps_a".to_owned())));
        assert_eq!(of(&["theme=dark", "__Host-gatepass=gps_a"]), Ok(Some("gps_a".to_owned())));
        assert_eq!(of(&["gatepass=gps_a; __host-gatepass=x; x__Host-gatepass=y"]), Ok(None));
    }

    #[test]
    fn two_cookies_are_refused() {
        assert_eq!(of(&["__Host-gatepass=a; __Host-gatepass=a"]), Err(401));
        assert_eq!(of(&["__Host-gatepass=a", "__Host-gatepass=b"]), Err(401));
        let mut headers = HeaderMap::new();
        assert!(!is_there(&headers));
        headers.append(COOKIE, "__Host-gatepass=a; __Host-gatepass=b".parse().unwrap());
        assert!(is_there(&headers));
    }

    #[test]
    fn the_attributes_are_exactly_these() {
        let secret = SessionSecret::generate();
        let reply = set(Reply::ok(&()), &secret, Duration::from_secs(43_200));
        let expected = format!(
            "__Host-gatepass={}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200",
            secret.expose()
        );
        assert_eq!(reply.0.headers()[SET_COOKIE], expected.as_str());
        assert!(!format!("{reply:?}").contains(secret.expose().as_str()));
        let cleared = clear(Reply::ok(&()));
        let expected = "__Host-gatepass=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0";
        assert_eq!(cleared.0.headers()[SET_COOKIE], expected);
    }
}
