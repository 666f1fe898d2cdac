//! Slots under the node limit: a host holds one while it is not revoked and its newest certificate has not expired.

use super::Execution;
use crate::admission::Capacity;
use crate::clock::Timestamp;
use crate::store::NodeLimit;
use crate::store::sqlite::driver;

impl Execution<'_> {
    /// Moves the count of hosts to `now`. Each verb that adds, revokes or deletes a host calls it before it changes the row.
    pub(super) fn count_hosts_at(&mut self, now: Timestamp) -> driver::Result<()> {
        self.effects.hosts = self.effects.hosts.at(self.sql, now)?;
        Ok(())
    }

    /// Counts a host with another newest certificate.
    pub(super) fn move_end(&mut self, from: Timestamp, to: Timestamp) {
        self.effects.hosts.remove(from);
        self.effects.hosts.add(to);
    }

    /// Returns whether the limit leaves a slot for one more host.
    pub(super) fn has_slot(&self, limit: NodeLimit) -> driver::Result<bool> {
        let NodeLimit::Configured(configured) = limit else { return Ok(true) };
        // The row is read here: memory may not have a change of this moment yet.
        let sql = "SELECT value FROM settings WHERE name = ?1";
        let changed = self.one(sql, [NodeLimit::SETTING], |row| row.get(0))?;
        let node_limit = changed.map_or(configured, NodeLimit::of_stored);
        Ok(Capacity { node_limit, enrolled: self.effects.hosts.enrolled }.has_slot())
    }
}
