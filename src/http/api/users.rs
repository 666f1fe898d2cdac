//! Users, and one's own password.

use std::sync::Arc;

use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api_keys::Tokens;
use super::paging::{Asked, Listed, NoFilters, asked};
use crate::access::{Limits, UserRole};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::openapi::tags;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::{UserChangeRequest, UserRequest};
use crate::name::UserName;
use crate::secret::Secret;
use crate::store::UserRecord;

/// A user in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
struct UserItem {
    /// The name, which never changes.
    #[schema(value_type = UserName)]
    id: String,
    #[schema(value_type = UserName)]
    username: String,
    role: UserRole,
    limits: Limits,
    disabled: bool,
    created_at: Timestamp,
    password_set_at: Timestamp,
    #[schema(required)]
    disabled_at: Option<Timestamp>,
}

impl From<UserRecord> for UserItem {
    fn from(record: UserRecord) -> Self {
        let UserRecord { name, role, limits, epoch: _, version: _, created_at, changed_at, disabled_at } =
            record;
        let disabled = disabled_at.is_some();
        Self {
            id: name.clone(),
            username: name,
            role,
            limits,
            disabled,
            created_at,
            password_set_at: changed_at,
            disabled_at,
        }
    }
}

/// List users
///
/// A page of users, by name.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    operation_id = "list_users",
    tag = tags::USERS,
    params(Asked),
    responses((status = 200, description = "A page of users.", body = Listed<UserItem>), code::InvalidRequest),
)]
pub(super) async fn list(call: Call) -> Result<Reply, Problem> {
    let (paging, NoFilters {}) = asked(&call, "users")?;
    let users = call.authority.accounts.list_users(paging.query()?).await?;
    Ok(paging.rendered(users, UserItem::from))
}

/// Create a user
#[utoipa::path(
    post,
    path = "/api/v1/users",
    operation_id = "create_user",
    tag = tags::USERS,
    request_body = UserRequest,
    responses(
        (status = 201, description = "The user.", body = UserItem),
        code::BeyondLimits,
        code::UserExists,
    ),
)]
pub(super) async fn create(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<UserRequest>(&call.body)?;
    let order = request.judge(&call.authority.roles, faults)?;
    let user = call.authority.accounts.create_user(&call.caller, order).await?;
    Ok(Reply::json(StatusCode::CREATED, &UserItem::from(user)))
}

/// Show a user
#[utoipa::path(
    get,
    path = "/api/v1/users/{name}",
    operation_id = "show_user",
    tag = tags::USERS,
    params(("name" = UserName, Path, description = "Name of the user.")),
    responses((status = 200, description = "The user.", body = UserItem), code::NotFound),
)]
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    Ok(Reply::ok(&UserItem::from(call.authority.accounts.show_user(&name(&call)?).await?)))
}

/// Change a user
///
/// Role, limits, `disabled`. Absent members stay. Effective with the next request.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{name}",
    operation_id = "change_user",
    tag = tags::USERS,
    params(("name" = UserName, Path, description = "Name of the user.")),
    request_body = UserChangeRequest,
    responses(
        (status = 200, description = "The changed user.", body = UserItem),
        code::BeyondLimits,
        code::NotFound,
        code::LastAdmin,
    ),
)]
pub(super) async fn change(call: Call) -> Result<Reply, Problem> {
    let name = name(&call)?;
    let (request, faults) = decode::native::<UserChangeRequest>(&call.body)?;
    let order = request.judge(&call.authority.roles, faults)?;
    let user = call.authority.accounts.change_user(&call.caller, &name, &order).await?;
    Ok(Reply::ok(&UserItem::from(user)))
}

#[derive(Deserialize, ToSchema)]
struct NewPassword {
    /// 12 to 128 characters, and not a common password.
    #[schema(
        value_type = String,
        format = "password",
        min_length = 12,
        max_length = 128,
        example = "correct horse battery staple"
    )]
    password: Secret<String>,
}

/// Reset a user's password
///
/// Ends every session of the user.
#[utoipa::path(
    put,
    path = "/api/v1/users/{name}/password",
    operation_id = "reset_password",
    tag = tags::USERS,
    params(("name" = UserName, Path, description = "Name of the user.")),
    request_body = NewPassword,
    responses((status = 204, description = "The password is set."), code::BeyondLimits, code::NotFound),
)]
pub(super) async fn reset_password(call: Call) -> Result<Reply, Problem> {
    let name = name(&call)?;
    let NewPassword { password } = decode::strict(&call.body)?;
    call.authority.accounts.reset_password(&call.caller, &name, password).await?;
    Ok(done())
}

#[derive(Deserialize, ToSchema)]
struct OwnPassword {
    #[schema(value_type = String, format = "password", example = "a password that was good")]
    current: Secret<String>,
    /// 12 to 128 characters, and not a common password.
    #[schema(
        value_type = String,
        format = "password",
        min_length = 12,
        max_length = 128,
        example = "correct horse battery staple"
    )]
    new: Secret<String>,
}

/// Change one's own password
#[utoipa::path(
    post,
    path = "/api/v1/password",
    operation_id = "change_password",
    tag = tags::USERS,
    request_body = OwnPassword,
    responses((status = 204, description = "The password is changed.")),
)]
pub(super) async fn change_password(call: Call) -> Result<Reply, Problem> {
    let (OwnPassword { current, new }, faults) = decode::native(&call.body)?;
    let keep = call.live_session().map(|session| session.id);
    let (caller, authority) = (call.caller.clone(), Arc::clone(&call.authority));
    drop(call);
    authority.accounts.change_own_password(&caller, &current, new, keep, faults).await?;
    Ok(done())
}

/// Sign a user out everywhere
#[utoipa::path(
    post,
    path = "/api/v1/users/{name}/sign-out",
    operation_id = "sign_out_user",
    tag = tags::USERS,
    params(("name" = UserName, Path, description = "Name of the user.")),
    responses((status = 204, description = "Every session of the user has ended."), code::BeyondLimits, code::NotFound),
)]
pub(super) async fn sign_out(call: Call) -> Result<Reply, Problem> {
    call.authority.accounts.sign_out_user(&call.caller, &name(&call)?).await?;
    Ok(done())
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeletedUser)]
struct Deleted {
    username: UserName,
    #[schema(example = 2)]
    api_keys_deleted: u64,
    #[schema(example = 3)]
    tokens_revoked: u64,
}

/// Delete a user
///
/// Deletes the user's API keys too. Tokens stay, unless `tokens=revoke`.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{name}",
    operation_id = "delete_user",
    tag = tags::USERS,
    params(("name" = UserName, Path, description = "Name of the user."), Tokens),
    responses(
        (status = 200, description = "Deleted.", body = Deleted),
        code::InvalidRequest,
        code::BeyondLimits,
        code::NotFound,
        code::LastAdmin,
    ),
)]
pub(super) async fn delete(call: Call) -> Result<Reply, Problem> {
    let username = name(&call)?;
    let revoke_tokens = call.query::<Tokens>()?.revoke();
    let gone = call.authority.accounts.delete_user(&call.caller, &username, revoke_tokens).await?;
    Ok(Reply::ok(&Deleted { username, api_keys_deleted: gone.api_keys, tokens_revoked: gone.tokens }))
}

fn name(call: &Call) -> Result<UserName, Problem> {
    call.id("name", "user", |text| UserName::parse(text).ok())
}

/// An empty answer.
fn done() -> Reply {
    let mut response = Response::new(bytes::Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Reply(response).header("cache-control", "no-store")
}
