//! Disabling, enabling, signing out and deleting a user.

use super::change::is_current;
use super::{USERS, found, named, page_of};
use crate::access::{Actor, UserRole};
use crate::dashboard::admin::act::{Act, counted, minted};
use crate::dashboard::admin::keys::doomed;
use crate::dashboard::admin::secrets;
use crate::dashboard::refusal::Refusal;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::service::accounts::users::UserChangeOrder;
use crate::service::{AccountError, ServiceError};
use crate::store::UserRecord;

/// Asks before a user is disabled.
pub(in crate::dashboard::admin) async fn ask_to_disable(call: Call) -> Result<Reply, Problem> {
    ask_for_state(&call, true, None).await
}

/// Asks before a user is enabled.
pub(in crate::dashboard::admin) async fn ask_to_enable(call: Call) -> Result<Reply, Problem> {
    ask_for_state(&call, false, None).await
}

/// Disables a user and the API keys of the user.
pub(in crate::dashboard::admin) async fn disable(call: Call) -> Result<Reply, Problem> {
    set_state(call, true).await
}

/// Enables a user.
pub(in crate::dashboard::admin) async fn enable(call: Call) -> Result<Reply, Problem> {
    set_state(call, false).await
}

async fn set_state(call: Call, disabled: bool) -> Result<Reply, Problem> {
    let name = named(&call)?;
    let (values, passwords) = secrets::form(&call)?;
    let order = UserChangeOrder {
        role: None,
        limits: None,
        disabled: Some(disabled),
        version: Some(values.revision()),
    };
    let accounts = &call.authority.accounts;
    let changed = accounts.change_user(&call.caller, &name, &order, passwords.current.as_ref()).await;
    match changed.map_err(Problem::from) {
        Ok(_) => Ok(Reply::see_other(&page_of(name.as_str()))),
        Err(problem) => ask_for_state(&call, disabled, Some(Refusal::of(problem)?)).await,
    }
}

async fn ask_for_state(call: &Call, disabled: bool, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let user = found(call).await?;
    let (name, keys) = (&user.name, keys_of(call, &user).await?.len() as u64);
    let keys = |verb| match keys {
        0 => String::new(),
        _ => format!(" The {} of {name} {verb}.", counted(keys, "API key")),
    };
    let (verb, sentence) = match disabled {
        true => (
            "Disable",
            format!(
                "{name} can no longer sign in, and every session of {name} ends.{}",
                keys("no longer work")
            ),
        ),
        false => ("Enable", format!("{name} can sign in again.{}", keys("work again"))),
    };
    let act = Act {
        sentences: vec![sentence],
        password: user.role == UserRole::Admin,
        harmless: !disabled,
        button: verb,
        ..about(&user, verb, &verb.to_lowercase())
    };
    act.page(call, refused).await
}

/// Asks before a user is signed out everywhere.
pub(in crate::dashboard::admin) async fn ask_to_sign_out(call: Call) -> Result<Reply, Problem> {
    ask_for_sign_out(&call, None).await
}

async fn ask_for_sign_out(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let user = found(call).await?;
    let act = Act {
        sentences: vec![format!("Every session of {} ends. API keys still work.", user.name)],
        button: "Sign out everywhere",
        ..about(&user, "Sign out everywhere:", "sign-out")
    };
    act.page(call, refused).await
}

/// Ends every session of a user.
pub(in crate::dashboard::admin) async fn sign_out(call: Call) -> Result<Reply, Problem> {
    match signed_out(&call).await {
        Ok(()) => Ok(Reply::see_other(&page_of(named(&call)?.as_str()))),
        Err(problem) => ask_for_sign_out(&call, Some(Refusal::of(problem)?)).await,
    }
}

async fn signed_out(call: &Call) -> Result<(), Problem> {
    let (values, _) = secrets::form(call)?;
    is_current(&found(call).await?, &values)?;
    Ok(call.authority.accounts.sign_out_user(&call.caller, &named(call)?).await?)
}

/// Asks before a user is deleted.
pub(in crate::dashboard::admin) async fn ask_to_delete(call: Call) -> Result<Reply, Problem> {
    ask_for_deletion(&call, None).await
}

/// Deletes a user with the user's sessions and API keys.
pub(in crate::dashboard::admin) async fn delete(call: Call) -> Result<Reply, Problem> {
    match deleted(&call).await {
        Ok(()) => Ok(Reply::see_other(USERS)),
        Err(problem) => ask_for_deletion(&call, Some(Refusal::of(problem)?)).await,
    }
}

async fn deleted(call: &Call) -> Result<(), Problem> {
    let (values, _) = secrets::form(call)?;
    is_current(&found(call).await?, &values)?;
    let revoke_tokens = values.get("tokens") == Some("revoke");
    call.authority.accounts.delete_user(&call.caller, &named(call)?, revoke_tokens).await?;
    Ok(())
}

async fn ask_for_deletion(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let user = found(call).await?;
    if user.role == UserRole::Admin {
        return Err(ServiceError::from(AccountError::CurrentPasswordRequired).into());
    }
    let keys = keys_of(call, &user).await?;
    let number = match keys.len() {
        0 => String::new(),
        keys => format!(" and {}", counted(keys as u64, "API key")),
    };
    let minters = [vec![Actor::User(user.name.clone())], keys].concat();
    let act = Act {
        sentences: vec![
            format!("This deletes the user {} with every session{number}.", user.name),
            "Nobody can undo this.".to_owned(),
        ],
        legend: "Tokens",
        picks: minted(doomed::live_tokens(call, &minters).await?),
        button: "Delete",
        ..about(&user, "Delete", "delete")
    };
    act.page(call, refused).await
}

async fn keys_of(call: &Call, user: &UserRecord) -> Result<Vec<Actor>, Problem> {
    let all = doomed::keys(call).await?;
    Ok(all
        .iter()
        .filter(|key| key.owner.as_ref() == Some(&user.name))
        .map(|key| Actor::ApiKey(key.id))
        .collect())
}

/// The question about a user at this step of the user's page.
fn about(user: &UserRecord, verb: &str, step: &str) -> Act {
    let back = page_of(&user.name);
    Act {
        title: format!("{verb} {}", user.name),
        action: format!("{back}/{step}"),
        back,
        section: USERS,
        hidden: vec![("revision".to_owned(), user.version.to_string())],
        ..Act::default()
    }
}
