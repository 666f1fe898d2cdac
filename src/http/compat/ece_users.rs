//! The sign-in of Elastic Cloud Enterprise. `ecctl` uses it before every command.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ece::dialect::ECE;
use super::ece::failed::BadRequest;
use super::with_millis;
use crate::access::{Actor, Permission as P, SessionKind, SessionSecret};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::credential::{self, Credential};
use crate::http::decode;
use crate::http::described::rows;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::route::Route;
use crate::secret::Secret;
use crate::service::AccountError;

/// The code of a body without any useful content.
const BAD_REQUEST: &str = "root.bad_request";

/// The rows.
pub fn routes() -> Vec<Route> {
    rows! {
        &ECE;
        ECE_SIGN_IN {
            P::SignIn => login;
            P::BeUser => refresh_login;
            P::Read => get_current_user;
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LoginRequest)]
struct Login {
    #[schema(example = "admin")]
    username: String,
    #[schema(value_type = String, format = "password", example = "correct horse battery staple")]
    password: Secret<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TokenResponse)]
struct EceSession<'a> {
    /// The secret of a session, for `Authorization: Bearer`.
    #[schema(example = "gps_…")]
    token: &'a str,
    /// Expiry, with milliseconds.
    #[schema(format = "date-time", example = "2030-01-01T00:00:00.000Z")]
    session_expiration_time: String,
}

impl<'a> EceSession<'a> {
    fn new(secret: &'a SessionSecret, expires_at: Timestamp) -> Self {
        Self { token: secret.expose(), session_expiration_time: with_millis(expires_at) }
    }
}

/// Sign in
///
/// For a session of up to seven days.
#[utoipa::path(
    post,
    path = "/api/v1/users/auth/_login",
    request_body = Login,
    responses((status = 200, description = "The session.", body = EceSession<'static>), BadRequest),
)]
async fn login(call: Call) -> Result<Reply, Problem> {
    let Login { username, password } = decode::lenient(&call.body).map_err(bad_request)?;
    let (username, password) = credential::kept((username, password));
    let (caller, authority) = (call.caller.clone(), Arc::clone(&call.authority));
    drop(call);
    let begun =
        authority.accounts.begin_session(&caller, (&username, &password), SessionKind::Bearer).await?;
    Ok(Reply::ok(&EceSession::new(&begun.secret, begun.live.expires_at)))
}

/// Refresh a session
///
/// Extends the session by its whole life; its token stays.
#[utoipa::path(
    post,
    path = "/api/v1/users/auth/_refresh",
    responses((status = 200, description = "The session.", body = EceSession<'static>)),
)]
async fn refresh_login(call: Call) -> Result<Reply, Problem> {
    let Credential::Session(secret) = Credential::of(call.head.headers())? else {
        return Err(Problem::unauthenticated("send the token of a session, as `Authorization: Bearer`"));
    };
    let secret = SessionSecret::parse(secret.expose()).ok_or(AccountError::SessionOver)?;
    let expires_at = call.authority.accounts.extend_session(&call.caller, secret.id()).await?;
    Ok(Reply::ok(&EceSession::new(&secret, expires_at)))
}

#[derive(Serialize, ToSchema)]
#[schema(as = User)]
struct CurrentUser {
    #[schema(example = "admin")]
    user_name: String,
}

/// Show the current user
///
/// The caller's name.
#[utoipa::path(
    get,
    path = "/api/v1/user",
    responses((status = 200, description = "The user.", body = CurrentUser)),
)]
async fn get_current_user(call: Call) -> Result<Reply, Problem> {
    let user_name = match &call.caller.actor {
        Actor::User(name) => name.clone(),
        other => other.to_string(),
    };
    Ok(Reply::ok(&CurrentUser { user_name }))
}

fn bad_request(problem: Problem) -> Problem {
    match problem.status() {
        StatusCode::BAD_REQUEST => problem.compat_code(BAD_REQUEST),
        _ => problem,
    }
}
