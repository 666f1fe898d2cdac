//! The server's refusals (RFC 9457), as a client reads them.

use std::fmt;

use serde::Deserialize;

use crate::connect::Response;

/// A problem the server answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ServerProblem {
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// One line about the kind of problem.
    #[serde(default)]
    pub title: String,
    /// What is wrong here.
    #[serde(default)]
    pub detail: String,
    /// The stable word for it.
    #[serde(default)]
    pub code: String,
    /// The fields of the request that are wrong.
    #[serde(default)]
    pub fields: Vec<ProblemField>,
    /// The kind of credential that was refused, where this side knows it.
    #[serde(skip)]
    pub presented: Option<CredentialKind>,
    /// After how many seconds to try again (RFC 9110 section 10.2.3).
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

/// A kind of credential, for what to do when it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A user's name and password.
    Password,
    /// An API key.
    ApiKey,
    /// A session, or what the server leaves in its data directory: its own words say what to do.
    Other,
}

/// A field of a request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ProblemField {
    /// Its name.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl ServerProblem {
    /// The problem that an answer carries; one made of the status if it is not a problem document.
    pub fn of(response: &Response) -> Self {
        let mut problem: Self = serde_json::from_slice(&response.body).unwrap_or_default();
        problem.status = response.status.as_u16();
        problem.retry_after = retry_after(response);
        if problem.title.is_empty() {
            problem.title = response.status.canonical_reason().unwrap_or("refused").to_owned();
        }
        problem
    }

    /// Whether the same request may be answered otherwise a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self.status, 408 | 429 | 500 | 502 | 503 | 504)
    }

    /// What to do next, where the code says it.
    fn hint(&self) -> Option<&'static str> {
        Some(match self.code.as_str() {
            "token_used" | "token_exhausted" | "token_expired" | "token_revoked" => {
                "ask whoever administers gatepass for a new token"
            }
            "invalid_token" => "check that the whole token was pasted, and that it was made by this server",
            "host_revoked" => {
                "this key is shut out for good: `gatepass leave` removes it, then enroll with a new token"
            }
            "name_taken" => "choose another --name, or revoke the host that has it",
            "binding_mismatch" => "give the --name, --cluster or key that the token was made for",
            "lineage_conflict" => {
                "somebody uses a copy of this host's certificate: tell whoever administers gatepass"
            }
            "unauthenticated" => match self.presented {
                None => "sign in with `gatepass login`, or give --user and GATEPASS_PASSWORD",
                Some(CredentialKind::Password) => {
                    "check the user name (--user) and the password (GATEPASS_PASSWORD)"
                }
                Some(CredentialKind::ApiKey) => {
                    "check the API key: GATEPASS_API_KEY, or what `gatepass login` was given"
                }
                Some(CredentialKind::Other) => return None,
            },
            _ => return None,
        })
    }
}

fn retry_after(response: &Response) -> Option<u64> {
    response.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

impl fmt::Display for ServerProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where fields are named, the detail only repeats them.
        let plain = self.detail.is_empty() || !self.fields.is_empty();
        let text = if plain { &self.title } else { &self.detail };
        write!(f, "the server refused ({}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", printable(&self.code))?;
        }
        write!(f, "): {}", printable(text))?;
        for field in &self.fields {
            write!(f, "\n  {}: {}", printable(&field.field), printable(&field.message))?;
        }
        match (self.hint(), self.retry_after) {
            (Some(hint), _) => write!(f, "\n{hint}"),
            (None, Some(seconds)) => write!(f, "\ntry again in {seconds} s"),
            (None, None) => Ok(()),
        }
    }
}

/// What comes from outside must not move the cursor of a terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> Response {
        let status = http::StatusCode::from_u16(status).unwrap();
        Response { status, headers: http::HeaderMap::new(), body: bytes::Bytes::from(body.to_owned()) }
    }

    #[test]
    fn a_refusal_says_what_why_and_what_to_do() {
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
    fn what_to_do_about_a_refused_credential_is_about_the_one_that_was_presented() {
        let answer = response(401, r#"{"code":"unauthenticated","detail":"no"}"#);
        let hint = |presented| ServerProblem { presented, ..ServerProblem::of(&answer) }.to_string();
        assert!(hint(None).contains("gatepass login"));
        assert!(hint(Some(CredentialKind::ApiKey)).contains("GATEPASS_API_KEY"));
        let password = hint(Some(CredentialKind::Password));
        assert!(password.contains("GATEPASS_PASSWORD") && !password.contains("gatepass login"), "{password}");
        assert!(!hint(Some(CredentialKind::Other)).contains('\n'));
    }

    #[test]
    fn an_answer_that_is_no_problem_document_still_says_its_status() {
        assert!(ServerProblem::of(&response(502, "<html>")).to_string().contains("502"));
        assert!(ServerProblem::of(&response(502, "<html>")).is_transient());
    }

    #[test]
    fn control_characters_of_a_server_never_reach_the_terminal() {
        let problem = ServerProblem::of(&response(400, "{\"detail\":\"\\u001b[2J\"}"));
        assert!(!problem.to_string().contains('\u{1b}'));
    }
}
