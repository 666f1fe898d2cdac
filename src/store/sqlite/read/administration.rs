//! Reading what the authority is made of.

use rusqlite::{Connection, OptionalExtension as _};

use super::{KEYS, USER_BY_NAME, key, user};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::value::Span;
use crate::store::{Administration, Answer, IssuerRecord, KeyRecord, ListRecord, SettingRecord, UserRecord};

impl Administration for SqliteStore {
    fn keys(&self) -> Answer<'_, Vec<KeyRecord>> {
        let read = |connection: &Connection| connection.prepare_cached(KEYS)?.query_map([], key)?.collect();
        Box::pin(async move { self.pool.read(read) })
    }

    fn lists(&self) -> Answer<'_, Vec<ListRecord>> {
        let read = |connection: &Connection| {
            let mut statement =
                connection.prepare_cached("SELECT list, kind, next FROM status_lists ORDER BY list")?;
            let rows = statement.query_map([], |row| {
                Ok(ListRecord { id: row.get(0)?, kind: row.get(1)?, next: row.get(2)? })
            })?;
            rows.collect()
        };
        Box::pin(async move { self.pool.read(read) })
    }

    fn issuers(&self) -> Answer<'_, Vec<IssuerRecord>> {
        let read = |connection: &Connection| {
            let sql = "SELECT url, current, since FROM issuers WHERE retired_at IS NULL ORDER BY since, url";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(IssuerRecord { url: row.get(0)?, current: row.get(1)?, since: row.get(2)? })
            })?;
            rows.collect()
        };
        Box::pin(async move { self.pool.read(read) })
    }

    fn user(&self, name: String) -> Answer<'_, Option<UserRecord>> {
        Box::pin(async move {
            self.pool.read(|connection| {
                connection.prepare_cached(USER_BY_NAME)?.query_row([name], user).optional()
            })
        })
    }

    fn password_hash(&self, user: String) -> Answer<'_, Option<Secret<String>>> {
        Box::pin(async move {
            self.pool.read(|connection| {
                let mut statement =
                    connection.prepare_cached("SELECT password_hash FROM users WHERE name = ?1")?;
                statement.query_row([user], |row| row.get(0).map(Secret::new)).optional()
            })
        })
    }

    fn settings(&self) -> Answer<'_, Vec<SettingRecord>> {
        let read = |connection: &Connection| {
            let sql = "SELECT name, value, changed_at FROM settings ORDER BY name";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                let Span(value) = row.get(1)?;
                Ok(SettingRecord { name: row.get(0)?, value, changed_at: row.get(2)? })
            })?;
            rows.collect()
        };
        Box::pin(async move { self.pool.read(read) })
    }

    fn clock_mark(&self) -> Answer<'_, Option<Timestamp>> {
        let read = |connection: &Connection| {
            connection.prepare_cached("SELECT clock_mark FROM meta")?.query_row([], |row| row.get(0))
        };
        Box::pin(async move { self.pool.read(read) })
    }
}
