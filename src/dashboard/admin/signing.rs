//! `/admin/signing-keys`: the keys that sign tokens, and the keys of Elastic Fleet's API and of outputs' secrets.

pub(super) mod retire;

use super::act::{Act, TURN, counted};
use super::{ADMIN, Section, sections};
use crate::access::Permission;
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::grant;
use crate::dashboard::parts::{Icon, Mark, Moment, Tone, grouped};
use crate::dashboard::refusal::Refusal;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::{Code, Problem};
use crate::http::query;
use crate::http::reply::Reply;
use crate::service::keys::fleet::FLEET;
use crate::service::keys::seal::SEAL;
use crate::store::KeyState;
use crate::token::KeyUse;

/// The page of the list.
const KEYS: &str = "/admin/signing-keys";

/// The longest id that the list shows as a whole.
const SHORT: usize = 12;

/// A key of any use.
pub(super) struct Key {
    id: String,
    usage: &'static str,
    state: KeyState,
    created: Moment,
    /// Number of live persistent tokens of the key.
    live: u64,
}

/// Every key, as the API lists them.
async fn all(call: &Call) -> Result<Vec<Key>, Problem> {
    let (admin, now) = (&call.authority.trust_admin, call.authority.time.now());
    let fleet = admin.list_fleet_keys().await?;
    let newest = fleet.last().map(|(key, _)| key.id);
    let signing = admin.list_keys().await?.into_iter().map(|(key, live)| Key {
        id: key.id.to_string(),
        usage: key.usage.name(),
        state: key.state,
        created: Moment::new(key.created_at, now),
        live,
    });
    let fleet = fleet.into_iter().map(|(key, live)| Key {
        id: key.id.to_string(),
        usage: FLEET,
        state: if Some(key.id) == newest { KeyState::Current } else { KeyState::Previous },
        created: Moment::new(key.created_at, now),
        live,
    });
    let seal = admin.list_seal_keys().await?.into_iter().map(|key| Key {
        id: key.id.to_string(),
        usage: SEAL,
        state: KeyState::Current,
        created: Moment::new(key.created_at, now),
        live: 0,
    });
    Ok(signing.chain(fleet).chain(seal).collect())
}

/// The id of the key of a use that is in use; empty without one.
pub(super) async fn current(call: &Call, usage: &str) -> Result<String, Problem> {
    let in_use = |key: &Key| key.usage == usage && key.state == KeyState::Current;
    Ok(all(call).await?.into_iter().find(in_use).map(|key| key.id).unwrap_or_default())
}

#[derive(askama::Template)]
#[template(path = "admin_signing_keys.html")]
struct KeysPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    writes: bool,
    uses: Vec<UseOfKeys>,
}

/// The keys of one use.
struct UseOfKeys {
    usage: &'static str,
    name: &'static str,
    rows: Vec<KeyRow>,
}

/// A key in the list.
struct KeyRow {
    id: String,
    short_id: String,
    mark: Mark,
    created: Moment,
    live: String,
    retires: bool,
}

impl From<&Key> for KeyRow {
    fn from(key: &Key) -> Self {
        Self {
            id: key.id.clone(),
            short_id: if key.id.len() > SHORT { grant::short(&key.id) } else { key.id.clone() },
            mark: match key.state {
                KeyState::Prepared => Mark(Tone::Wait, "prepared"),
                KeyState::Current => Mark(Tone::Good, "current"),
                KeyState::Previous => Mark(Tone::Plain, "previous"),
                KeyState::Retired => Mark(Tone::Bad, "retired"),
            },
            created: key.created,
            live: grouped(key.live),
            retires: key.usage != SEAL && key.state != KeyState::Retired,
        }
    }
}

/// Every use of keys.
fn uses() -> impl Iterator<Item = &'static str> {
    KeyUse::ALL.map(KeyUse::name).into_iter().chain([FLEET, SEAL])
}

