//! `/api/v1/session`: sign in, show the caller, sign out.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::{Limits, Permission, Permissions, Rights, SessionKind, UserRole};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::credential::{self, Credential};
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::request::flag;
use crate::http::{cookie, decode};
use crate::id::ApiKeyId;
use crate::name::{Label, UserName};
use crate::secret::Secret;
use crate::service::Authority;
use crate::service::accounts::sessions::{LiveSession, NewSession};
use crate::store::{ApiKeyRecord, ApiKeyTerms};

#[derive(Deserialize, ToSchema)]
#[schema(as = SignInRequest, example = json!({ "username": "ops", "password": "correct horse battery staple", "kind": "bearer" }))]
struct SignIn {
    /// Required unless Basic credentials are sent.
    username: Option<String>,
    /// Required unless Basic credentials are sent.
    #[schema(value_type = Option<String>, format = "password")]
    password: Option<Secret<String>>,
    /// Kind of the session; default: bearer.
    kind: Option<SessionKind>,
}

/// A session in answers.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionShown<'a> {
    kind: SessionKind,
    expires_at: Timestamp,
    /// End of the session unless it is used.
    idle_after: Timestamp,
    /// CSRF token for the header `X-CSRF-Token` of changes; only cookie sessions have one.
    #[schema(nullable = false, example = "iZ0x…")]
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

/// A user with its current rights.
#[derive(Serialize, ToSchema)]
struct SignedInUser<'a> {
    #[schema(value_type = UserName)]
    name: &'a str,
    role: UserRole,
    #[schema(example = json!(["tokens:read", "tokens:write"]))]
    permissions: Vec<&'static str>,
    limits: &'a Limits,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CreatedSession)]
struct BegunSession<'a> {
    /// The secret of a bearer session; shown once. A cookie session has it in its cookie.
    #[schema(nullable = false, example = "gps_…")]
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    #[serde(flatten)]
    shown: SessionShown<'a>,
    user: SignedInUser<'a>,
}

/// The key that sent the request.
#[derive(Serialize, ToSchema)]
struct CallingApiKey {
    id: ApiKeyId,
    label: Label,
    /// Owner of the key; `null`: the authority.
    #[schema(required, example = "ops")]
    owner: Option<String>,
    /// Expiry; `null`: until deleted.
    #[schema(required)]
    expires_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Caller)]
struct ShownCaller<'a> {
    /// The actor, as in the ledger.
    #[schema(example = "user:ops")]
    actor: String,
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<SignedInUser<'a>>,
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<CallingApiKey>,
    /// The rights, as scopes.
    #[schema(example = json!(["tokens:read", "tokens:write"]))]
    permissions: Vec<&'static str>,
    limits: &'a Limits,

    /// Kind of the session. This and the next members are present for sessions only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    kind: Option<SessionKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    idle_after: Option<Timestamp>,
    /// CSRF token of a cookie session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "iZ0x…")]
    csrf_token: Option<&'a str>,
}

/// Sign in for a session
///
/// Name and password are in the body or in Basic credentials. Browsers use a cookie session, programs a bearer session.
#[utoipa::path(
    post,
    path = "/api/v1/session",
    request_body = SignIn,
    responses((status = 201, description = "The session.", body = BegunSession<'static>)),
)]
pub(super) async fn sign_in(call: Call) -> Result<Reply, Problem> {
    let SignIn { username, password, kind } = decode::strict(&call.body)?;
    let (name, password) = credential::kept(given(&call, username, password)?);
    let kind = kind.unwrap_or(SessionKind::Bearer);
    let (caller, authority) = (call.caller.clone(), Arc::clone(&call.authority));
    drop(call);
    let begun = authority.accounts.begin_session(&caller, (&name, &password), kind).await?;
    Ok(render(&authority, &begun))
}

/// Name and password, from either the body or the header.
fn given(
    call: &Call,
    name: Option<String>,
    password: Option<Secret<String>>,
) -> Result<(String, Secret<String>), Problem> {
    let basic = match Credential::of(call.head.headers())? {
        Credential::None => None,
        Credential::Basic { user, password } => Some((user, password)),
        _ => return Err(Problem::unauthenticated("only a user name and a password begin a session")),
    };
    let missing = |field: &str| Problem::invalid_field(field, "is missing");
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
    let user = SignedInUser {
        name: &user.name,
        role: user.role,
        permissions: names(rights.permissions),
        limits: &rights.limits,
    };
    let reply =
        Reply::json(StatusCode::CREATED, &BegunSession { session, shown: SessionShown::new(live), user });
    match live.kind {
        SessionKind::Bearer => reply,
        SessionKind::Cookie => cookie::set(reply, secret, live.expires_at.since(authority.time.now())),
    }
}

/// Show the caller
///
/// With its current rights.
#[utoipa::path(
    get,
    path = "/api/v1/session",
    responses((status = 200, description = "The caller and its rights.", body = ShownCaller<'static>)),
)]
pub(super) async fn show_session(call: Call) -> Result<Reply, Problem> {
    let user = call.authority.accounts.user_of(&call.caller.actor).await?;
    let user = user.as_ref().map(|user| SignedInUser {
        name: &user.name,
        role: user.role,
        permissions: names(call.caller.rights.permissions),
        limits: &call.caller.rights.limits,
    });
    let api_key = call.authority.accounts.api_key_of(&call.caller.actor).await?;
    let api_key =
        api_key.map(|ApiKeyRecord { id, terms: ApiKeyTerms { label, expires_at, .. }, owner, .. }| {
            CallingApiKey { id, label, owner, expires_at }
        });
    let session = call.live_session().map(SessionShown::new);
    Ok(Reply::ok(&ShownCaller {
        actor: call.caller.actor.to_string(),
        user,
        api_key,
        permissions: names(call.caller.rights.permissions),
        limits: &call.caller.rights.limits,
        kind: session.map(|session| session.kind),
        expires_at: session.map(|session| session.expires_at),
        idle_after: session.map(|session| session.idle_after),
        csrf_token: session.and_then(|session| session.csrf_token),
    }))
}

/// The ended sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = SignOutResult)]
struct SignedOut {
    signed_out: SignedOutOf,
}

/// One session, or all sessions of the user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SignedOutSessions)]
enum SignedOutOf {
    Here,
    Everywhere,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SignOutQuery {
    /// True: end all sessions of the user.
    #[param(default = false, example = true)]
    #[serde(default, deserialize_with = "flag")]
    everywhere: Option<bool>,
}

/// Sign out
///
/// Ends this session, or with `everywhere=true` all sessions of the user. Effective with the next request.
#[utoipa::path(
    delete,
    path = "/api/v1/session",
    params(SignOutQuery),
    responses((status = 200, description = "Signed out.", body = SignedOut)),
)]
pub(super) async fn sign_out(call: Call) -> Result<Reply, Problem> {
    let SignOutQuery { everywhere } = call.query()?;
    let (accounts, caller) = (&call.authority.accounts, &call.caller);
    let signed_out = if everywhere == Some(true) {
        accounts.sign_out_everywhere(caller).await?;
        SignedOutOf::Everywhere
    } else {
        accounts.end_session(caller, call.session()?.id).await?;
        SignedOutOf::Here
    };
    let reply = Reply::ok(&SignedOut { signed_out });
    let cookie = call.live_session().is_some_and(|session| session.kind == SessionKind::Cookie);
    Ok(if cookie { cookie::clear(reply) } else { reply })
}

/// Permissions as scopes.
fn names(permissions: Permissions) -> Vec<&'static str> {
    permissions.beyond(Permissions::NONE).filter_map(Permission::scope).collect()
}
