//! Reads of the authority's keys, lists, URLs and settings.

use super::{KEYS, head_and_mark, key};
use crate::clock::Timestamp;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::value::Span;
use crate::store::{Answer, AuthorityReads, IssuerRecord, KeyRecord, ListRecord, SettingRecord};

const LISTS: &str = "SELECT list, kind, next FROM status_lists ORDER BY list";
const ISSUERS: &str = "SELECT url, current, since FROM issuers WHERE retired_at IS NULL ORDER BY since, url";
const SETTINGS: &str = "SELECT name, value, changed_at FROM settings ORDER BY name";

impl AuthorityReads for SqliteStore {
    fn keys(&self) -> Answer<'_, Vec<KeyRecord>> {
        Box::pin(async move { self.pool.read(|sql| sql.all(KEYS, [], key)) })
    }

    fn lists(&self) -> Answer<'_, Vec<ListRecord>> {
        Box::pin(async move {
            self.pool.read(|sql| {
                sql.all(LISTS, [], |row| {
                    Ok(ListRecord { id: row.get(0)?, kind: row.get(1)?, next: row.get(2)? })
                })
            })
        })
    }

    fn issuers(&self) -> Answer<'_, Vec<IssuerRecord>> {
        Box::pin(async move {
            self.pool.read(|sql| {
                sql.all(ISSUERS, [], |row| {
                    Ok(IssuerRecord { url: row.get(0)?, current: row.get(1)?, since: row.get(2)? })
                })
            })
        })
    }

    fn settings(&self) -> Answer<'_, Vec<SettingRecord>> {
        Box::pin(async move {
            self.pool.read(|sql| {
                sql.all(SETTINGS, [], |row| {
                    let Span(value) = row.get(1)?;
                    Ok(SettingRecord { name: row.get(0)?, value, changed_at: row.get(2)? })
                })
            })
        })
    }

    fn clock_mark(&self) -> Answer<'_, Option<Timestamp>> {
        Box::pin(async move { self.pool.read(|sql| Ok(head_and_mark(sql)?.1)) })
    }
}
