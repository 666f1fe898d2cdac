//! Founding: the first start on an empty data directory.

use super::emergency::EMERGENCY_FILE;
use super::keys::files::make_pairs;
use super::keys::fleet::make_first_fleet_key;
use super::keys::seal::make_first_seal_key;
use super::tokens::mint::{Minting, emergency_order, first_roles_order};
use super::tokens::{HowToRevoke, TokenAdmin};
use super::vault::Vault;
use super::{Caller, FieldError, RequestError, ServiceError};
use crate::access::password;
use crate::clock::Timestamp;
use crate::id::ListId;
use crate::ledger::{Action, Subjects};
use crate::secret::Secret;
use crate::store::{AuthorityIdentity, Found, Founded, ListKind, ListRecord, SetPassword, Store};
use crate::token::KeyUse;

/// The name of the first admin.
pub const ADMIN: &str = "admin";

/// The secrets that are shown once, after the first start.
pub struct FirstStart {
    /// The admin's password, if it was generated.
    pub admin_password: Option<Secret<String>>,
    /// The first roles token, unless the start was to mint none.
    pub roles_token: Option<Secret<String>>,
    /// The text of the first emergency token.
    pub emergency_token: Secret<String>,
}

/// The files of these secrets in the data directory, in their order.
pub const FIRST_SECRETS: [&str; 3] = ["admin.password", "first-roles.token", EMERGENCY_FILE];

impl FirstStart {
    /// Each secret, in the order of their files.
    pub fn secrets(&self) -> [Option<&Secret<String>>; 3] {
        [self.admin_password.as_ref(), self.roles_token.as_ref(), Some(&self.emergency_token)]
    }
}

/// Records keys, lists, the authority's identity, and the first admin. Later calls change nothing.
///
/// # Errors
/// The password is not acceptable, or a file or the store cannot be written.
pub async fn found(
    store: &dyn Store,
    vault: &Vault,
    identity: AuthorityIdentity,
    admin_password: &Secret<String>,
    now: Timestamp,
) -> Result<Founded, ServiceError> {
    let hash = password::hash(admin_password, ADMIN)
        .map_err(|error| RequestError::Fields(vec![FieldError::of("password", &error)]))?;
    let list = |kind| ListRecord { id: ListId::generate(now), kind, next: 0 };
    let (caller, subjects) = (Caller::SYSTEM, Subjects::user(ADMIN));
    let keys = make_pairs(vault, &KeyUse::ALL, [], now)?;
    make_first_fleet_key(vault)?;
    make_first_seal_key(vault)?;
    let command = Found {
        keys,
        lists: vec![list(ListKind::Ephemeral), list(ListKind::Persistent)],
        entry: caller.did(Action::AuthorityCreated, now).with("issuer", identity.issuer.as_str()),
        identity,
        admin: SetPassword {
            user: ADMIN.to_owned(),
            hash,
            entry: caller.did(Action::PasswordSet, now).about(subjects),
        },
    };
    Ok(store.found(command).await?)
}

/// Revokes every persistent token. A repeated first start calls it before another caller can mint one.
///
/// # Errors
/// The store cannot be written.
pub async fn revoke_first_tokens(tokens: &TokenAdmin) -> Result<(), ServiceError> {
    let how = HowToRevoke { even_emergency: true, only_persistent: true, hosts: false };
    for &(token, _) in tokens.list_persistent_tokens().await?.iter() {
        tokens.revoke_token(&Caller::SYSTEM, token, how).await?;
    }
    Ok(())
}

/// Mints the first roles token.
///
/// # Errors
/// The store cannot be written.
pub async fn mint_first_roles_token(minting: &Minting) -> Result<Secret<String>, ServiceError> {
    Ok(minting.mint(&Caller::SYSTEM, first_roles_order()).await?.into_text())
}

/// Mints the emergency token.
///
/// # Errors
/// The store cannot be written.
pub async fn mint_emergency_token(minting: &Minting) -> Result<Secret<String>, ServiceError> {
    let emergency = minting.mint(&Caller::SYSTEM, emergency_order(&minting.roles)).await?;
    minting.trust.set_emergency(emergency.grant().token.id);
    Ok(emergency.into_text())
}
