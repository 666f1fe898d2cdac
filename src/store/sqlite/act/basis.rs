//! The check that the caller's rights are unchanged (I5). The transaction has the last word on that.

use super::Execution;
use crate::clock::Timestamp;
use crate::ledger::{Basis, Draft};
use crate::store::StoreError;
use crate::store::sqlite::driver::{self, Row, params};

impl Execution<'_> {
    /// Checks that the caller still has the rights that allowed the act. If not, the command is undone. Every entry is checked. A command
    /// that changes users or keys checks before that, as its caller may be among them.
    pub(super) fn ask(&mut self, entry: &Draft) -> driver::Result<()> {
        let Some(basis) = &entry.basis else { return Ok(()) };
        if self.asked.as_ref() != Some(basis) {
            if let Some(refused) = self.moved(basis, entry.at())? {
                self.refused.get_or_insert(refused);
            }
            self.asked = Some(basis.clone());
        }
        Ok(())
    }

    /// Returns the refusal if the record has changed.
    fn moved(&self, basis: &Basis, at: Timestamp) -> driver::Result<Option<StoreError>> {
        let read = |row: &Row<'_>| Ok((row.get::<_, Option<u64>>(0)?, row.get::<_, bool>(1)?));
        let (now, judged) = match basis {
            Basis::User { name, epoch: _, version, session: None } => {
                let sql = "SELECT version, disabled_at IS NULL FROM users WHERE name = ?1";
                (self.one(sql, [name], read)?, Some(*version))
            }
            Basis::User { name, epoch: _, version, session: Some(session) } => {
                let sql = "SELECT u.version, u.disabled_at IS NULL FROM users AS u \
                           JOIN sessions AS s ON s.user_name = u.name AND s.epoch = u.epoch WHERE u.name = ?1 AND s.digest = ?2";
                (self.one(sql, params![name, session], read)?, Some(*version))
            }
            Basis::ApiKey { id, owner } => {
                let sql = "SELECT u.version, u.disabled_at IS NULL FROM api_keys AS k LEFT JOIN users AS u ON u.name = k.owner \
                           WHERE k.id = ?1 AND k.suspended_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?2)";
                (self.one(sql, params![id, at], read)?, owner.as_ref().map(|(_, version)| *version))
            }
        };
        Ok(match now {
            None | Some((_, false)) => Some(StoreError::ActorGone),
            Some((version, true)) if version != judged => Some(StoreError::RightsChanged),
            Some(_) => None,
        })
    }
}
