//! The first start. Its secrets are shown once, and created again if the process died before it showed them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::StartError;
use crate::access::password;
use crate::clock::Timestamp;
use crate::config::{AdminPassword, Config, ConfigProblem, DATABASE};
use crate::secret::Secret;
use crate::service::found::{
    ADMIN, FIRST_SECRETS, FirstStart, found, mint_emergency_token, mint_first_roles_token,
    revoke_first_tokens,
};
use crate::service::vault::{Vault, VaultError, unfinished, write_private};
use crate::service::{Authority, Caller};
use crate::store::{AuthorityIdentity, Founded, Store};

/// File that exists from before the founding until the server runs.
const PENDING: &str = "first-start.pending";

fn pending_file(data_dir: &Path) -> PathBuf {
    data_dir.join(PENDING)
}

/// Returns the problem of the password that a first start would use. Nothing is created yet. A later start ignores it.
pub(super) fn problem(config: &Config) -> Option<String> {
    let data_dir = &config.server.data_dir;
    let is_first = !data_dir.join(DATABASE).exists() || pending_file(data_dir).exists();
    is_first.then(|| given_password(config).err()).flatten().map(|problem| problem.to_string())
}

fn given_password(config: &Config) -> Result<Option<Secret<String>>, ConfigProblem> {
    config.server.admin_password.as_ref().map(AdminPassword::read).transpose()
}

/// The stage of an authority's life at a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The database is empty.
    New,
    /// An earlier process founded the store and died before it showed the secrets. No server has run.
    Again,
    /// A server has run.
    Founded,
}

impl Stage {
    /// Finds the stage. Changes nothing.
    pub(super) async fn find(store: &dyn Store, data_dir: &Path) -> Result<Self, StartError> {
        let founded = store.clock_mark().await.map_err(StartError::of)?.is_some();
        Ok(match (founded, pending_file(data_dir).exists()) {
            (false, _) => Self::New,
            (true, true) => Self::Again,
            (true, false) => Self::Founded,
        })
    }

    /// Returns true for an authority that nobody has seen: it may get a CA.
    pub(super) fn is_new(self) -> bool {
        self != Self::Founded
    }
}

/// A first start that has begun.
pub(super) struct Pending {
    password: Secret<String>,
    generated: bool,
    /// An earlier process founded the store.
    again: bool,
}

/// Founds the authority if that was not done before. Returns `None` if there is nothing to show.
pub(super) async fn begin(
    stage: Stage,
    store: &dyn Store,
    vault: &Vault,
    config: &Config,
    (identity, now): (&AuthorityIdentity, Timestamp),
) -> Result<Option<Pending>, StartError> {
    if stage == Stage::Founded {
        return Ok(None);
    }
    let given = given_password(config).map_err(StartError::of)?;
    write_private(&pending_file(&config.server.data_dir), b"").map_err(StartError::of)?;
    forget_files(&config.server.data_dir);
    let generated = given.is_none();
    let password = given.unwrap_or_else(password::generate);
    let founded = match stage {
        Stage::New => found(store, vault, identity.clone(), &password, now).await.map_err(StartError::of)?,
        _ => Founded::Before,
    };
    Ok(Some(Pending { password, generated, again: founded == Founded::Before }))
}

/// Mints the first tokens, if `roles_token` with the first roles token.
pub(super) async fn finish(
    authority: &Authority,
    pending: Option<Pending>,
    roles_token: bool,
) -> Result<Option<FirstStart>, StartError> {
    let Some(Pending { password, generated, again }) = pending else { return Ok(None) };
    if again {
        let hash = password::hash(&password, ADMIN).map_err(StartError::of)?;
        authority.accounts.set_password(&Caller::SYSTEM, ADMIN, hash).await.map_err(StartError::of)?;
        // Nobody may have seen the tokens of the earlier first start. They must not stay valid.
        revoke_first_tokens(&authority.tokens).await.map_err(StartError::of)?;
    }
    let minting = &authority.minting;
    let roles_token = match roles_token {
        true => Some(mint_first_roles_token(minting).await.map_err(StartError::of)?),
        false => None,
    };
    let emergency_token = mint_emergency_token(minting).await.map_err(StartError::of)?;
    Ok(Some(FirstStart { admin_password: generated.then_some(password), roles_token, emergency_token }))
}

/// Removes the files of an earlier first start, which may have been killed while it wrote one. Their secrets are replaced.
fn forget_files(data_dir: &Path) {
    for file in FIRST_SECRETS {
        // Usually they do not exist. A file that stays fails the writing of the new one.
        let _ = fs::remove_file(data_dir.join(file));
        let _ = fs::remove_file(unfinished(&data_dir.join(file)));
    }
}

/// Writes a secret of the first start to its file, of mode 0600.
pub(super) fn keep(data_dir: &Path, file: &str, secret: &Secret<String>) -> Result<PathBuf, VaultError> {
    let path = data_dir.join(file);
    let text = Secret::new(format!("{}\n", secret.expose()));
    write_private(&path, text.expose().as_bytes())?;
    Ok(path)
}

/// Removes the marker: the server runs, so the secrets of the first start have been shown.
pub(super) fn done(data_dir: &Path) -> Result<(), VaultError> {
    let marker = pending_file(data_dir);
    // Synced, so that no power cut brings the marker back. The next start would replace secrets that are in use.
    match fs::remove_file(&marker).and_then(|()| fs::File::open(data_dir)?.sync_all()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(VaultError::Io { path: marker.display().to_string(), cause: error.to_string() })
        }
        _ => Ok(()),
    }
}
