//! The gate of a new host: a rule admits it, or it waits for a decision. The wait holds a use of the token.

use std::net::IpAddr;

use super::Execution;
use super::redeem::keep_until;
use crate::access::address::site;
use crate::admission::HostCredential;
use crate::approval::Approval;
use crate::clock::Timestamp;
use crate::id::{HostId, TokenId};
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::value::Json;
use crate::store::{
    Admission, Gate, JudgedRule, MOST_WAITING, MOST_WAITING_AT_SITE, NewEnrollment, Otherwise, RedeemRefusal,
    Redeemed,
};
use crate::token::Grant;

/// Counts the waiting enrollments of a token, up to `?2`.
const WAITING_OF_TOKEN: &str =
    "SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE token = ?1 AND state = 'waiting' LIMIT ?2)";
/// Counts those of a token and the site `?3`.
const WAITING_AT_SITE: &str = "SELECT count(*) FROM (SELECT 1 FROM enrollments \
     WHERE token = ?1 AND site = ?3 AND state = 'waiting' LIMIT ?2)";
/// Counts all waiting enrollments, up to `?1`.
const WAITING: &str = "SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE state = 'waiting' LIMIT ?1)";

/// The way of a host through a gate.
pub(super) enum Passage {
    /// It is admitted.
    Open,
    /// It waits.
    Waits(Box<NewEnrollment>),
    /// A rule of the gate is not as it was judged.
    Stale,
    /// Another request with this key waits, or a decision about the key was made.
    Overtaken,
}

