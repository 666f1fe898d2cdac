//! Outputs: listing, showing, creating, changing and deleting them, and handing them to the hosts of a policy.

mod address;
mod default_roles;
mod edit;
pub mod hosts;
mod judge;
pub mod keys;
mod once;
mod pem;
mod secrets;

use std::sync::Arc;

use self::edit::NewOutput;
pub use self::edit::OutputEdit;
use self::keys::OutputKeys;
use self::secrets::is_same_account;
use super::base::Base;
use super::trust::LiveTrust;
use super::{Caller, RequestError, ServiceError};
use crate::access::Act;
use crate::id::OutputId;
use crate::ledger::{Action, Draft};
use crate::outbound::AllowedDestinations;
use crate::seal::Seal;
use crate::service::base::ATTEMPTS;
use crate::store::{
    ChangeOutput, CreateOutput, DeleteOutput, ListedOutput, MOST_OUTPUTS, Output, OutputChange,
    OutputCreation, OutputDeletion, Page, PageQuery, SecretField, StoreError,
};

/// An administrator's use cases of outputs.
pub struct OutputAdmin {
    pub(super) base: Base,
    pub(super) trust: Arc<LiveTrust>,
    /// The destinations that the configuration allows.
    pub(super) allowed: AllowedDestinations,
    pub(super) keys: Arc<OutputKeys>,
}

