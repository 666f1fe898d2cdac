//! The server's refusals (RFC 9457), as read by a client.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;

use crate::clock::Timestamp;
use crate::connect::Response;
use crate::id::RequestId;
use crate::text::printable;
use crate::wire::ProblemBody;

/// A refusal of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerProblem {
    /// The answer's body.
    pub body: ProblemBody,
    /// The kind of the refused credential, if known.
    pub presented: Option<CredentialKind>,
    /// The URL of the server that refused a credential.
    pub server: Option<String>,
    /// The time of a retry.
    pub retry_after: Option<RetryAfter>,
    /// The time of the server.
    pub date: Option<Timestamp>,
    /// The id of the request in the server's log and ledger.
    pub request: Option<RequestId>,
}

/// The media type of every problem (RFC 9457 section 3).
const MEDIA_TYPE: &str = "application/problem+json";
/// The header with the id of a request.
const REQUEST_ID: &str = "x-request-id";
/// The types of all problems begin with it; the code follows.
const KINDS: &str = "urn:gatepass:problem:";

/// A kind of credential, for the advice after a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// The name of a user, and a password.
    Password(String),
    /// A key that starts with `gpk_`.
    ApiKey,
    /// A session or the local credential: the server's own text has the advice.
    Other,
}

/// A `Retry-After` field (RFC 9110 section 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds after the answer.
    Seconds(u64),
    /// A moment, by the server's clock, and the time of the answer by the same clock if it is known.
    At(Timestamp, Option<Timestamp>),
}

impl RetryAfter {
    /// The field of an answer. A value of another form counts as none.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
        match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true if text.is_empty() => None,
            // More digits than fit are as good as forever.
            true => Some(Self::Seconds(text.parse().unwrap_or(u64::MAX))),
            false => Some(Self::At(http_date(text)?, server_time(headers))),
        }
    }

    /// The pause that it asks for, of an answer that arrived at `now`.
    pub fn pause(self, now: Timestamp) -> Duration {
        match self {
            Self::Seconds(seconds) => Duration::from_secs(seconds),
            Self::At(at, date) => at.since(date.unwrap_or(now)),
        }
    }
}

impl ServerProblem {
    /// The problem in an answer, if gatepass wrote it. A proxy's page is not one, and neither is JSON of another program.
    pub fn of(response: &Response) -> Option<Self> {
        let media_type = response.headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
        let body: ProblemBody = serde_json::from_slice(&response.body).ok()?;
        let own = media_type == MEDIA_TYPE
            && body.kind.strip_prefix(KINDS) == Some(&body.code)
            && body.status == response.status.as_u16();
        own.then(|| Self {
            body,
            presented: None,
            server: None,
            retry_after: RetryAfter::of(&response.headers),
            date: server_time(&response.headers),
            request: response.headers.get(REQUEST_ID).and_then(|id| RequestId::parse(id.to_str().ok()?)),
        })
    }

    /// Returns true if the fault is in the request: the command line asked for something that no server accepts.
    pub fn is_usage(&self) -> bool {
        self.body.code == "invalid_request"
    }

    /// Returns true if a retry of the same request can succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self.body.status, 408 | 429 | 500 | 502 | 503 | 504)
    }

    /// Advice for the code, if any.
    fn hint(&self) -> Option<&'static str> {
        Some(match self.body.code.as_str() {
            "token_used" | "token_exhausted" | "token_expired" | "token_revoked" => {
                "ask an administrator of the authority for a new token"
            }
            "token_suspended" => "run the same command again after an administrator has released the token",
            "invalid_token" => "check that the token is complete, and that it is from this server",
            "host_revoked" => {
                "this key is revoked for good: remove it with `gatepass leave`, then enroll with a new token"
            }
            "host_unknown" => {
                "ask an administrator of the authority for a token, and enroll again with `--replace`"
            }
            "enrollment_denied" => {
                "the refused key is removed from this host: ask an administrator of the authority before you enroll again"
            }
            "enrollment_expired" => "run the same command again for a new enrollment",
            "enrollment_changed" => "give --name and --cluster as in the first run",
            "name_taken" => "give another --name, or revoke the host with this name",
            "certificate_superseded" => "run the command with the directory that the host renews",
            "lineage_conflict" => {
                "a copy of this host's certificate is in use: inform an administrator of the authority"
            }
            "host_quarantined" => {
                "inform an administrator of the authority: no retry helps before the decision"
            }
            "unauthenticated" => match &self.presented {
                None => "sign in with `gatepass login`, or give --user and GATEPASS_PASSWORD",
                Some(CredentialKind::Password(_)) => {
                    "check the user name (--user) and the password (GATEPASS_PASSWORD)"
                }
                Some(CredentialKind::ApiKey) => {
                    "check the API key: GATEPASS_API_KEY, or the one of `gatepass login`"
                }
                Some(CredentialKind::Other) => return None,
            },
            _ => return None,
        })
    }
}

