//! `/admin/keys`: API keys. A user sees their own, an admin sees all.

pub(in crate::dashboard::admin) mod create;
pub(super) mod doomed;
pub(in crate::dashboard::admin) mod release;

use super::act::{Act, counted, minted};
use super::limits;
use super::{ADMIN, Section, sections};
use crate::access::{Actor, Permission};
use crate::clock::Timestamp;
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::grant;
use crate::dashboard::list::{self, Listing, Rows};
use crate::dashboard::parts::{Icon, Mark, Moment, Tone};
use crate::dashboard::refusal::Refusal;
use crate::http::api::paging::NoFilters;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::ApiKeyId;
use crate::service::labels::ActorLabels;
use crate::store::ApiKeyRecord;

/// The page of the list.
const KEYS: &str = "/admin/keys";

#[derive(askama::Template)]
#[template(path = "admin_keys.html")]
struct KeysPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    sees_all: bool,
    rows: Vec<KeyRow>,
    next: Option<String>,
    fault: Option<String>,
}

/// A key in the list.
struct KeyRow {
    id: ApiKeyId,
    short_id: String,
    label: String,
    mark: Mark,
    expired: bool,
    suspended: bool,
    owner: String,
    creator: String,
    scopes: String,
    limits: String,
    created: Moment,
    used: Option<(Moment, String)>,
    expires: Option<Moment>,
}

impl KeyRow {
    fn new(key: &ApiKeyRecord, now: Timestamp) -> Self {
        let terms = &key.terms;
        let expired = terms.expires_at.is_some_and(|expires_at| expires_at <= now);
        let suspended = key.suspended_at.is_some();
        Self {
            id: key.id,
            short_id: grant::short(&key.id.to_string()),
            label: label(key),
            mark: match (expired, suspended) {
                (true, _) => Mark(Tone::Plain, "expired"),
                (false, true) => Mark(Tone::Warn, "suspended"),
                (false, false) => Mark(Tone::Good, "live"),
            },
            expired,
            suspended,
            owner: key.owner.clone().unwrap_or_else(|| "nobody".to_owned()),
            creator: grant::actor(&key.creator, &ActorLabels::default()),
            scopes: terms.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            limits: limits::short(&terms.limits),
            created: Moment::new(key.created_at, now),
            used: key.used.map(|(at, from)| (Moment::new(at, now), from.to_string())),
            expires: terms.expires_at.map(|at| Moment::new(at, now)),
        }
    }
}

fn label(key: &ApiKeyRecord) -> String {
    match key.terms.label.as_str() {
        "" => "API key".to_owned(),
        label => label.to_owned(),
    }
}

/// Shows a page of the keys.
pub(in crate::dashboard::admin) async fn show(call: Call) -> Result<Reply, Problem> {
    let words = Listing::of(&call)?;
    let Rows { rows, next, fault, status } = rows(&call).await.into();
    let page = KeysPage {
        frame: Frame::of(&call, "API keys", ADMIN).await?,
        sections: sections(&call, KEYS),
        sees_all: call.may(Permission::Administer),
        rows,
        next: next.map(|cursor| words.after(&cursor)),
        fault,
    };
    frame::page(status, &page)
}

async fn rows(call: &Call) -> Result<(Vec<KeyRow>, Option<String>), Problem> {
    let (paging, NoFilters {}) = list::paging(call, "api-keys")?;
    let page = call.authority.accounts.list_api_keys(&call.caller, paging.query()?).await?;
    let now = call.authority.time.now();
    Ok((page.items.iter().map(|key| KeyRow::new(key, now)).collect(), paging.cursor_at(page.next)))
}

#[derive(askama::Template)]
#[template(path = "admin_key.html")]
struct KeyPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    key: KeyRow,
    releasable: bool,
    audience: Option<String>,
    limits: Vec<(&'static str, String)>,
}

/// Shows a key, without its secret.
pub(in crate::dashboard::admin) async fn show_one(call: Call) -> Result<Reply, Problem> {
    let key = found(&call).await?;
    let page = KeyPage {
        frame: Frame::of(&call, label(&key), ADMIN).await?,
        sections: sections(&call, KEYS),
        limits: limits::rows(&call, &key.terms.limits),
        audience: key.terms.audience.clone(),
        key: KeyRow::new(&key, call.authority.time.now()),
        releasable: key.suspended_at.is_some() && call.may(Permission::Administer),
    };
    frame::ok(&page)
}

/// The key of the path.
async fn found(call: &Call) -> Result<ApiKeyRecord, Problem> {
    let id = call.id("id", "API key", ApiKeyId::parse)?;
    Ok(call.authority.accounts.show_api_key(&call.caller, id).await?)
}

/// Asks before a key is deleted.
pub(in crate::dashboard::admin) async fn ask_to_delete(call: Call) -> Result<Reply, Problem> {
    ask_for_deletion(&call, None).await
}

/// Deletes a key, with the keys that were created with it.
pub(in crate::dashboard::admin) async fn delete(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "API key", ApiKeyId::parse)?;
    let revoke_tokens = Form::parse(&call.body)?.get("tokens") == Some("revoke");
    let deleted = call.authority.accounts.delete_api_key(&call.caller, id, revoke_tokens).await;
    match deleted.map_err(Problem::from) {
        Ok(_) => Ok(Reply::see_other(KEYS)),
        Err(problem) => ask_for_deletion(&call, Some(Refusal::of(problem)?)).await,
    }
}

async fn ask_for_deletion(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let key = found(call).await?;
    let made = doomed::made_with(&doomed::keys(call).await?, key.id);
    let along = match made.len() {
        0 => String::new(),
        made => format!(" So do the {} created with it.", counted(made as u64, "API key")),
    };
    let back = format!("{KEYS}/{}", key.id);
    let minters = [vec![Actor::ApiKey(key.id)], made].concat();
    let act = Act {
        title: format!("Delete {}", label(&key)),
        action: format!("{back}/delete"),
        back,
        section: KEYS,
        sentences: vec![format!("The key stops working immediately.{along} Nobody can undo this.")],
        legend: "Tokens",
        picks: minted(doomed::live_tokens(call, &minters).await?),
        button: "Delete",
        ..Act::default()
    };
    act.page(call, refused).await
}
