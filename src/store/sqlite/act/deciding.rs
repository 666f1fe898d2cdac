//! Decisions about hosts that wait, and the end of waits without one. A decision takes the held use, or gives it back.

use super::Execution;
use super::collect::count;
use crate::clock::Timestamp;
use crate::id::{EnrollmentId, StatusRef, TokenId};
use crate::ledger::{Action, Draft, Subjects};
use crate::store::sqlite::driver::{self, Row, params};
use crate::store::sqlite::read::enrollments::{ENROLLMENT_BY_ID, enrollment};
use crate::store::{
    Admission, ApproveEnrollment, Collect, Collected, Deciding, DenyEnrollment, EnrollmentRecord,
    EnrollmentState, ExpireEnrollment, KEEP_AFTER_EXPIRY, RedeemRefusal,
};

/// Finds waiting enrollments whose token has ended.
pub(in crate::store::sqlite) const ENDED: &str = "SELECT e.enrollment, e.token FROM enrollments AS e \
     LEFT JOIN mints AS m ON m.token = e.token WHERE e.state = 'waiting' \
     AND (m.token IS NULL OR m.revoked_at IS NOT NULL OR m.revoke_at <= ?1) LIMIT ?2";

/// The facts of a token that a decision needs.
struct HeldToken {
    status: StatusRef,
    persistent: bool,
    expires_at: Option<Timestamp>,
    max_uses: Option<u32>,
}

impl HeldToken {
    /// The moment from which the pair of an admitted host may be collected.
    fn keep_pair_until(&self, decided_at: Timestamp) -> Option<Timestamp> {
        let expires_at = self.expires_at.filter(|_| !self.persistent)?;
        Some(expires_at.max(decided_at).plus(KEEP_AFTER_EXPIRY))
    }
}