/// The time of the server (RFC 9110 section 6.6.1).
pub(super) fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(http::header::DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<Timestamp> {
    let at = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    Some(Timestamp::from_millis(at.timestamp_millis()))
}

impl fmt::Display for ServerProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With named fields, the detail only repeats them.
        let ProblemBody { title, status, detail, code, fields, .. } = &self.body;
        let text = if detail.is_empty() || !fields.is_empty() { title } else { detail };
        match &self.server {
            Some(server) => write!(f, "the server at {server} refused")?,
            None => write!(f, "the server refused")?,
        }
        if let (Some(CredentialKind::Password(user)), 401) = (&self.presented, *status) {
            write!(f, " the user {}", printable(user))?;
        }
        write!(f, " ({status}")?;
        if !code.is_empty() {
            write!(f, " {}", printable(code))?;
        }
        write!(f, "): {}", printable(text))?;
        for field in fields {
            write!(f, "\n  {}: {}", printable(&field.field), printable(&field.message))?;
        }
        match (self.hint(), self.retry_after) {
            (Some(hint), _) => write!(f, "\n{hint}"),
            (None, Some(RetryAfter::Seconds(seconds))) => write!(f, "\ntry again in {seconds} s"),
            (None, Some(RetryAfter::At(at, _))) => write!(f, "\ntry again after {at}"),
            (None, None) => Ok(()),
        }?;
        self.request.map_or(Ok(()), |id| write!(f, "\nrequest id, for the server's log: {id}"))
    }
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_TYPE, DATE, HeaderValue, RETRY_AFTER};

    use super::*;

    fn response(status: u16, body: &str) -> Response {
        let status = http::StatusCode::from_u16(status).unwrap();
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))]);
        Response { status, headers, body: bytes::Bytes::from(body.to_owned()) }
    }

    fn problem(status: u16, code: &str, detail: &str) -> Response {
        let (kind, title) = (format!("{KINDS}{code}"), String::from("Title"));
        let (code, detail) = (code.to_owned(), detail.to_owned());
        let body = ProblemBody { kind, title, status, detail, code, fields: Vec::new() };
        response(status, &serde_json::to_string(&body).unwrap())
    }

    #[test]
    fn a_refusal_has_code_reason_and_advice() {
        let problem = ServerProblem::of(&problem(410, "token_used", "the token is spent")).unwrap();
        let text = problem.to_string();
        assert!(
            text.contains("410 token_used")
                && text.contains("the token is spent")
                && text.contains("new token"),
            "{text}"
        );
        assert!(!problem.is_transient());
    }

    #[test]
    fn the_advice_is_for_the_presented_credential() {
        let refused = ServerProblem::of(&problem(401, "unauthenticated", "no")).unwrap();
        let hint = |presented| ServerProblem { presented, ..refused.clone() }.to_string();
        assert!(hint(None).contains("gatepass login"));
        assert!(hint(Some(CredentialKind::ApiKey)).contains("GATEPASS_API_KEY"));
        let password = hint(Some(CredentialKind::Password(String::from("anna"))));
        assert!(password.contains("GATEPASS_PASSWORD") && !password.contains("gatepass login"), "{password}");
        assert!(password.contains("refused the user anna (401"), "{password}");
        assert!(!hint(Some(CredentialKind::Other)).contains('\n'));
    }

    #[test]
    fn only_gatepass_own_document_is_a_refusal() {
        let own = problem(403, "host_revoked", "no");
        assert!(ServerProblem::of(&own).is_some());
        let text = String::from_utf8(own.body.to_vec()).unwrap();
        for other in [
            response(502, "<html>"),
            response(403, "{\"code\":\"host_revoked\"}"),
            response(403, &text.replace(KINDS, "about:")),
            response(403, &text.replace("problem:host_revoked", "problem:other")),
            response(404, &text),
            Response { headers: HeaderMap::new(), ..own },
        ] {
            assert_eq!(ServerProblem::of(&other), None, "{other:?}");
        }
    }

    #[test]
    fn a_refusal_names_its_request() {
        let id = "0198c0de-aa00-7123-8456-789abcdef012";
        let refused = |header: &'static str| {
            let mut response = problem(404, "not_found", "no");
            response.headers.insert(REQUEST_ID, HeaderValue::from_static(header));
            ServerProblem::of(&response).unwrap().to_string()
        };
        assert!(refused(id).ends_with(&format!("log: {id}")), "{}", refused(id));
        assert!(!refused("\tsomething else").contains("log:"));
    }

    #[test]
    fn control_characters_of_a_server_never_reach_the_terminal() {
        let problem = ServerProblem::of(&problem(400, "invalid_request", "\u{1b}[2J")).unwrap();
        assert!(!problem.to_string().contains('\u{1b}'));
    }

    #[test]
    fn a_retry_is_in_seconds_or_at_a_date() {
        let read = |field: &'static str, date: Option<&'static str>| {
            let mut headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(field))]);
            headers.extend(date.map(|date| (DATE, HeaderValue::from_static(date))));
            let now = Timestamp::parse_rfc3339("2030-01-01T00:00:00Z").unwrap();
            RetryAfter::of(&headers).map(|retry| retry.pause(now).as_secs())
        };
        assert_eq!(read("300", None), Some(300));
        assert_eq!(read("99999999999999999999999", None), Some(u64::MAX));
        let date = "Tue, 01 Jan 2030 00:05:00 GMT";
        assert_eq!(read(date, None), Some(300), "by this machine's clock");
        assert_eq!(read(date, Some("Tue, 01 Jan 2030 00:04:00 GMT")), Some(60), "by the server's clock");
        assert_eq!(read("Mon, 31 Dec 2029 00:00:00 GMT", None), Some(0), "in the past");
        for wrong in ["", "soon", "-1", "1.5"] {
            assert_eq!(read(wrong, None), None, "{wrong}");
        }
    }
}
