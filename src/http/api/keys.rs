//! Signing keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::{Listed, whole};
use super::shapes::{KeyItem, RetirementFacts};
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::id::ListedKey;
use crate::service::keys::RetireWhy;
use crate::service::keys::fleet::FLEET;
use crate::service::keys::seal::SEAL;
use crate::service::{FieldError, RequestError, ServiceError};
use crate::token::KeyUse;

/// List signing keys
///
/// And the keys of Elastic Fleet's API, whose use is `fleet`, and the key that seals the secrets of outputs, `seal`.
#[utoipa::path(
    get,
    path = "/api/v1/signing-keys",
    responses((status = 200, description = "All signing keys.", body = Listed<KeyItem>)),
)]
pub(super) async fn list_signing_keys(call: Call) -> Result<Reply, Problem> {
    let admin = &call.authority.trust_admin;
    let signing = admin.list_keys().await?.into_iter().map(KeyItem::new);
    let fleet = KeyItem::of_fleet(admin.list_fleet_keys().await?);
    let seal = admin.list_seal_keys().await?.into_iter().map(KeyItem::of_seal);
    Ok(whole(signing.chain(fleet).chain(seal).collect()))
}

/// Rotate the signing keys of one use
///
/// The prepared key starts to sign, and another is prepared. The previous key still verifies. A key of the use `fleet` is made
/// when it is needed: the new one gives new tokens their `api_key`. A new key of the use `seal` seals every secret of outputs
/// again, and the former one is destroyed.
#[utoipa::path(
    post,
    path = "/api/v1/signing-keys/rotate",
    request_body = KeyRotation,
    responses((status = 200, description = "The current keys.", body = Listed<KeyItem>), code::KeysUnavailable),
)]
pub(super) async fn rotate_signing_keys(call: Call) -> Result<Reply, Problem> {
    let KeyRotation { usage } = decode::strict(&call.body)?;
    if usage == FLEET {
        call.authority.trust_admin.rotate_fleet_key(&call.caller).await?;
        return list_signing_keys(call).await;
    }
    if usage == SEAL {
        call.authority.trust_admin.rotate_seal(&call.caller).await?;
        return list_signing_keys(call).await;
    }
    let usage = KeyUse::parse(&usage).ok_or_else(|| {
        let known =
            KeyUse::ALL.map(KeyUse::name).into_iter().chain([FLEET, SEAL]).collect::<Vec<_>>().join(", ");
        ServiceError::Request(RequestError::Fields(vec![FieldError::new("use", format!("one of {known}"))]))
    })?;
    call.authority.trust_admin.rotate_keys(&call.caller, usage).await?;
    list_signing_keys(call).await
}

#[derive(Deserialize, ToSchema)]
#[schema(as = RotateSigningKeysRequest)]
struct KeyRotation {
    /// Use of the keys; default: enrollment tokens.
    #[schema(example = "enrollment")]
    #[serde(rename = "use", default = "enrollment")]
    usage: String,
}

fn enrollment() -> String {
    KeyUse::Enrollment.name().to_owned()
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = RetireSigningKeyRequest)]
struct KeyRetirement {
    /// True: the private key may have leaked. Every key is accepted, including the current one, without `confirm`.
    compromised: bool,
    /// True: revoke live persistent tokens of the key.
    #[schema(example = true)]
    confirm: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RetiredSigningKey)]
struct RetiredKey {
    #[schema(example = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ")]
    id: String,
    #[serde(flatten)]
    facts: RetirementFacts,
}

/// Retire a signing key
///
/// Its tokens stop working. A token with an `api_key` keeps that one: only its signed text ends. A key with live persistent tokens needs `compromised` or `confirm`.
#[utoipa::path(
    post,
    path = "/api/v1/signing-keys/{kid}/retire",
    params(("kid" = String, Path, description = "Id of the key.", example = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ")),
    request_body = KeyRetirement,
    responses(
        (status = 200, description = "Retired.", body = RetiredKey),
        code::KeyNeeded,
        code::KeyInUse,
        code::KeysUnavailable,
    ),
)]
pub(super) async fn retire_signing_key(call: Call) -> Result<Reply, Problem> {
    let id = call.id("kid", "signing key", ListedKey::parse)?;
    let KeyRetirement { compromised, confirm } = decode::strict(&call.body)?;
    let why = match (compromised, confirm) {
        (true, _) => RetireWhy::Compromised,
        (false, true) => RetireWhy::Confirmed,
        (false, false) => RetireWhy::Unneeded,
    };
    let (admin, caller) = (&call.authority.trust_admin, &call.caller);
    let retired = match id {
        ListedKey::Signing(id) => admin.retire_key(caller, id, why).await?,
        ListedKey::Fleet(id) => admin.retire_fleet_key(caller, id, why).await?,
    };
    Ok(Reply::ok(&RetiredKey { id: id.to_string(), facts: retired.into() }))
}