impl Execution<'_> {
    /// The setting `approval`; `None`: that of the configuration.
    pub(super) fn default_mode(&self) -> driver::Result<Option<Approval>> {
        let sql = "SELECT value FROM settings WHERE name = ?1";
        Ok(self.one(sql, [Approval::SETTING], |row| row.get(0))?.map(Approval::of_stored))
    }

    /// Finds the way of a new host through its gate. A rule that admits it is noted in `admission`. The host that it replaces leaves its
    /// place in the rule.
    pub(super) fn pass(
        &self,
        grant: &Grant,
        gate: Option<Gate>,
        replaced: Option<HostId>,
        admission: &mut Admission,
    ) -> driver::Result<Passage> {
        let new = admission.certificate.record;
        // The service has looked before: one that is found now is newer.
        if self.enrollment_of(grant.token.id, new.host_key, new.issued_at)?.is_some() {
            return Ok(Passage::Overtaken);
        }
        let Some(Gate { rules, otherwise }) = gate else { return Ok(Passage::Open) };
        for judged in rules {
            match self.has_room(judged, replaced, new.issued_at)? {
                None => return Ok(Passage::Stale),
                Some(true) => {
                    admission.rule = Some(judged.rule);
                    admission.entry = admission.entry.clone().with("rule", judged.rule.to_string());
                    return Ok(Passage::Open);
                }
                Some(false) => {}
            }
        }
        Ok(match otherwise {
            Otherwise::Warn => {
                admission.entry = admission.entry.clone().with("approval", "warn");
                Passage::Open
            }
            Otherwise::Wait(new) => Passage::Waits(new),
        })
    }

    /// Returns whether a rule may admit one more host; `None` if it is not as it was judged.
    fn has_room(
        &self,
        judged: JudgedRule,
        replaced: Option<HostId>,
        now: Timestamp,
    ) -> driver::Result<Option<bool>> {
        let JudgedRule { rule, revision } = judged;
        let sql = "SELECT max_nodes FROM rules WHERE rule = ?1 AND revision = ?2";
        let Some(most) = self.one(sql, params![rule, revision], |row| row.get::<_, Option<u32>>(0))? else {
            return Ok(None);
        };
        let Some(most) = most else { return Ok(Some(true)) };
        let sql = "SELECT count(*) FROM (SELECT 1 FROM hosts WHERE rule = ?1 AND rule IS NOT NULL AND revoked_at IS NULL \
                   AND ends_at > ?2 AND host IS DISTINCT FROM ?4 LIMIT ?3)";
        let params = params![rule, now.whole_second(), most, replaced];
        let admitted = self.one(sql, params, |row| row.get::<_, u32>(0))?;
        Ok(Some(admitted.unwrap_or(0) < most))
    }

    /// Lets a host wait. It holds a use of the token; at the node limit it does not wait for nothing.
    pub(super) fn wait(
        &mut self,
        grant: &Grant,
        admission: Admission,
        new: NewEnrollment,
    ) -> driver::Result<Redeemed> {
        let at = admission.certificate.record.issued_at;
        let from = admission.address;
        self.count_hosts_at(at)?;
        if !self.has_slot(admission.node_limit)? {
            return self.undo(Redeemed::Refused(RedeemRefusal::NodeLimit));
        }
        let is_crowded = |act: &Self| act.is_crowded(grant.token.id, from, new.most_of_token);
        // Collection has not seen waits that ended just now.
        if is_crowded(self)? && (!self.expire_waiting_of(grant.token.id, at)? || is_crowded(self)?) {
            return self.undo(Redeemed::Refused(RedeemRefusal::TooManyWaiting));
        }
        if !self.reserve_use(grant, at)? {
            let ended = self.has_ended(grant.token.id)?;
            let refusal = if ended { RedeemRefusal::TokenRevoked } else { RedeemRefusal::TokenSpent };
            return self.undo(Redeemed::Refused(refusal));
        }
        let id = new.id;
        self.insert_enrollment(grant, &admission, &new, at)?;
        self.enter(new.entry)?;
        Ok(Redeemed::Waits(id))
    }

    fn is_crowded(&self, token: TokenId, from: Option<IpAddr>, most: u32) -> driver::Result<bool> {
        let count = |row: &driver::Row<'_>| row.get::<_, u32>(0);
        let at_site = params![token, MOST_WAITING_AT_SITE, site_text(from)];
        let found = [
            (self.one(WAITING_OF_TOKEN, params![token, most], count)?, most),
            (self.one(WAITING_AT_SITE, at_site, count)?, MOST_WAITING_AT_SITE),
            (self.one(WAITING, [MOST_WAITING], count)?, MOST_WAITING),
        ];
        Ok(found.into_iter().any(|(waiting, most)| waiting.unwrap_or(0) >= most))
    }

    fn insert_enrollment(
        &self,
        grant: &Grant,
        admission: &Admission,
        new: &NewEnrollment,
        at: Timestamp,
    ) -> driver::Result<()> {
        let sql = "INSERT INTO enrollments (enrollment, token, key, public_key, code, name, cluster, roles, reached_url, address, \
                   site, began_at, expires_at, credential, state) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'waiting')";
        let from = admission.address;
        let credential = admission.opaque_key.map_or(HostCredential::Certificate, |_| HostCredential::ApiKey);
        let params = params![
            new.id,
            grant.token.id,
            admission.certificate.record.host_key,
            new.public_key,
            new.code,
            admission.host.name,
            admission.host.cluster,
            Json(&admission.host.roles),
            admission.reached_url,
            from.map(|from| from.to_string()),
            site_text(from),
            at,
            new.expires_at,
            credential,
        ];
        self.execute(sql, params).map(drop)
    }

    /// Holds a use for a waiting host, if the token has not ended and one is left.
    fn reserve_use(&mut self, grant: &Grant, at: Timestamp) -> driver::Result<bool> {
        let sql = "INSERT INTO uses (token, used, reserved, keep_until) VALUES (?1, 0, 1, ?3) \
                   ON CONFLICT (token) DO UPDATE SET reserved = uses.reserved + 1 \
                   WHERE uses.ended_at IS NULL AND (CAST(?2 AS BIGINT) IS NULL OR uses.used + uses.reserved < ?2)";
        let reserve =
            |act: &Self| act.execute(sql, params![grant.token.id, grant.terms.max_uses, keep_until(grant)]);
        Ok(reserve(self)? > 0 || (self.expire_waiting_of(grant.token.id, at)? && reserve(self)? > 0))
    }
}

fn site_text(from: Option<IpAddr>) -> String {
    from.map_or_else(String::new, |from| site(from).to_string())
}
