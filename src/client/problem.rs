//! The server's refusals (RFC 9457), as read by a client.

use std::fmt;

use http::HeaderMap;

use crate::clock::Timestamp;
use crate::connect::Response;
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
    /// Seconds until a retry (RFC 9110 section 10.2.3).
    pub retry_after: Option<u64>,
    /// The time of the server.
    pub date: Option<Timestamp>,
}

/// A kind of credential, for the advice after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// User name and password.
    Password,
    /// A key that starts with `gpk_`.
    ApiKey,
    /// A session or the local credential: the server's own text has the advice.
    Other,
}

impl ServerProblem {
    /// The problem in an answer. An answer without a problem document gives one with the status.
    pub fn of(response: &Response) -> Self {
        let mut body: ProblemBody = serde_json::from_slice(&response.body).unwrap_or_default();
        body.status = response.status.as_u16();
        if body.title.is_empty() {
            body.title = response.status.canonical_reason().unwrap_or("refused").to_owned();
        }
        Self {
            body,
            presented: None,
            server: None,
            retry_after: retry_after(response),
            date: server_time(&response.headers),
        }
    }

    /// Returns true if gatepass wrote the answer, not a proxy or another server.
    pub fn is_of_gatepass(&self) -> bool {
        self.body.kind.starts_with("urn:gatepass:problem:")
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
            "invalid_token" => "check that the token is complete, and that it is from this server",
            "host_revoked" => {
                "this key is revoked for good: remove it with `gatepass leave`, then enroll with a new token"
            }
            "name_taken" => "give another --name, or revoke the host with this name",
            "binding_mismatch" => "give the --name, --cluster or key that the token allows",
            "lineage_conflict" => {
                "a copy of this host's certificate is in use: inform an administrator of the authority"
            }
            "unauthenticated" => match self.presented {
                None => "sign in with `gatepass login`, or give --user and GATEPASS_PASSWORD",
                Some(CredentialKind::Password) => {
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
    let date = headers.get(http::header::DATE)?.to_str().ok()?;
    let at = chrono::DateTime::parse_from_rfc2822(date).ok()?;
    Some(Timestamp::from_millis(at.timestamp_millis()))
}

fn retry_after(response: &Response) -> Option<u64> {
    response.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

impl fmt::Display for ServerProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With named fields, the detail only repeats them.
        let ProblemBody { title, status, detail, code, fields, .. } = &self.body;
        let text = if detail.is_empty() || !fields.is_empty() { title } else { detail };
        match &self.server {
            Some(server) => write!(f, "the server at {server} refused ({status}")?,
            None => write!(f, "the server refused ({status}")?,
        }
        if !code.is_empty() {
            write!(f, " {}", printable(code))?;
        }
        write!(f, "): {}", printable(text))?;
        for field in fields {
            write!(f, "\n  {}: {}", printable(&field.field), printable(&field.message))?;
        }
        match (self.hint(), self.retry_after) {
            (Some(hint), _) => write!(f, "\n{hint}"),
            (None, Some(seconds)) => write!(f, "\ntry again in {seconds} s"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> Response {
        let status = http::StatusCode::from_u16(status).unwrap();
        Response { status, headers: HeaderMap::new(), body: bytes::Bytes::from(body.to_owned()) }
    }

    #[test]
    fn a_refusal_has_code_reason_and_advice() {
        let problem = ServerProblem::of(&response(
            410,
            r#"{"title":"Gone","detail":"the token is spent","code":"token_used"}"#,
        ));
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
        let answer = response(401, r#"{"code":"unauthenticated","detail":"no"}"#);
        let hint = |presented| ServerProblem { presented, ..ServerProblem::of(&answer) }.to_string();
        assert!(hint(None).contains("gatepass login"));
        assert!(hint(Some(CredentialKind::ApiKey)).contains("GATEPASS_API_KEY"));
        let password = hint(Some(CredentialKind::Password));
        assert!(password.contains("GATEPASS_PASSWORD") && !password.contains("gatepass login"), "{password}");
        assert!(!hint(Some(CredentialKind::Other)).contains('\n'));
    }

    #[test]
    fn an_answer_without_a_problem_document_has_its_status() {
        assert!(ServerProblem::of(&response(502, "<html>")).to_string().contains("502"));
        assert!(ServerProblem::of(&response(502, "<html>")).is_transient());
    }

    #[test]
    fn control_characters_of_a_server_never_reach_the_terminal() {
        let problem = ServerProblem::of(&response(400, "{\"detail\":\"\\u001b[2J\"}"));
        assert!(!problem.to_string().contains('\u{1b}'));
    }
}