impl OutputAdmin {
    /// Returns a page of the outputs, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_outputs(
        &self,
        query: PageQuery<OutputId>,
    ) -> Result<Page<ListedOutput, OutputId>, ServiceError> {
        let outputs = self.base.store.outputs().await?.into_iter();
        let mut rest = outputs.filter(|listed| query.after.is_none_or(|after| after < listed.output.id));
        let items =
            rest.by_ref().take(usize::try_from(query.limit).unwrap_or(usize::MAX)).collect::<Vec<_>>();
        let next = items.last().map(|last| last.output.id).filter(|_| rest.next().is_some());
        Ok(Page { items, next })
    }

    /// Returns one output.
    ///
    /// # Errors
    /// The output is unknown, or the store cannot be read.
    pub async fn show_output(&self, id: OutputId) -> Result<ListedOutput, ServiceError> {
        self.base.store.output(id).await?.ok_or_else(|| unknown(id))
    }

    /// Creates an output.
    ///
    /// # Errors
    /// It is beyond the caller's limits, or a field is invalid. Its name is taken, or there are too many outputs. Or the store
    /// cannot be written.
    pub async fn create_output(
        &self,
        caller: &Caller,
        edit: OutputEdit,
    ) -> Result<ListedOutput, ServiceError> {
        self.create(caller, &edit).await
    }

    async fn create(&self, caller: &Caller, edit: &OutputEdit) -> Result<ListedOutput, ServiceError> {
        caller.may(Act::ManageOutputs)?;
        let new = edit.judge(None, &self.allowed)?;
        for _ in 0..ATTEMPTS {
            let now = self.base.time.trusted()?;
            let (id, by) = (OutputId::generate(now), caller.actor.to_string());
            let output = Output {
                id,
                name: new.name.clone(),
                kind: new.kind,
                revision: 1,
                settings: new.settings.clone(),
                created_at: now,
                created_by: by.clone(),
                updated_at: now,
                updated_by: by,
            };
            let secrets = new.sealed(&self.trust.seal(), id, output.revision)?;
            let entry = about(caller.did(Action::OutputCreated, now), &output).with("secrets", new.names());
            let command = CreateOutput { output: output.clone(), secrets, entry };
            match self.base.store.create_output(command).await? {
                OutputCreation::Created => {
                    let secrets = new.secrets.keys().copied().collect();
                    return Ok(ListedOutput { output, secrets, policies: 0 });
                }
                OutputCreation::KeyGone => drop(self.trust.change().await),
                OutputCreation::TooMany => {
                    return Err(RequestError::TooManyOutputs { most: MOST_OUTPUTS }.into());
                }
                OutputCreation::NameTaken => return Err(name_taken(&output)),
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Changes an output. The hosts of its policies follow at their next check-in.
    ///
    /// # Errors
    /// The change is beyond the caller's limits, or a field is invalid. The name is taken. The output is unknown, or has another
    /// revision than `expected`. Or the store cannot be written.
    pub async fn change_output(
        &self,
        caller: &Caller,
        id: OutputId,
        edit: OutputEdit,
        expected: Option<u64>,
    ) -> Result<ListedOutput, ServiceError> {
        caller.may(Act::ManageOutputs)?;
        for _ in 0..ATTEMPTS {
            let before = self.judged(id, expected).await?;
            let seal = self.trust.seal();
            let mut new = edit.judge(Some(&before), &self.allowed)?;
            new.is_moved |= self.has_other_account(id, &new, &seal).await?;
            let changed = new.changed(&before.output);
            if changed.is_empty() {
                return Ok(before);
            }
            let revision = before.output.revision;
            let entry = about(caller.did(Action::OutputChanged, self.base.time.now()), &before.output);
            let command = ChangeOutput {
                output: id,
                revision,
                name: new.name.clone(),
                settings: new.settings.clone(),
                secrets: new.sealed(&seal, id, revision + 1)?,
                is_moved: new.is_moved,
                dropped: new.dropped.clone(),
                entry: entry.with("changed", changed),
            };
            match self.base.store.change_output(command).await? {
                OutputChange::Done => {
                    self.keys.judge_soon();
                    return self.show_output(id).await;
                }
                OutputChange::KeyGone => drop(self.trust.change().await),
                OutputChange::Moved => {}
                OutputChange::NameTaken => {
                    return Err(name_taken(&Output { name: new.name, ..before.output }));
                }
                OutputChange::Unknown => return Err(unknown(id)),
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Deletes an output that no policy has.
    ///
    /// # Errors
    /// It is beyond the caller's limits. Policies have it. It is unknown, or has another revision than `expected`. Or the store
    /// cannot be written.
    pub async fn delete_output(
        &self,
        caller: &Caller,
        id: OutputId,
        expected: Option<u64>,
    ) -> Result<(), ServiceError> {
        caller.may(Act::ManageOutputs)?;
        for _ in 0..ATTEMPTS {
            let output = self.judged(id, expected).await?.output;
            let entry = about(caller.did(Action::OutputDeleted, self.base.time.now()), &output);
            let command = DeleteOutput { output: id, revision: output.revision, entry };
            match self.base.store.delete_output(command).await? {
                OutputDeletion::Deleted => {
                    self.keys.judge_soon();
                    return Ok(());
                }
                OutputDeletion::InUse { policies } => {
                    return Err(RequestError::OutputInUse { policies }.into());
                }
                OutputDeletion::Unknown => return Err(unknown(id)),
                OutputDeletion::Moved => {}
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Returns true if a new service token is of another account. Then the former one is kept: at Elasticsearch, an account finds its own
    /// keys alone. A former token that does not open could end no key.
    async fn has_other_account(
        &self,
        id: OutputId,
        new: &NewOutput<'_>,
        seal: &Seal,
    ) -> Result<bool, ServiceError> {
        let Some(token) = new.secrets.get(&SecretField::ServiceToken) else { return Ok(false) };
        let Some(whole) = self.base.store.whole_output(id).await? else { return Ok(false) };
        let former = whole.secrets.iter().find(|secret| secret.field == SecretField::ServiceToken);
        let former = former.and_then(|secret| seal.open(secret.place(id), &secret.sealed).ok());
        Ok(former.is_some_and(|former| !is_same_account(&former, token)))
    }

    /// Returns the output at the revision that the caller expects.
    async fn judged(&self, id: OutputId, expected: Option<u64>) -> Result<ListedOutput, ServiceError> {
        let listed = self.show_output(id).await?;
        match expected.is_some_and(|expected| expected != listed.output.revision) {
            true => Err(RequestError::Stale.into()),
            false => Ok(listed),
        }
    }
}

fn unknown(id: OutputId) -> ServiceError {
    RequestError::not_found("output", id).into()
}

fn name_taken(output: &Output) -> ServiceError {
    RequestError::OutputExists { name: output.name.to_string() }.into()
}

/// The entry with the output's id, name and type. Its fields can be long, and are not in it.
fn about(entry: Draft, output: &Output) -> Draft {
    entry
        .with("output", output.id.to_string())
        .with("label", output.name.as_str())
        .with("type", output.kind.as_str())
}
