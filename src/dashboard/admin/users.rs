//! `/admin/users`: users, and the form of a new one.

pub(in crate::dashboard::admin) mod acts;
pub(in crate::dashboard::admin) mod change;

use strum::VariantArray as _;

use super::limits::{self, LimitFields};
use super::secrets::{self, Passwords};
use super::{ADMIN, Section, sections};
use crate::access::UserRole;
use crate::clock::Timestamp;
use crate::dashboard::form::{Choice, Values};
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::list::{self, Listing, Rows};
use crate::dashboard::parts::{Icon, Mark, Moment, Tone};
use crate::dashboard::refusal::{self, Refusal};
use crate::http::api::paging::NoFilters;
use crate::http::call::Call;
use crate::http::problem::{Code, Problem};
use crate::http::reply::Reply;
use crate::http::request::UserRequest;
use crate::name::UserName;
use crate::store::UserRecord;

/// The page of the list.
const USERS: &str = "/admin/users";

#[derive(askama::Template)]
#[template(path = "admin_users.html")]
struct UsersPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    rows: Vec<UserRow>,
    next: Option<String>,
    fault: Option<String>,
}

/// A user in the list.
struct UserRow {
    name: String,
    mark: Mark,
    disabled: bool,
    role: &'static str,
    limits: String,
    created: Moment,
    password_set: Moment,
}

impl UserRow {
    fn new(user: &UserRecord, now: Timestamp) -> Self {
        Self {
            name: user.name.clone(),
            mark: mark(user),
            disabled: user.disabled_at.is_some(),
            role: user.role.into(),
            limits: limits::short(&user.limits),
            created: Moment::new(user.created_at, now),
            password_set: Moment::new(user.changed_at, now),
        }
    }
}

fn mark(user: &UserRecord) -> Mark {
    if user.disabled_at.is_some() { Mark(Tone::Bad, "disabled") } else { Mark(Tone::Good, "enabled") }
}

/// Shows a page of the users.
pub(in crate::dashboard::admin) async fn show(call: Call) -> Result<Reply, Problem> {
    let words = Listing::of(&call)?;
    let frame = Frame::of(&call, "Users", ADMIN).await?;
    let Rows { rows, next, fault, status } = rows(&call).await.into();
    let next = next.map(|cursor| words.after(&cursor));
    frame::page(status, &UsersPage { frame, sections: sections(&call, USERS), rows, next, fault })
}

async fn rows(call: &Call) -> Result<(Vec<UserRow>, Option<String>), Problem> {
    let (paging, NoFilters {}) = list::paging(call, "users")?;
    let page = call.authority.accounts.list_users(paging.query()?).await?;
    let now = call.authority.time.now();
    Ok((page.items.iter().map(|user| UserRow::new(user, now)).collect(), paging.cursor_at(page.next)))
}

#[derive(askama::Template)]
#[template(path = "admin_user.html")]
struct UserPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    user: UserRow,
    limits: Vec<(&'static str, String)>,
    disabled_at: Option<Moment>,
    is_admin: bool,
    is_own: bool,
}

/// Shows a user.
pub(in crate::dashboard::admin) async fn show_one(call: Call) -> Result<Reply, Problem> {
    let (user, now) = (found(&call).await?, call.authority.time.now());
    let frame = Frame::of(&call, user.name.clone(), ADMIN).await?;
    let page = UserPage {
        sections: sections(&call, USERS),
        limits: limits::rows(&call, &user.limits),
        disabled_at: user.disabled_at.map(|at| Moment::new(at, now)),
        is_admin: user.role == UserRole::Admin,
        is_own: user.name == frame.user,
        user: UserRow::new(&user, now),
        frame,
    };
    frame::ok(&page)
}

fn named(call: &Call) -> Result<UserName, Problem> {
    call.id("name", "user", |text| UserName::parse(text).ok())
}

/// The user of the path.
async fn found(call: &Call) -> Result<UserRecord, Problem> {
    Ok(call.authority.accounts.show_user(&named(call)?).await?)
}

fn page_of(name: &str) -> String {
    format!("{USERS}/{name}")
}

#[derive(askama::Template)]
#[template(path = "admin_new_user.html")]
struct NewUserPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    since: String,
    name: String,
    roles: Vec<Choice>,
    limits: LimitFields,
    faults: Vec<String>,
}

/// Shows the form of a new user.
pub(in crate::dashboard::admin) async fn ask_for_one(call: Call) -> Result<Reply, Problem> {
    let mut pairs = limits::pairs(&call.caller.rights.limits);
    pairs.push(("role".to_owned(), UserRole::Viewer.as_str().to_owned()));
    editor(&call, &Values::of(pairs), None).await
}

/// Creates a user. The form has the time at which it was shown: sent again, it leads to the user that it created.
pub(in crate::dashboard::admin) async fn create(call: Call) -> Result<Reply, Problem> {
    let (values, passwords) = secrets::form(&call)?;
    match created(&call, &values, passwords).await {
        Ok(name) => Ok(Reply::see_other(&page_of(&name))),
        Err(problem) if problem.code == Code::UserExists && is_repeated(&call, &values).await? => {
            Ok(Reply::see_other(&page_of(&values.text("name"))))
        }
        Err(problem) => {
            let refused = Refusal::of_form(problem, &values)?;
            editor(&call, &values.repeatable(), Some(refused)).await
        }
    }
}

async fn created(call: &Call, values: &Values, mut passwords: Passwords) -> Result<String, Problem> {
    let current = passwords.current.take();
    let request = UserRequest {
        username: values.text("name"),
        password: passwords.typed_twice()?,
        role: values.text("role"),
        limits: Some(limits::read(values)?),
        current_password: None,
    };
    let order = request.judge(&call.authority.roles, Vec::new())?;
    let user = call.authority.accounts.create_user(&call.caller, order, current.as_ref()).await?;
    Ok(user.name)
}

/// Returns true if this form has created the user already: since it was shown, and with these rights.
async fn is_repeated(call: &Call, values: &Values) -> Result<bool, Problem> {
    let since = values.get("since").and_then(Timestamp::parse_rfc3339);
    let (Some(since), Ok(name)) = (since, UserName::parse(&values.text("name"))) else { return Ok(false) };
    let user = call.authority.accounts.show_user(&name).await?;
    let has_rights = user.role.as_str() == values.text("role") && user.limits == limits::read(values)?;
    Ok(user.created_at >= since && has_rights)
}

async fn editor(call: &Call, values: &Values, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let (status, faults) = refusal::parts(refused);
    let since = values.owned("since").unwrap_or_else(|| call.authority.time.now().to_rfc3339());
    let page = NewUserPage {
        frame: Frame::of(call, "New user", ADMIN).await?,
        sections: sections(call, USERS),
        since,
        name: values.text("name"),
        roles: roles(&values.text("role")),
        limits: LimitFields::of(call, values),
        faults,
    };
    frame::page(status, &page)
}

/// The roles of users, from the least on.
fn roles(chosen: &str) -> Vec<Choice> {
    let choice = |role: &UserRole| {
        let name = match role {
            UserRole::Admin => "admin: everything",
            UserRole::Operator => "operator: tokens, hosts, policies and rules",
            UserRole::Analyst => "analyst: reads tokens, hosts, policies and the ledger",
            UserRole::Viewer => "viewer: reads tokens, hosts and policies",
        };
        let value = role.as_str();
        Choice { value: value.to_owned(), name: name.to_owned(), selected: value == chosen }
    };
    UserRole::VARIANTS.iter().rev().map(choice).collect()
}
