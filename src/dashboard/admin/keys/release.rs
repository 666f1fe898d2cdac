//! `/admin/keys/{id}/release`: the release of a suspended API key.

use super::{KEYS, found, label};
use crate::access::Permission;
use crate::dashboard::admin::act::Act;
use crate::dashboard::admin::secrets;
use crate::dashboard::refusal::Refusal;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;

/// Asks before a key is released.
pub(in crate::dashboard::admin) async fn ask(call: Call) -> Result<Reply, Problem> {
    page(&call, None).await
}

/// Releases a key. One that is not suspended stays as it is.
pub(in crate::dashboard::admin) async fn release(call: Call) -> Result<Reply, Problem> {
    let key = found(&call).await?;
    let (_, passwords) = secrets::form(&call)?;
    let accounts = &call.authority.accounts;
    let released = accounts.release_api_keys(&call.caller, Some(&[key.id]), passwords.current.as_ref()).await;
    match released.map_err(Problem::from) {
        Ok(_) => Ok(Reply::see_other(&format!("{KEYS}/{}", key.id))),
        Err(problem) => page(&call, Some(Refusal::of(problem)?)).await,
    }
}

async fn page(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let key = found(call).await?;
    let back = format!("{KEYS}/{}", key.id);
    let act = Act {
        title: format!("Release {}", label(&key)),
        action: format!("{back}/release"),
        back,
        section: KEYS,
        sentences: vec![
            "The key works again, within the rights of its owner.".to_owned(),
            "If somebody deleted it after the backup, delete it instead.".to_owned(),
        ],
        password: key.terms.rights().permissions.contain(Permission::Administer),
        harmless: true,
        button: "Release",
        ..Act::default()
    };
    act.page(call, refused).await
}
