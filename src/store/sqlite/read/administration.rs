//! Reading what the authority is made of.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{KEYS, key};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::value::{Count, Json};
use crate::store::{Administration, Answer, IssuerRecord, KeyRecord, ListRecord, UserRecord};

/// Reads the columns name, role, limits, epoch, created_at, changed_at, disabled_at.
fn user(row: &Row<'_>) -> rusqlite::Result<UserRecord> {
    Ok(UserRecord {
        name: row.get(0)?,
        role: row.get(1)?,
        limits: row.get::<_, Json<_>>(2)?.0,
        epoch: row.get::<_, Count>(3)?.0,
        created_at: row.get(4)?,
        changed_at: row.get(5)?,
        disabled_at: row.get(6)?,
    })
}

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
                let sql = "SELECT name, role, limits, epoch, created_at, changed_at, disabled_at FROM users WHERE name = ?1";
                connection.prepare_cached(sql)?.query_row([name], user).optional()
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

    fn clock_mark(&self) -> Answer<'_, Option<Timestamp>> {
        let read = |connection: &Connection| {
            connection.prepare_cached("SELECT clock_mark FROM meta")?.query_row([], |row| row.get(0))
        };
        Box::pin(async move { self.pool.read(read) })
    }
}
