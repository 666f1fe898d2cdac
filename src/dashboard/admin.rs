//! `/admin`: users, API keys, and the settings of the authority.

mod act;
mod backup;
mod ca;
mod keys;
mod limits;
mod roles;
mod secrets;
mod settings;
mod signing;
mod users;

use http::Method;

use super::PAGE;
use super::frame::{self, Frame};
use super::parts::Icon;
use crate::access::Permission as P;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::route::Route;

/// The path of the section in the navigation.
const ADMIN: &str = "/admin";

/// The rows of these pages in the table of routes.
pub(super) fn routes() -> Vec<Route> {
    let (get, post) = (|path| (Method::GET, path), |path| (Method::POST, path));
    vec![
        Route::of(&PAGE, get("/admin"), P::Read, show),
        Route::of(&PAGE, get("/admin/users"), P::Administer, users::show),
        Route::of(&PAGE, get("/admin/new-user"), P::Administer, users::ask_for_one),
        Route::of(&PAGE, post("/admin/new-user"), P::Administer, users::create),
        Route::of(&PAGE, get("/admin/users/{name}"), P::Administer, users::show_one),
        Route::of(&PAGE, get("/admin/users/{name}/change"), P::Administer, users::change::show),
        Route::of(&PAGE, post("/admin/users/{name}/change"), P::Administer, users::change::change),
        Route::of(&PAGE, get("/admin/users/{name}/password"), P::Administer, users::change::ask_for_password),
        Route::of(&PAGE, post("/admin/users/{name}/password"), P::Administer, users::change::set_password),
        Route::of(&PAGE, get("/admin/users/{name}/disable"), P::Administer, users::acts::ask_to_disable),
        Route::of(&PAGE, post("/admin/users/{name}/disable"), P::Administer, users::acts::disable),
        Route::of(&PAGE, get("/admin/users/{name}/enable"), P::Administer, users::acts::ask_to_enable),
        Route::of(&PAGE, post("/admin/users/{name}/enable"), P::Administer, users::acts::enable),
        Route::of(&PAGE, get("/admin/users/{name}/sign-out"), P::Administer, users::acts::ask_to_sign_out),
        Route::of(&PAGE, post("/admin/users/{name}/sign-out"), P::Administer, users::acts::sign_out),
        Route::of(&PAGE, get("/admin/users/{name}/delete"), P::Administer, users::acts::ask_to_delete),
        Route::of(&PAGE, post("/admin/users/{name}/delete"), P::Administer, users::acts::delete),
        Route::of(&PAGE, get("/admin/keys"), P::KeepKeys, keys::show),
        Route::of(&PAGE, get("/admin/keys/new"), P::KeepKeys, keys::create::ask_for_one),
        Route::of(&PAGE, post("/admin/keys/new"), P::KeepKeys, keys::create::create),
        Route::of(&PAGE, get("/admin/keys/{id}"), P::KeepKeys, keys::show_one),
        Route::of(&PAGE, get("/admin/keys/{id}/delete"), P::KeepKeys, keys::ask_to_delete),
        Route::of(&PAGE, post("/admin/keys/{id}/delete"), P::KeepKeys, keys::delete),
        Route::of(&PAGE, get("/admin/keys/{id}/release"), P::Administer, keys::release::ask),
        Route::of(&PAGE, post("/admin/keys/{id}/release"), P::Administer, keys::release::release),
        Route::of(&PAGE, get("/admin/roles"), P::Read, roles::show),
        Route::of(&PAGE, get("/admin/settings"), P::Read, settings::show),
        Route::of(&PAGE, post("/admin/settings"), P::Administer, settings::change),
        Route::of(&PAGE, get("/admin/clock"), P::Administer, settings::clock::ask),
        Route::of(&PAGE, post("/admin/clock"), P::Administer, settings::clock::accept),
        Route::of(&PAGE, get("/admin/backup"), P::Administer, backup::show),
        Route::of(&PAGE, post("/admin/backup"), P::Administer, backup::make),
        Route::of(&PAGE, get("/admin/signing-keys"), P::Read, signing::show),
        Route::of(&PAGE, get("/admin/signing-keys/rotate"), P::Administer, signing::ask_to_rotate),
        Route::of(&PAGE, post("/admin/signing-keys/rotate"), P::Administer, signing::rotate),
        Route::of(&PAGE, get("/admin/signing-keys/{id}/retire"), P::Administer, signing::retire::ask),
        Route::of(&PAGE, post("/admin/signing-keys/{id}/retire"), P::Administer, signing::retire::retire),
        Route::of(&PAGE, get("/admin/ca"), P::Read, ca::show),
        Route::of(&PAGE, get("/admin/ca/rotate"), P::Administer, ca::ask_to_rotate),
        Route::of(&PAGE, post("/admin/ca/rotate"), P::Administer, ca::rotate),
        Route::of(&PAGE, get("/admin/ca/{ski}/revoke"), P::Administer, ca::ask_to_revoke),
        Route::of(&PAGE, post("/admin/ca/{ski}/revoke"), P::Administer, ca::revoke),
    ]
}

/// A page of the administration.
struct Section {
    path: &'static str,
    name: &'static str,
    hint: &'static str,
    current: bool,
}

/// The pages that the user may open; the one at `current` is marked.
fn sections(call: &Call, current: &str) -> Vec<Section> {
    let pages = [
        (P::Administer, "/admin/users", "Users", "People, their roles and their limits"),
        (P::KeepKeys, "/admin/keys", "API keys", "Credentials of scripts and pipelines"),
        (P::Read, "/admin/roles", "Roles", "The catalogue of roles that hosts can have"),
        (P::Read, "/admin/settings", "Settings", "Tokens, approval, capacity and clock"),
        (P::Read, "/admin/signing-keys", "Signing keys", "Keys of tokens, and their rotation"),
        (P::Administer, "/admin/backup", "Backup", "Age of the newest backup"),
        (P::Read, "/admin/ca", "Certificate authority", "Root, issuing CAs and CRLs"),
    ];
    let offered = pages.into_iter().filter(|(permission, ..)| call.may(*permission));
    let section = |(_, path, name, hint)| Section { path, name, hint, current: path == current };
    offered.map(section).collect()
}

#[derive(askama::Template)]
#[template(path = "admin.html")]
struct AdminPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
}

/// Shows the pages of the administration.
async fn show(call: Call) -> Result<Reply, Problem> {
    let frame = Frame::of(&call, "Administration", ADMIN).await?;
    frame::ok(&AdminPage { frame, sections: sections(&call, ADMIN) })
}
