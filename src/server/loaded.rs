//! Everything that a start reads and checks before it writes.

use std::net::SocketAddr;
use std::sync::Arc;

use super::first_start::Stage;
use super::identity::{self, ServerIdentity};
use super::{StartError, ca_files, older_copy, preflight};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::name::DnsName;
use crate::service::TimeKeeper;
use crate::service::ca::set::CaSet;
use crate::service::keys::files::unusable;
use crate::service::vault::Vault;
use crate::store::Store;

/// The results of the checks that need the store.
pub(super) struct Loaded {
    pub(super) stage: Stage,
    pub(super) time: Arc<TimeKeeper>,
    pub(super) identity: ServerIdentity,
    /// `None` if it is to be made.
    pub(super) cas: Option<CaSet>,
}

impl Loaded {
    /// Reads it from the store and the files. Changes nothing. An error names all problems.
    pub(super) async fn read(
        config: &Config,
        clock: Arc<dyn Clock>,
        store: &dyn Store,
        vault: &Vault,
        (local_addr, outside_names): (SocketAddr, Vec<DnsName>),
    ) -> Result<Self, StartError> {
        let mut problems = Vec::new();
        let stage = Stage::find(store, &config.server.data_dir).await?;
        let time = Arc::new(TimeKeeper::new(clock, store.mark()));
        let now = time.now();
        let cas = noted(load_keys(config, store, vault, (stage, now)).await, &mut problems);
        if cas.is_none() {
            problems.extend(preflight::other_keys_dir(&config.server));
        }
        let identity = identity::settle(&config.server, store, local_addr, outside_names, now).await;
        let identity = noted(identity, &mut problems);
        match (identity, cas) {
            (Some(identity), Some(cas)) => Ok(Self { stage, time, identity, cas }),
            _ => Err(StartError::all(problems)),
        }
    }
}

/// Loads the CA, and checks the signing keys, and that the keys directory and the database belong together.
async fn load_keys(
    config: &Config,
    store: &dyn Store,
    vault: &Vault,
    (stage, now): (Stage, Timestamp),
) -> Result<Option<CaSet>, StartError> {
    preflight::check_owner(vault, store, stage.is_new()).await?;
    older_copy::refuse(&config.server, store, vault).await?;
    let records = store.keys().await.map_err(StartError::of)?;
    let mut problems = unusable(vault, &records).iter().map(ToString::to_string).collect::<Vec<_>>();
    let cas = noted(ca_files::load(config, store, vault, stage.is_new(), now).await, &mut problems);
    match cas {
        Some(cas) if problems.is_empty() => Ok(cas),
        _ => Err(StartError::all(problems)),
    }
}

/// Notes the problems of a check that failed.
fn noted<T>(checked: Result<T, StartError>, problems: &mut Vec<String>) -> Option<T> {
    checked.map_err(|error| problems.extend(error.problems)).ok()
}
