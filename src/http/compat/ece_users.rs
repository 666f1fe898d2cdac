//! The sign-in of Elastic Cloud Enterprise. `ecctl` uses it before every command.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ece::dialect::ECE;
use crate::access::{Actor, Permission, SessionKind, SessionSecret};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::credential::{self, Credential};
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::route::Route;
use crate::secret::Secret;
use crate::service::AccountError;

/// The code of a body without any useful content.
const BAD_REQUEST: &str = "root.bad_request";

/// The rows.
pub fn routes() -> Vec<Route> {
    vec![
        Route::of(&ECE, (Method::POST, "/api/v1/users/auth/_login"), Permission::SignIn, login),
        Route::of(&ECE, (Method::POST, "/api/v1/users/auth/_refresh"), Permission::BeUser, refresh),
        Route::of(&ECE, (Method::GET, "/api/v1/user"), Permission::Read, user),
    ]
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: Secret<String>,
}

#[derive(Serialize)]
struct EceSession<'a> {
    token: &'a str,
    session_expiration_time: String,
}

impl<'a> EceSession<'a> {
    fn new(secret: &'a SessionSecret, expires_at: Timestamp) -> Self {
        Self { token: secret.expose(), session_expiration_time: with_millis(expires_at) }
    }
}

/// `POST …/_login`.
async fn login(call: Call) -> Result<Reply, Problem> {
    let Login { username, password } = decode::lenient(&call.body).map_err(bad_request)?;
    let (username, password) = credential::kept((username, password));
    let (caller, authority) = (call.caller.clone(), Arc::clone(&call.authority));
    drop(call);
    let begun =
        authority.accounts.begin_session(&caller, (&username, &password), SessionKind::Bearer).await?;
    Ok(Reply::ok(&EceSession::new(&begun.secret, begun.live.expires_at)))
}

/// `POST …/_refresh`: extends the session by its whole life; its token stays.
async fn refresh(call: Call) -> Result<Reply, Problem> {
    let Credential::Session(secret) = Credential::of(call.head.headers())? else {
        return Err(Problem::unauthenticated("send the token of a session, as `Authorization: Bearer`"));
    };
    let secret = SessionSecret::parse(secret.expose()).ok_or(AccountError::SessionOver)?;
    let expires_at = call.authority.accounts.extend_session(&call.caller, secret.id()).await?;
    Ok(Reply::ok(&EceSession::new(&secret, expires_at)))
}

/// `GET /api/v1/user`.
async fn user(call: Call) -> Result<Reply, Problem> {
    let name = match &call.caller.actor {
        Actor::User(name) => name.clone(),
        other => other.to_string(),
    };
    Ok(Reply::ok(&json!({ "user_name": name })))
}

/// Formats with milliseconds always: some readers parse only one form.
fn with_millis(at: Timestamp) -> String {
    let at = DateTime::from_timestamp_millis(at.millis()).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn bad_request(problem: Problem) -> Problem {
    match problem.status() {
        StatusCode::BAD_REQUEST => problem.compat_code(BAD_REQUEST),
        _ => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expiry_has_milliseconds_and_a_z() {
        let at = Timestamp::parse_rfc3339("2030-01-01T00:00:00Z").unwrap();
        assert_eq!(with_millis(at), "2030-01-01T00:00:00.000Z");
    }
}
