//! `/admin/signing-keys/{id}/retire`: the end of a key.

use super::{KEYS, Key, all, unknown};
use crate::dashboard::admin::act::{Act, Pick, counted};
use crate::dashboard::grant;
use crate::dashboard::refusal::Refusal;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::ListedKey;
use crate::service::keys::RetireWhy;
use crate::store::KeyState;

/// The value of the choice for a leaked key.
const COMPROMISED: &str = "compromised";

/// Asks before a key is retired.
pub(in crate::dashboard::admin) async fn ask(call: Call) -> Result<Reply, Problem> {
    question(&call, None).await
}

/// Retires a key.
pub(in crate::dashboard::admin) async fn retire(call: Call) -> Result<Reply, Problem> {
    let id = of_path(&call)?;
    let why = match Form::parse(&call.body)?.get("why") {
        Some(COMPROMISED) => Some(RetireWhy::Compromised),
        Some("confirmed") => Some(RetireWhy::Confirmed),
        _ => None,
    };
    let (admin, caller) = (&call.authority.trust_admin, &call.caller);
    let retired = match (why, id) {
        (None, _) => Err(Problem::bad_request("select a reason")),
        (Some(why), ListedKey::Signing(id)) => admin.retire_key(caller, id, why).await.map_err(Problem::from),
        (Some(why), ListedKey::Fleet(id)) => {
            admin.retire_fleet_key(caller, id, why).await.map_err(Problem::from)
        }
    };
    match retired {
        Ok(_) => Ok(Reply::see_other(KEYS)),
        Err(problem) => question(&call, Some(Refusal::of(problem)?)).await,
    }
}

fn of_path(call: &Call) -> Result<ListedKey, Problem> {
    call.id("id", "signing key", ListedKey::parse)
}

async fn question(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let id = of_path(call)?;
    let is_fleet = matches!(id, ListedKey::Fleet(_));
    let id = id.to_string();
    let key = all(call).await?.into_iter().find(|key| key.id == id).ok_or_else(unknown)?;
    let live = counted(key.live, "live persistent token");
    let leaked = match is_fleet {
        true => "It may have leaked. The server creates a new key",
        false => {
            "It may have leaked. Every ephemeral token stops working too, and new keys replace the current and prepared ones"
        }
    };
    let act = Act {
        title: format!("Retire the key {}", grant::short(&id)),
        action: format!("{KEYS}/{id}/retire"),
        back: KEYS.to_owned(),
        section: KEYS,
        sentences: vec![match key.live {
            0 => "Everything that the key signed stops working. Nobody can undo this.".to_owned(),
            _ => format!(
                "Everything that the key signed stops working: {live} among others. Nobody can undo this."
            ),
        }],
        legend: "Reason",
        picks: picks(&key, leaked),
        button: "Retire",
        ..Act::default()
    };
    act.page(call, refused).await
}

/// The reasons that fit. A key in use is retired only if it may have leaked.
fn picks(key: &Key, leaked: &str) -> Vec<Pick> {
    let pick = |value, text| Pick { field: "why", value, text, checked: false };
    let unneeded = pick("confirmed", "It is no longer needed".to_owned());
    let in_use = matches!(key.state, KeyState::Current | KeyState::Prepared);
    (!in_use).then_some(unneeded).into_iter().chain([pick(COMPROMISED, leaked.to_owned())]).collect()
}
