//! `/admin/users/{name}/change` and `…/password`: the role, the limits and the password of a user.

use super::{ADMIN, Section, USERS, found, limits, named, page_of, roles, sections};
use crate::dashboard::admin::limits::LimitFields;
use crate::dashboard::admin::secrets;
use crate::dashboard::form::{Choice, Values};
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::parts::Icon;
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::problem::{Code, Problem};
use crate::http::reply::Reply;
use crate::http::request::UserChangeRequest;
use crate::secret::Secret;
use crate::store::UserRecord;

#[derive(askama::Template)]
#[template(path = "admin_change_user.html")]
struct ChangePage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    name: String,
    revision: u64,
    /// The role and the limits that the user has.
    now: String,
    roles: Vec<Choice>,
    limits: LimitFields,
    faults: Vec<String>,
}

/// Shows the form of the role and the limits.
pub(in crate::dashboard::admin) async fn show(call: Call) -> Result<Reply, Problem> {
    stored(&call, None).await
}

/// The form with the user as it is.
async fn stored(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let user = found(call).await?;
    let mut pairs = limits::pairs(&user.limits);
    pairs.push(("role".to_owned(), user.role.as_str().to_owned()));
    editor(call, &user, &Values::of(pairs), refused).await
}

/// Gives a user the role and the limits of the form.
pub(in crate::dashboard::admin) async fn change(call: Call) -> Result<Reply, Problem> {
    let user = found(&call).await?;
    let (values, passwords) = secrets::form(&call)?;
    match changed(&call, &user, &values, passwords.current.as_ref()).await {
        Ok(()) => Ok(Reply::see_other(&page_of(&user.name))),
        // Sent again, the values of a stale form would undo the change of somebody else.
        Err(problem) if problem.code == Code::Stale => stored(&call, Some(Refusal::of(problem)?)).await,
        Err(problem) => {
            let refused = Refusal::of_form(problem, &values)?;
            editor(&call, &user, &values.repeatable(), Some(refused)).await
        }
    }
}

async fn changed(
    call: &Call,
    before: &UserRecord,
    values: &Values,
    current: Option<&Secret<String>>,
) -> Result<(), Problem> {
    let limits = limits::read(values)?;
    let request = UserChangeRequest {
        role: Some(values.text("role")),
        // Limits may name a role that has left the catalogue. Only new ones are checked against it.
        limits: (limits != before.limits).then_some(limits),
        disabled: None,
        current_password: None,
    };
    let mut order = request.judge(&call.authority.roles, Vec::new())?;
    order.version = Some(values.revision());
    call.authority.accounts.change_user(&call.caller, &named(call)?, &order, current).await?;
    Ok(())
}

async fn editor(
    call: &Call,
    user: &UserRecord,
    values: &Values,
    refused: Option<Refusal>,
) -> Result<Reply, Problem> {
    let (status, faults) = refusal::parts(refused);
    let page = ChangePage {
        frame: Frame::of(call, format!("Change {}", user.name), ADMIN).await?,
        sections: sections(call, USERS),
        name: user.name.clone(),
        revision: user.version,
        now: format!("{}. Limits: {}", user.role.as_str(), limits::short(&user.limits)),
        roles: roles(&values.text("role")),
        limits: LimitFields::of(call, values),
        faults,
    };
    frame::page(status, &page)
}

#[derive(askama::Template)]
#[template(path = "admin_password.html")]
struct PasswordPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    name: String,
    revision: u64,
    faults: Vec<String>,
}

/// Shows the form of a new password.
pub(in crate::dashboard::admin) async fn ask_for_password(call: Call) -> Result<Reply, Problem> {
    password(&call, None).await
}

/// Sets the password of a user, which ends the sessions of the user.
pub(in crate::dashboard::admin) async fn set_password(call: Call) -> Result<Reply, Problem> {
    match password_set(&call).await {
        Ok(()) => Ok(Reply::see_other(&page_of(named(&call)?.as_str()))),
        Err(problem) => password(&call, Some(Refusal::of(problem)?)).await,
    }
}

async fn password_set(call: &Call) -> Result<(), Problem> {
    let (values, mut passwords) = secrets::form(call)?;
    let current = passwords.current.take();
    let new = passwords.typed_twice()?;
    let accounts = &call.authority.accounts;
    Ok(accounts
        .reset_password(&call.caller, &named(call)?, new, (Some(values.revision()), current.as_ref()))
        .await?)
}

/// Checks that the user is the one that the form was shown for.
///
/// # Errors
/// 412: the user has changed since.
pub(super) fn is_current(user: &UserRecord, values: &Values) -> Result<(), Problem> {
    match user.version == values.revision() {
        true => Ok(()),
        false => Err(Problem::of(Code::Stale, "the user has changed since: read it again")),
    }
}

async fn password(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let user = found(call).await?;
    let (status, faults) = refusal::parts(refused);
    let page = PasswordPage {
        frame: Frame::of(call, format!("Password of {}", user.name), ADMIN).await?,
        sections: sections(call, USERS),
        name: user.name,
        revision: user.version,
        faults,
    };
    frame::page(status, &page)
}
