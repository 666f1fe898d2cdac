//! The stored bits of the status lists.

use std::collections::BTreeMap;

use super::Execution;
use crate::id::{ListId, StatusRef};
use crate::store::revocations::{Change, PAGE_BYTES, place};
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::value::damaged;
use crate::store::{ListKind, ListRecord};
use crate::token::Status;

type Bits = [u8; PAGE_BYTES];

impl Execution<'_> {
    pub(super) fn insert_list(&mut self, list: &ListRecord) -> driver::Result<()> {
        let sql = "INSERT INTO status_lists (list, kind, next, ends_at) VALUES (?1, ?2, ?3, ?4)";
        self.execute(sql, params![list.id, list.kind, list.next, born(list.id)])?;
        self.change(Change::ListOpened(list.id));
        Ok(())
    }

    /// Moves a list's `next` past the index of a new token.
    pub(super) fn take_index(&self, status: StatusRef, kind: ListKind, expiry: i64) -> driver::Result<()> {
        let sql = "UPDATE status_lists SET next = CASE WHEN next > ?3 THEN next ELSE ?3 + 1 END, \
                   ends_at = CASE WHEN ends_at > ?4 THEN ends_at ELSE ?4 END \
                   WHERE list = ?1 AND kind = ?2";
        match self.execute(sql, params![status.list, kind, status.index, expiry])? {
            1 => Ok(()),
            _ => Err(damaged("a token names a status list that does not exist, or is of the other kind")),
        }
    }

    /// Marks tokens as revoked. No later status replaces that.
    pub(super) fn set_revoked(&mut self, tokens: &[StatusRef]) -> driver::Result<()> {
        self.set(tokens, Status::Revoked)
    }

    /// Marks a token as used up. Only for a token that was valid.
    pub(super) fn set_used_up(&mut self, token: StatusRef) -> driver::Result<()> {
        self.set(&[token], Status::UsedUp)
    }

    /// Marks a released token as valid. Only for a token that was suspended.
    pub(super) fn set_valid(&mut self, token: StatusRef) -> driver::Result<()> {
        self.set(&[token], Status::Valid)
    }

    /// Sets the status of tokens.
    pub(super) fn set(&mut self, tokens: &[StatusRef], status: Status) -> driver::Result<()> {
        let mut pages: BTreeMap<(ListId, u32), Bits> = BTreeMap::new();
        for token in tokens {
            let (page, byte, shift) = place(token.index);
            let bits = match pages.entry((token.list, page)) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => match self.page(token.list, page)? {
                    Some(bits) => entry.insert(bits),
                    // The list was dropped, so all its tokens are refused.
                    None => continue,
                },
            };
            bits[byte] = bits[byte] & !(3 << shift) | status.bits() << shift;
            self.effects.changes.push(Change::Status(*token, status));
        }
        let sql = "INSERT INTO status_pages (list, page, bits) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (list, page) DO UPDATE SET bits = excluded.bits";
        for ((list, page), bits) in &pages {
            self.execute(sql, params![list, page, bits])?;
        }
        Ok(())
    }

    /// Returns a page of a list: zeros for an unset page, `None` for an unknown list.
    pub(super) fn page(&self, list: ListId, page: u32) -> driver::Result<Option<Bits>> {
        let sql = "SELECT p.bits FROM status_lists AS l \
                   LEFT JOIN status_pages AS p ON p.list = l.list AND p.page = ?2 WHERE l.list = ?1";
        let bits = self.one(sql, params![list, page], |row| row.get::<_, Option<Bits>>(0))?;
        Ok(bits.map(|bits| bits.unwrap_or([0; PAGE_BYTES])))
    }
}

/// Returns the time part of a list's id (RFC 9562 section 5.7): the age of a list without tokens.
fn born(list: ListId) -> i64 {
    let bytes = list.as_bytes();
    bytes[..6].iter().fold(0, |millis, byte| millis << 8 | i64::from(*byte))
}
