//! Users, and one's own password.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api_keys::DeletionQuery;
use super::paging::{Listed, NoFilters, PageParams, Paging};
use crate::http::call::Call;
use crate::http::decode;
use crate::http::openapi::schemas::Password;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::{UserChangeRequest, UserRequest};
use crate::name::UserName;
use crate::secret::Secret;
use crate::store::UserRecord;
use crate::token::present;

/// A user in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
struct UserItem {
    /// The name, which never changes.
    #[schema(value_type = UserName)]
    id: String,
    disabled: bool,
    #[serde(flatten)]
    user: UserRecord,
}

impl From<UserRecord> for UserItem {
    fn from(user: UserRecord) -> Self {
        Self { id: user.name.clone(), disabled: user.disabled_at.is_some(), user }
    }
}

/// List users
///
/// A page of users, by name.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    params(PageParams),
    responses((status = 200, description = "A page of users.", body = Listed<UserItem>)),
)]
pub(super) async fn list_users(call: Call) -> Result<Reply, Problem> {
    let (paging, NoFilters {}) = Paging::read(&call, "users")?;
    let users = call.authority.accounts.list_users(paging.query()?).await?;
    Ok(paging.rendered(users, UserItem::from))
}

/// Create a user
///
/// An admin is created with a password, or with a session and `current_password`.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    request_body = UserRequest,
    responses(
        (status = 201, description = "The user.", body = UserItem),
        code::BeyondLimits,
        code::CurrentPasswordRequired,
        code::UserExists,
    ),
)]
pub(super) async fn create_user(call: Call) -> Result<Reply, Problem> {
    let (mut request, faults) = decode::native::<UserRequest>(&call.body)?;
    let current = request.current_password.take();
    let order = request.judge(&call.authority.roles, faults)?;
    let user = call.authority.accounts.create_user(&call.caller, order, current.as_ref()).await?;
    Ok(Reply::json(StatusCode::CREATED, &UserItem::from(user)))
}

/// Show a user
#[utoipa::path(
    get,
    path = "/api/v1/users/{name}",
    params(("name" = UserName, Path, description = "Name of the user.")),
    responses((status = 200, description = "The user.", body = UserItem)),
)]
pub(super) async fn show_user(call: Call) -> Result<Reply, Problem> {
    Ok(Reply::ok(&UserItem::from(call.authority.accounts.show_user(&name(&call)?).await?)))
}

/// Change a user
///
/// Role, limits, `disabled`. Absent members stay. Effective with the next request. Making, changing, disabling or enabling
/// an admin takes a password, or a session and `current_password`.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{name}",
    params(("name" = UserName, Path, description = "Name of the user.")),
    request_body = UserChangeRequest,
    responses(
        (status = 200, description = "The changed user.", body = UserItem),
        code::BeyondLimits,
        code::CurrentPasswordRequired,
        code::LastAdmin,
    ),
)]
pub(super) async fn change_user(call: Call) -> Result<Reply, Problem> {
    let name = name(&call)?;
    let (mut request, faults) = decode::native::<UserChangeRequest>(&call.body)?;
    let current = request.current_password.take();
    let order = request.judge(&call.authority.roles, faults)?;
    let user = call.authority.accounts.change_user(&call.caller, &name, &order, current.as_ref()).await?;
    Ok(Reply::ok(&UserItem::from(user)))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ResetPasswordRequest)]
struct NewPassword {
    #[schema(value_type = Password)]
    password: Secret<String>,
    /// The caller's own password. A session needs it.
    #[schema(value_type = String, format = "password", nullable = false)]
    #[serde(default, deserialize_with = "present")]
    current_password: Option<Secret<String>>,
}

/// Reset a user's password
///
/// Ends every session of the user. A session needs `current_password`, and an API key may not set a password.
#[utoipa::path(
    put,
    path = "/api/v1/users/{name}/password",
    params(("name" = UserName, Path, description = "Name of the user.")),
    request_body = NewPassword,
    responses(
        (status = 204, description = "The password is set."),
        code::BeyondLimits,
        code::CurrentPasswordRequired,
    ),
)]
pub(super) async fn reset_password(call: Call) -> Result<Reply, Problem> {
    let name = name(&call)?;
    let NewPassword { password, current_password: current } = decode::strict(&call.body)?;
    call.authority.accounts.reset_password(&call.caller, &name, password, (None, current.as_ref())).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ChangePasswordRequest)]
struct OwnPassword {
    #[schema(value_type = String, format = "password", example = "a password that was good")]
    current: Secret<String>,
    #[schema(value_type = Password)]
    new: Secret<String>,
}

/// Change one's own password
#[utoipa::path(
    post,
    path = "/api/v1/password",
    request_body = OwnPassword,
    responses((status = 204, description = "The password is changed.")),
)]
pub(super) async fn change_password(call: Call) -> Result<Reply, Problem> {
    let (OwnPassword { current, new }, faults) = decode::native(&call.body)?;
    let keep = call.live_session().map(|session| session.id);
    let (caller, authority) = (call.caller.clone(), Arc::clone(&call.authority));
    drop(call);
    authority.accounts.change_own_password(&caller, &current, new, keep, faults).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// Sign a user out everywhere
#[utoipa::path(
    post,
    path = "/api/v1/users/{name}/sign-out",
    params(("name" = UserName, Path, description = "Name of the user.")),
    responses((status = 204, description = "Every session of the user has ended."), code::BeyondLimits),
)]
pub(super) async fn sign_out_user(call: Call) -> Result<Reply, Problem> {
    call.authority.accounts.sign_out_user(&call.caller, &name(&call)?).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

#[derive(Serialize, ToSchema)]
struct DeletedUser {
    username: UserName,
    #[schema(example = 2)]
    api_keys_deleted: u64,
    #[schema(example = 3)]
    tokens_revoked: u64,
}

/// Delete a user
///
/// Deletes the user's API keys too. Tokens stay, unless `tokens=revoke`. An admin is deleted with a password. With a
/// session, take the role away first.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{name}",
    params(("name" = UserName, Path, description = "Name of the user."), DeletionQuery),
    responses(
        (status = 200, description = "Deleted.", body = DeletedUser),
        code::BeyondLimits,
        code::CurrentPasswordRequired,
        code::LastAdmin,
    ),
)]
pub(super) async fn delete_user(call: Call) -> Result<Reply, Problem> {
    let username = name(&call)?;
    let revoke_tokens = call.query::<DeletionQuery>()?.tokens.is_some();
    let gone = call.authority.accounts.delete_user(&call.caller, &username, revoke_tokens).await?;
    Ok(Reply::ok(&DeletedUser { username, api_keys_deleted: gone.api_keys, tokens_revoked: gone.tokens }))
}

fn name(call: &Call) -> Result<UserName, Problem> {
    call.id("name", "user", |text| UserName::parse(text).ok())
}
