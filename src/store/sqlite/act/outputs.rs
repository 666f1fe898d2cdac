//! Outputs: creation, change and deletion, and their place in policies.

use super::Execution;
use crate::id::{OutputId, PolicyId};
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::read::outputs::POLICIES_OF_OUTPUT;
use crate::store::sqlite::value::Json;
use crate::store::{
    ChangeOutput, CreateOutput, DeleteOutput, MOST_OUTPUTS, Output, OutputChange, OutputCreation,
    OutputDeletion, OutputSecret,
};

impl Execution<'_> {
    pub(super) fn create_output(&mut self, command: CreateOutput) -> driver::Result<OutputCreation> {
        let CreateOutput { output, secrets, entry } = command;
        let kept = self.one("SELECT count(*) FROM outputs", [], |row| row.get::<_, u32>(0))?;
        if kept.unwrap_or(0) >= MOST_OUTPUTS {
            return self.undo(OutputCreation::TooMany);
        }
        if self.has_other_output(output.id, output.name.as_str())? {
            return self.undo(OutputCreation::NameTaken);
        }
        self.insert_output(&output)?;
        if !self.put_secrets(output.id, &secrets)? {
            return self.undo(OutputCreation::KeyGone);
        }
        self.enter(entry)?;
        Ok(OutputCreation::Created)
    }

    pub(super) fn change_output(&mut self, command: ChangeOutput) -> driver::Result<OutputChange> {
        let ChangeOutput { output, revision, name, settings, secrets, is_moved, dropped, entry } = command;
        if self.has_other_output(output, name.as_str())? {
            return self.undo(OutputChange::NameTaken);
        }
        self.begin_cluster(output, revision, &settings, is_moved)?;
        let sql = "UPDATE outputs SET name = ?3, settings = ?4, updated_at = ?5, updated_by = ?6, revision = revision + 1 \
                   WHERE output = ?1 AND revision = ?2";
        let params = params![output, revision, name, Json(&settings), entry.at(), entry.origin.actor];
        if self.execute(sql, params)? == 0 {
            let known = self.has_output(output)?;
            return self.undo(if known { OutputChange::Moved } else { OutputChange::Unknown });
        }
        for field in dropped {
            let sql = "DELETE FROM output_secrets WHERE output = ?1 AND field = ?2";
            self.execute(sql, params![output, field])?;
        }
        if !self.put_secrets(output, &secrets)? {
            return self.undo(OutputChange::KeyGone);
        }
        // The change may mend the cluster.
        self.execute("DELETE FROM failing_clusters WHERE output = ?1", [output])?;
        self.enter(entry)?;
        Ok(OutputChange::Done)
    }

    pub(super) fn delete_output(&mut self, command: DeleteOutput) -> driver::Result<OutputDeletion> {
        let DeleteOutput { output, revision, entry } = command;
        let policies = self.one(POLICIES_OF_OUTPUT, [output], |row| row.get(0))?.unwrap_or(0);
        if policies > 0 {
            return self.undo(OutputDeletion::InUse { policies });
        }
        self.keep_cluster(output)?;
        let sql = "DELETE FROM outputs WHERE output = ?1 AND revision = ?2";
        if self.execute(sql, params![output, revision])? == 0 {
            let known = self.has_output(output)?;
            return self.undo(if known { OutputDeletion::Moved } else { OutputDeletion::Unknown });
        }
        self.enter(entry)?;
        Ok(OutputDeletion::Deleted)
    }

    /// Replaces the outputs of a policy. Returns the first one that does not exist.
    pub(super) fn set_outputs(
        &self,
        policy: PolicyId,
        outputs: &[OutputId],
    ) -> driver::Result<Option<OutputId>> {
        self.execute("DELETE FROM policy_outputs WHERE policy = ?1", [policy])?;
        for (position, output) in (0_u32..).zip(outputs) {
            if !self.has_output(*output)? {
                return Ok(Some(*output));
            }
            let sql = "INSERT INTO policy_outputs (policy, output, position) VALUES (?1, ?2, ?3)";
            self.execute(sql, params![policy, output, position])?;
        }
        Ok(None)
    }

    fn insert_output(&self, output: &Output) -> driver::Result<()> {
        let sql = "INSERT INTO outputs (output, revision, name, kind, settings, created_at, created_by, updated_at, updated_by) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let Output { id, name, kind, revision, settings, created_at, created_by, updated_at, updated_by } =
            output;
        let params =
            params![id, revision, name, kind, Json(settings), created_at, created_by, updated_at, updated_by];
        self.execute(sql, params).map(drop)
    }

    /// Writes these secrets over others. Returns false if another key than theirs seals now.
    fn put_secrets(&self, output: OutputId, secrets: &[OutputSecret]) -> driver::Result<bool> {
        for OutputSecret { field, version, sealed } in secrets {
            if !self.is_sealing(sealed.key)? {
                return Ok(false);
            }
            let sql = "INSERT INTO output_secrets (output, field, version, seal, sealed) VALUES (?1, ?2, ?3, ?4, ?5) \
                       ON CONFLICT (output, field) DO UPDATE SET version = excluded.version, seal = excluded.seal, \
                       sealed = excluded.sealed";
            self.execute(sql, params![output, field, version, sealed.key, sealed.bytes])?;
        }
        Ok(true)
    }

    pub(super) fn has_output(&self, output: OutputId) -> driver::Result<bool> {
        self.exists("SELECT 1 FROM outputs WHERE output = ?1", [output])
    }

    /// Returns whether another output has the name.
    fn has_other_output(&self, output: OutputId, name: &str) -> driver::Result<bool> {
        self.exists("SELECT 1 FROM outputs WHERE name = ?2 AND output <> ?1", params![output, name])
    }
}