impl Execution<'_> {
    /// Expires the enrollments of a token whose time is over, so that their uses are free. Returns true if there were any.
    pub(super) fn expire_waiting_of(&mut self, token: TokenId, now: Timestamp) -> driver::Result<bool> {
        let sql =
            "SELECT enrollment FROM enrollments WHERE token = ?1 AND state = 'waiting' AND expires_at <= ?2";
        let over: Vec<EnrollmentId> = self.all(sql, params![token, now], |row| row.get(0))?;
        for id in &over {
            self.expire(*id, token, now, now.plus(KEEP_AFTER_EXPIRY))?;
        }
        Ok(!over.is_empty())
    }

    /// Writes that an enrollment has expired, and gives its use back.
    pub(super) fn expire(
        &mut self,
        id: EnrollmentId,
        token: TokenId,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> driver::Result<()> {
        self.end_wait(id, EnrollmentState::Expired, keep_until)?;
        self.free_use(token)?;
        self.enter(expiry(id, token, now))
    }

    /// Moves an enrollment out of the queue.
    pub(super) fn end_wait(
        &self,
        id: EnrollmentId,
        state: EnrollmentState,
        keep_until: Timestamp,
    ) -> driver::Result<()> {
        let sql = "UPDATE enrollments SET state = ?2, keep_until = ?3 WHERE enrollment = ?1";
        self.execute(sql, params![id, state, keep_until]).map(drop)
    }

    /// Gives a held use back.
    pub(super) fn free_use(&self, token: TokenId) -> driver::Result<()> {
        let sql = "UPDATE uses SET reserved = reserved - 1 WHERE token = ?1 AND reserved > 0";
        self.execute(sql, [token]).map(drop)
    }

    /// Takes a held use. The token is used up with its last one.
    fn complete_use(
        &mut self,
        held: &HeldToken,
        waiting: &EnrollmentRecord,
        admission: Option<&Admission>,
        at: Timestamp,
    ) -> driver::Result<()> {
        let sql = "UPDATE uses SET used = used + 1, reserved = reserved - 1, \
                   spent_at = CASE WHEN used + 1 >= ?2 THEN CAST(?3 AS BIGINT) END, \
                   last_at = CASE WHEN ?4 IS NULL THEN last_at ELSE ?3 END, last_host = coalesce(?4, last_host), \
                   last_from = CASE WHEN ?4 IS NULL THEN last_from ELSE ?5 END WHERE token = ?1 RETURNING used";
        let host = admission.map(|admission| admission.certificate.host);
        let from = waiting.address.map(|from| from.to_string());
        let used: Option<u32> =
            self.one(sql, params![waiting.token, held.max_uses, at, host, from], |row| row.get(0))?;
        if used.is_some() && used == held.max_uses { self.set_used_up(held.status) } else { Ok(()) }
    }

    fn held_token(&self, token: TokenId) -> driver::Result<Option<HeldToken>> {
        let sql = "SELECT list, idx, persistent, expires_at, max_uses FROM mints WHERE token = ?1";
        self.one(sql, [token], |row| {
            Ok(HeldToken {
                status: StatusRef { list: row.get(0)?, index: row.get(1)? },
                persistent: row.get(2)?,
                expires_at: row.get(3)?,
                max_uses: row.get(4)?,
            })
        })
    }

    /// Returns an enrollment that waits and its token, or the outcome for one that does not.
    fn undecided(
        &self,
        id: EnrollmentId,
        at: Timestamp,
    ) -> driver::Result<Result<(EnrollmentRecord, HeldToken), Deciding>> {
        let Some(found) = self.one(ENROLLMENT_BY_ID, [id], |row| enrollment(row, at))? else {
            return Ok(Err(Deciding::Unknown));
        };
        Ok(match (found.state, self.held_token(found.token)?) {
            (EnrollmentState::Waiting, Some(held)) => Ok((found, held)),
            (EnrollmentState::Waiting, None) => Err(Deciding::Over(EnrollmentState::Ended)),
            (state, _) => Err(Deciding::Over(state)),
        })
    }

    pub(super) fn approve_enrollment(&mut self, command: ApproveEnrollment) -> driver::Result<Deciding> {
        let ApproveEnrollment { enrollment: id, admission, keep_until } = command;
        let at = admission.certificate.record.issued_at;
        let (waiting, held) = match self.undecided(id, at)? {
            Ok(undecided) => undecided,
            Err(outcome) => return self.undo(outcome),
        };
        if let Some(refusal) = self.refused_key(waiting.host_key)? {
            return self.undo(Deciding::Key(refusal));
        }
        let sql = "SELECT reason FROM enrollments WHERE key = ?1 AND state = 'denied' AND keep_until > ?2";
        if let Some(reason) = self.one(sql, params![waiting.host_key, at], |row| row.get(0))? {
            return self.undo(Deciding::KeyDenied { reason });
        }
        if !self.is_as_judged(admission.policy)? {
            return self.undo(Deciding::FactsChanged);
        }
        let (by, host) = (admission.entry.origin.actor.clone(), admission.certificate.host);
        self.complete_use(&held, &waiting, Some(&admission), at)?;
        match self.admit(waiting.token, held.keep_pair_until(at), admission)? {
            None => {}
            Some(RedeemRefusal::NameTaken) => return self.undo(Deciding::NameTaken),
            Some(_) => return self.undo(Deciding::NodeLimit),
        }
        let sql = "UPDATE enrollments SET state = 'approved', decided_at = ?2, decided_by = ?3, host = ?4, keep_until = ?5 \
                   WHERE enrollment = ?1";
        self.execute(sql, params![id, at, by, host, keep_until])?;
        Ok(Deciding::Done)
    }

    pub(super) fn deny_enrollment(&mut self, command: DenyEnrollment) -> driver::Result<Deciding> {
        let DenyEnrollment { enrollment: id, reason, keep_use, keep_until, entry } = command;
        let at = entry.at();
        let (waiting, held) = match self.undecided(id, at)? {
            Ok(undecided) => undecided,
            Err(outcome) => return self.undo(outcome),
        };
        match keep_use {
            true => self.complete_use(&held, &waiting, None, at)?,
            false => self.free_use(waiting.token)?,
        }
        let sql = "UPDATE enrollments SET state = 'denied', decided_at = ?2, decided_by = ?3, reason = ?4, keep_until = ?5 \
                   WHERE enrollment = ?1";
        self.execute(sql, params![id, at, entry.origin.actor, reason, keep_until])?;
        self.enter(entry)?;
        Ok(Deciding::Done)
    }

    pub(super) fn expire_enrollment(&mut self, command: ExpireEnrollment) -> driver::Result<bool> {
        let ExpireEnrollment { enrollment: id, keep_until, entry } = command;
        let sql = "SELECT token, state FROM enrollments WHERE enrollment = ?1 AND answered = 0 \
                   AND (state = 'expired' OR state = 'waiting' AND expires_at <= ?2)";
        let read = |row: &Row<'_>| Ok((row.get::<_, TokenId>(0)?, row.get::<_, EnrollmentState>(1)?));
        let Some((token, state)) = self.one(sql, params![id, entry.at()], read)? else {
            return self.undo(false);
        };
        if state == EnrollmentState::Waiting {
            self.end_wait(id, EnrollmentState::Expired, keep_until)?;
            self.free_use(token)?;
            self.enter(entry)?;
        }
        self.execute("UPDATE enrollments SET answered = 1 WHERE enrollment = ?1", [id])?;
        Ok(true)
    }

    /// Writes the end of waits that are over, and deletes records that nothing needs.
    pub(super) fn collect_enrollments(
        &mut self,
        command: &Collect,
        done: &mut Collected,
    ) -> driver::Result<()> {
        let keep_until = command.now.plus(command.retention.max(KEEP_AFTER_EXPIRY));
        let read = |row: &Row<'_>| Ok((row.get::<_, EnrollmentId>(0)?, row.get::<_, TokenId>(1)?));
        let ended = self.all(ENDED, params![command.now, command.most], read)?;
        count(ended.len(), command, &mut done.more);
        for (id, token) in ended {
            // The entry of the token's end says it.
            self.end_wait(id, EnrollmentState::Ended, keep_until)?;
            self.free_use(token)?;
        }
        let sql =
            "SELECT enrollment, token FROM enrollments WHERE state = 'waiting' AND expires_at <= ?1 LIMIT ?2";
        let over = self.all(sql, params![command.now, command.most], read)?;
        count(over.len(), command, &mut done.more);
        for (id, token) in over {
            self.expire(id, token, command.now, keep_until)?;
        }
        let sql = "DELETE FROM enrollments WHERE enrollment IN ( \
                   SELECT enrollment FROM enrollments WHERE keep_until <= ?1 LIMIT ?2)";
        let deleted = self.execute(sql, params![command.now, command.most])?;
        done.enrollments += count(deleted, command, &mut done.more);
        Ok(())
    }
}

fn expiry(id: EnrollmentId, token: TokenId, now: Timestamp) -> Draft {
    let entry = Draft::done(Action::EnrollmentExpired, now, "system").about(Subjects::token(token));
    entry.with("enrollment", id.to_string())
}
