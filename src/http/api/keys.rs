//! Signing keys.

use serde::{Deserialize, Serialize};

use super::paging::whole;
use super::shapes::KeyItem;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::KeyId;
use crate::service::keys::RetireWhy;
use crate::service::{FieldError, ServiceError};
use crate::token::KeyUse;

/// `GET /api/v1/signing-keys`.
pub(super) async fn list(call: Call) -> Result<Reply, Problem> {
    Ok(whole(call.authority.list_keys().await?.into_iter().map(KeyItem::new).collect()))
}

/// `POST /api/v1/signing-keys/rotate`.
pub(super) async fn rotate(call: Call) -> Result<Reply, Problem> {
    let Rotate { usage } = decode::strict(&call.body)?;
    let usage = KeyUse::parse(&usage).ok_or_else(|| {
        let known = KeyUse::ALL.map(KeyUse::name).join(", ");
        ServiceError::InvalidRequest(vec![FieldError::new(
            "use",
            format!("there is no such use of keys: {known}"),
        )])
    })?;
    call.authority.rotate_keys(&call.caller(), usage).await?;
    list(call).await
}

/// A body that says nothing.
#[derive(Deserialize)]
pub(super) struct Nothing {}

#[derive(Deserialize)]
struct Rotate {
    /// What the keys sign; enrollment tokens unless said otherwise.
    #[serde(rename = "use", default = "enrollment")]
    usage: String,
}

fn enrollment() -> String {
    KeyUse::Enrollment.name().to_owned()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Retire {
    compromised: bool,
    confirm: bool,
}

#[derive(Serialize)]
struct RetiredKey {
    id: KeyId,
    state: &'static str,
    tokens_revoked: u64,
    emergency_token_reminted: bool,
}

/// `POST /api/v1/signing-keys/{kid}/retire`.
pub(super) async fn retire(call: Call) -> Result<Reply, Problem> {
    let id = call.id("kid", "signing key", KeyId::parse)?;
    let Retire { compromised, confirm } = decode::strict(&call.body)?;
    let why = match (compromised, confirm) {
        (true, _) => RetireWhy::Compromised,
        (false, true) => RetireWhy::Confirmed,
        (false, false) => RetireWhy::Unneeded,
    };
    let retired = call.authority.retire_key(&call.caller(), id, why).await?;
    Ok(Reply::ok(&RetiredKey {
        id,
        state: "retired",
        tokens_revoked: retired.tokens,
        emergency_token_reminted: retired.emergency,
    }))
}