/// The name of a use for people.
fn name(usage: &str) -> &'static str {
    match usage {
        "service" => "Service tokens",
        "access" => "Access tokens",
        "status_list" => "Status lists",
        FLEET => "API keys of tokens (Elastic Fleet)",
        SEAL => "Secrets of outputs",
        _ => "Enrollment tokens",
    }
}

/// Shows the keys.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let mut keys = all(&call).await?;
    keys.sort_by_key(|key| match key.state {
        KeyState::Current => 0,
        KeyState::Prepared => 1,
        KeyState::Previous | KeyState::Retired => 2,
    });
    let of_use = |usage| UseOfKeys {
        usage,
        name: name(usage),
        rows: keys.iter().filter(|key| key.usage == usage).map(KeyRow::from).collect(),
    };
    let page = KeysPage {
        frame: Frame::of(&call, "Signing keys", ADMIN).await?,
        sections: sections(&call, KEYS),
        writes: call.may(Permission::Administer),
        uses: uses().map(of_use).collect(),
    };
    frame::ok(&page)
}

/// Asks before the keys of a use are rotated.
pub(super) async fn ask_to_rotate(call: Call) -> Result<Reply, Problem> {
    let asked = query::decode_query(call.head.raw_query())?;
    let asked = asked.into_iter().find(|(name, _)| name == "use").map(|(_, usage)| usage).unwrap_or_default();
    question(&call, &asked, None).await
}

/// Rotates the keys of a use. The form names the key in use: sent again, it is refused.
pub(super) async fn rotate(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    let usage = form.get("use").unwrap_or_default();
    match rotated(&call, usage, form.get("key").unwrap_or_default()).await {
        Ok(()) => Ok(Reply::see_other(KEYS)),
        Err(problem) => question(&call, usage, Some(Refusal::of(problem)?)).await,
    }
}

async fn rotated(call: &Call, usage: &str, key: &str) -> Result<(), Problem> {
    let usage = known(usage)?;
    let _turn = TURN.lock().await;
    if current(call, usage).await? != key {
        return Err(Problem::of(Code::Stale, "another key is in use by now"));
    }
    let (admin, caller) = (&call.authority.trust_admin, &call.caller);
    match usage {
        FLEET => admin.rotate_fleet_key(caller).await?,
        SEAL => admin.rotate_seal(caller).await?,
        usage => {
            let usage = KeyUse::parse(usage).ok_or_else(unknown)?;
            admin.rotate_keys(caller, usage).await?;
        }
    }
    Ok(())
}

fn known(usage: &str) -> Result<&'static str, Problem> {
    uses().find(|known| *known == usage).ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::of(Code::NotFound, "there are no keys of this use")
}

async fn question(call: &Call, usage: &str, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let usage = known(usage)?;
    let keys = all(call).await?;
    let old = keys.iter().find(|key| key.usage == usage && key.state == KeyState::Current);
    let (id, live) = old.map_or_else(Default::default, |key| (key.id.clone(), key.live));
    let consequence = match (usage, old) {
        (SEAL, _) => {
            "The server seals every secret again with a new key, and destroys the current key.".to_owned()
        }
        (FLEET, Some(_)) => {
            "New tokens get their API key from a new key. Other tokens keep theirs.".to_owned()
        }
        (FLEET, None) => {
            "The server creates the first key. New tokens with a policy get their API key from it.".to_owned()
        }
        _ => format!(
            "The prepared key signs from now on. The current key becomes a previous one: its {} stay valid.",
            counted(live, "live persistent token")
        ),
    };
    let act = Act {
        title: format!("Rotate the keys of {}", lower(name(usage))),
        action: format!("{KEYS}/rotate"),
        back: KEYS.to_owned(),
        section: KEYS,
        hidden: vec![("use".to_owned(), usage.to_owned()), ("key".to_owned(), id)],
        sentences: vec![consequence, "Back up the keys directory afterwards.".to_owned()],
        harmless: usage != SEAL,
        button: "Rotate",
        ..Act::default()
    };
    act.page(call, refused).await
}

fn lower(name: &str) -> String {
    match name.strip_prefix("API") {
        Some(_) => name.to_owned(),
        None => name.to_lowercase(),
    }
}
