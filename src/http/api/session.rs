//! `/api/v1/session`: signing in for a session, looking at who one is, signing out.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::paging::Flag;
use crate::access::{Limits, Permission, Permissions, Rights, SessionKind, UserRole};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::credential::Credential;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::{cookie, decode};
use crate::secret::Secret;
use crate::service::sessions::{LiveSession, NewSession};
use crate::service::{Authority, FieldError};

#[derive(Deserialize)]
struct Begin {
    username: Option<String>,
    password: Option<String>,
    kind: Option<SessionKind>,
}

/// A session as answers show it.
#[derive(Serialize)]
struct SessionShown<'a> {
    kind: SessionKind,
    expires_at: Timestamp,
    idle_after: Timestamp,
    /// What a request that changes something repeats in `X-CSRF-Token`; cookie sessions alone have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<&'a str>,
}

impl<'a> SessionShown<'a> {
    fn new(session: &'a LiveSession) -> Self {
        let csrf_token = session.csrf.as_ref().map(|token| token.expose().as_str());
        let LiveSession { kind, expires_at, idle_after, .. } = *session;
        Self { kind, expires_at, idle_after, csrf_token }
    }
}

/// A user and what it may do at this moment.
#[derive(Serialize)]
struct UserShown<'a> {
    name: &'a str,
    role: UserRole,
    permissions: Vec<&'static str>,
    limits: &'a Limits,
}

#[derive(Serialize)]
struct Begun<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    #[serde(flatten)]
    shown: SessionShown<'a>,
    user: UserShown<'a>,
}

#[derive(Serialize)]
struct Who<'a> {
    /// As the ledger names it.
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserShown<'a>>,
    permissions: Vec<&'static str>,
    limits: &'a Limits,
    #[serde(flatten)]
    session: Option<SessionShown<'a>>,
}

/// `POST /api/v1/session`: name and password in the body, or as Basic credentials.
pub(super) async fn create(call: Call) -> Result<Reply, Problem> {
    let Begin { username, password, kind } = decode::strict(&call.body)?;
    let (name, password) = given(&call, username, password.map(Secret::new))?;
    let kind = kind.unwrap_or(SessionKind::Bearer);
    let begun = call.authority.begin_session(&call.caller(), (&name, &password), kind).await?;
    Ok(render(&call.authority, &begun))
}

/// The name and the password, which stand in one place.
fn given(
    call: &Call,
    name: Option<String>,
    password: Option<Secret<String>>,
) -> Result<(String, Secret<String>), Problem> {
    let basic = match Credential::of(&call.headers)? {
        Credential::None => None,
        Credential::Basic { user, password } => Some((user, password)),
        _ => return Err(Problem::unauthenticated("a session begins with a user name and a password alone")),
    };
    let missing = |field: &str| Problem::invalid_fields(vec![FieldError::new(field, "is missing")]);
    match (basic, name, password) {
        (Some(basic), None, None) => Ok(basic),
        (Some(_), ..) => {
            let detail =
                "give the user name and the password in the body or in the Authorization header, not in both";
            Err(Problem::bad_request(detail))
        }
        (None, Some(name), Some(password)) => Ok((name, password)),
        (None, Some(_), None) => Err(missing("password")),
        (None, None, Some(_)) => Err(missing("username")),
        (None, None, None) => Err(Problem::unauthenticated("sign in with a user name and a password")),
    }
}

fn render(authority: &Authority, begun: &NewSession) -> Reply {
    let NewSession { secret, live, user } = begun;
    let session = (live.kind == SessionKind::Bearer).then(|| secret.expose().as_str());
    let rights = Rights::of_role(user.role, user.limits.clone());
    let user = UserShown {
        name: &user.name,
        role: user.role,
        permissions: names(rights.permissions),
        limits: &rights.limits,
    };
    let reply = Reply::json(StatusCode::CREATED, &Begun { session, shown: SessionShown::new(live), user });
    match live.kind {
        SessionKind::Bearer => reply,
        SessionKind::Cookie => cookie::set(reply, secret, live.expires_at.since(authority.now())),
    }
}

/// `GET /api/v1/session`: who asks, and what that allows.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let user = call.authority.user_of(&call.actor).await?;
    let user = user.as_ref().map(|user| UserShown {
        name: &user.name,
        role: user.role,
        permissions: names(call.rights.permissions),
        limits: &call.rights.limits,
    });
    Ok(Reply::ok(&Who {
        actor: call.actor.to_string(),
        user,
        permissions: names(call.rights.permissions),
        limits: &call.rights.limits,
        session: call.session.as_deref().map(SessionShown::new),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    #[serde(default)]
    everywhere: Flag,
}

/// `DELETE /api/v1/session`: this one, or all of the user's with `?everywhere=true`.
pub(super) async fn delete(call: Call) -> Result<Reply, Problem> {
    let Where { everywhere: Flag(everywhere) } = call.query()?;
    let caller = call.caller();
    let signed_out = match everywhere {
        true => {
            call.authority.sign_out_everywhere(&caller).await?;
            "everywhere"
        }
        false => {
            call.authority.end_session(&caller, call.session()?.id).await?;
            "here"
        }
    };
    let reply = Reply::ok(&json!({ "signed_out": signed_out }));
    let cookie = call.session.as_ref().is_some_and(|session| session.kind == SessionKind::Cookie);
    Ok(if cookie { cookie::clear(reply) } else { reply })
}

/// Permissions by the scopes that give them.
fn names(permissions: Permissions) -> Vec<&'static str> {
    permissions.beyond(Permissions::NONE).filter_map(Permission::scope).collect()
}
