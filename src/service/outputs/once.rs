//! Outputs of a form, which may be sent twice.

use std::time::Duration;

use subtle::ConstantTimeEq as _;

use super::{OutputAdmin, OutputEdit};
use crate::id::OutputId;
use crate::service::{Caller, RequestError, ServiceError};
use crate::store::{ListedOutput, OutputSecret};

/// Time for which the same form leads to the output that it made.
const REPEATED: Duration = Duration::from_secs(3600);

impl OutputAdmin {
    /// Creates an output, unless the caller has made it before with the same fields and secrets. Returns its id.
    ///
    /// # Errors
    /// As [`Self::create_output`].
    pub async fn create_output_once(
        &self,
        caller: &Caller,
        edit: OutputEdit,
    ) -> Result<OutputId, ServiceError> {
        match self.create(caller, &edit).await {
            Err(ServiceError::Request(taken @ RequestError::OutputExists { .. })) => {
                self.made_before(caller, &edit).await?.ok_or_else(|| taken.into())
            }
            created => Ok(created?.output.id),
        }
    }

    async fn made_before(
        &self,
        caller: &Caller,
        edit: &OutputEdit,
    ) -> Result<Option<OutputId>, ServiceError> {
        let new = edit.judge(None, &self.allowed)?;
        let (by, now) = (caller.actor.to_string(), self.base.time.now());
        let has_fields = |ListedOutput { output, .. }: &ListedOutput| {
            let is_same =
                output.name == new.name && output.kind == new.kind && output.settings == new.settings;
            // Later a repeat could guess the secrets that somebody else has set since.
            is_same
                && output.created_by == by
                && output.revision == 1
                && now.since(output.created_at) < REPEATED
        };
        let outputs = self.base.store.outputs().await?;
        let Some(id) = outputs.into_iter().find(has_fields).map(|listed| listed.output.id) else {
            return Ok(None);
        };
        let Some(whole) = self.base.store.whole_output(id).await? else { return Ok(None) };
        let seal = self.trust.seal();
        let has = |stored: &OutputSecret| {
            let opened = seal.open(stored.place(id), &stored.sealed).ok();
            let pair = opened.zip(new.secrets.get(&stored.field));
            pair.is_some_and(|(stored, new)| stored.expose().as_bytes().ct_eq(new.expose().as_bytes()).into())
        };
        let has_secrets = whole.secrets.len() == new.secrets.len() && whole.secrets.iter().all(has);
        Ok(has_secrets.then_some(id))
    }
}
