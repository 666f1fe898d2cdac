//! Users, and one's own password.

use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::api_keys::Tokens;
use super::paging::{NoFilters, asked};
use crate::access::{Limits, UserRole};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::name::UserName;
use crate::secret::Secret;
use crate::service::users::request::{UserChangeRequest, UserRequest};
use crate::store::UserRecord;

/// A user in a list.
#[derive(Serialize)]
struct UserItem {
    username: String,
    role: UserRole,
    limits: Limits,
    disabled: bool,
    created_at: Timestamp,
    password_set_at: Timestamp,
    disabled_at: Option<Timestamp>,
}

impl From<UserRecord> for UserItem {
    fn from(record: UserRecord) -> Self {
        let UserRecord { name, role, limits, epoch: _, created_at, changed_at, disabled_at } = record;
        let disabled = disabled_at.is_some();
        Self { username: name, role, limits, disabled, created_at, password_set_at: changed_at, disabled_at }
    }
}

/// `GET /api/v1/users`: a page of users, by name.
pub(super) async fn list(call: Call) -> Result<Reply, Problem> {
    let (paging, NoFilters {}) = asked(&call, "users")?;
    let users = call.authority.list_users(paging.query()?).await?;
    Ok(paging.rendered(users, UserItem::from))
}

/// `POST /api/v1/users`.
pub(super) async fn create(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<UserRequest>(&call.body)?;
    let order = request.judge(call.authority.settings(), faults)?;
    let user = call.authority.create_user(&call.caller(), order).await?;
    Ok(Reply::json(StatusCode::CREATED, &UserItem::from(user)))
}

/// `GET /api/v1/users/{name}`.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    Ok(Reply::ok(&UserItem::from(call.authority.show_user(&name(&call)?).await?)))
}

/// `PATCH /api/v1/users/{name}`: role, limits, standing.
pub(super) async fn change(call: Call) -> Result<Reply, Problem> {
    let name = name(&call)?;
    let (request, faults) = decode::native::<UserChangeRequest>(&call.body)?;
    let order = request.judge(call.authority.settings(), faults)?;
    let user = call.authority.change_user(&call.caller(), &name, &order).await?;
    Ok(Reply::ok(&UserItem::from(user)))
}

#[derive(Deserialize)]
struct NewPassword {
    password: String,
}

/// `PUT /api/v1/users/{name}/password`.
pub(super) async fn reset_password(call: Call) -> Result<Reply, Problem> {
    let name = name(&call)?;
    let NewPassword { password } = decode::strict(&call.body)?;
    call.authority.reset_password(&call.caller(), &name, Secret::new(password)).await?;
    Ok(done())
}

#[derive(Deserialize)]
struct OwnPassword {
    current: String,
    new: String,
}

/// `POST /api/v1/password`: one's own.
pub(super) async fn change_password(call: Call) -> Result<Reply, Problem> {
    let (OwnPassword { current, new }, faults) = decode::native(&call.body)?;
    let (current, new) = (Secret::new(current), Secret::new(new));
    let keep = call.session.as_ref().map(|session| session.id);
    call.authority.change_own_password(&call.caller(), &current, new, keep, faults).await?;
    Ok(done())
}

/// `POST /api/v1/users/{name}/sign-out`: everywhere.
pub(super) async fn sign_out(call: Call) -> Result<Reply, Problem> {
    call.authority.sign_out_user(&call.caller(), &name(&call)?).await?;
    Ok(done())
}

#[derive(Serialize)]
struct Deleted {
    username: UserName,
    api_keys_deleted: u64,
    tokens_revoked: u64,
}

/// `DELETE /api/v1/users/{name}`.
pub(super) async fn delete(call: Call) -> Result<Reply, Problem> {
    let username = name(&call)?;
    let revoke_tokens = call.query::<Tokens>()?.revoke();
    let gone = call.authority.delete_user(&call.caller(), &username, revoke_tokens).await?;
    Ok(Reply::ok(&Deleted { username, api_keys_deleted: gone.api_keys, tokens_revoked: gone.tokens }))
}

fn name(call: &Call) -> Result<UserName, Problem> {
    call.id("name", "user", |text| UserName::parse(text).ok())
}

/// There is nothing to tell.
fn done() -> Reply {
    let mut response = Response::new(bytes::Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Reply(response).header("cache-control", "no-store")
}
