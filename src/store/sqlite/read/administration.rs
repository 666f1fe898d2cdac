//! Reads of the authority's keys, lists, URLs and settings.

use super::{KEYS, head_and_mark, key};
use crate::clock::Timestamp;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::Row;
use crate::store::{
    AuthorityReads, BackupTimes, IssuerRecord, KeyRecord, ListRecord, SettingRecord, StoreFuture,
};

const LISTS: &str = "SELECT list, kind, next FROM status_lists ORDER BY list";
const ISSUERS: &str = "SELECT url, current, since FROM issuers WHERE retired_at IS NULL ORDER BY since, url";
const ISSUER_NEEDS: &str = "SELECT t.issuer, count(*) FROM tokens AS t LEFT JOIN uses AS u ON u.token = t.token \
     WHERE t.revoked_at IS NULL AND u.spent_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ?1) GROUP BY t.issuer";
const SETTINGS: &str = "SELECT name, value, changed_at FROM settings ORDER BY name";

impl AuthorityReads for SqliteStore {
    fn keys(&self) -> StoreFuture<'_, Vec<KeyRecord>> {
        self.point(|sql| sql.all(KEYS, [], key))
    }

    fn lists(&self) -> StoreFuture<'_, Vec<ListRecord>> {
        let read = |row: &Row<'_>| Ok(ListRecord { id: row.get(0)?, kind: row.get(1)?, next: row.get(2)? });
        self.point(move |sql| sql.all(LISTS, [], read))
    }

    fn issuers(&self) -> StoreFuture<'_, Vec<IssuerRecord>> {
        let read =
            |row: &Row<'_>| Ok(IssuerRecord { url: row.get(0)?, current: row.get(1)?, since: row.get(2)? });
        self.point(move |sql| sql.all(ISSUERS, [], read))
    }

    fn issuer_needs(&self, now: Timestamp) -> StoreFuture<'_, Vec<(String, u64)>> {
        self.list(move |sql| sql.all(ISSUER_NEEDS, [now], |row| Ok((row.get(0)?, row.get(1)?))))
    }

    fn trust_domain(&self) -> StoreFuture<'_, Option<String>> {
        let text = "SELECT trust_domain FROM meta WHERE trust_domain IS NOT NULL";
        self.point(move |sql| sql.one(text, [], |row| row.get(0)))
    }

    fn settings(&self) -> StoreFuture<'_, Vec<SettingRecord>> {
        let read = |row: &Row<'_>| {
            Ok(SettingRecord { name: row.get(0)?, value: row.get(1)?, changed_at: row.get(2)? })
        };
        self.point(move |sql| sql.all(SETTINGS, [], read))
    }

    fn clock_mark(&self) -> StoreFuture<'_, Option<Timestamp>> {
        self.point(|sql| Ok(head_and_mark(sql)?.1))
    }

    fn backup_times(&self) -> StoreFuture<'_, BackupTimes> {
        let text = "SELECT founded_at, backed_up_at FROM meta";
        let read = |row: &Row<'_>| Ok(BackupTimes { founded_at: row.get(0)?, backed_up_at: row.get(1)? });
        self.point(move |sql| Ok(sql.one(text, [], read)?.unwrap_or_default()))
    }
}
