//! Reading users and API keys.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::access::Scope;
use crate::clock::Timestamp;
use crate::id::ApiKeyId;
use crate::name::UserName;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::value::{Address, Count, Json, damaged};
use crate::store::{Accounts, Answer, ApiKeyRecord, Page, PageQuery, StoredApiKey, UserRecord};

/// One user by name.
pub(in crate::store::sqlite) const USER_BY_NAME: &str = "SELECT name, role, limits, epoch, version, created_at, changed_at, disabled_at FROM users WHERE name = ?1";

/// Reads the columns name, role, limits, epoch, version, created_at, changed_at, disabled_at.
pub(in crate::store::sqlite) fn user(row: &Row<'_>) -> rusqlite::Result<UserRecord> {
    user_from(row, 0)
}

/// The same columns, from the place `first` on.
fn user_from(row: &Row<'_>, first: usize) -> rusqlite::Result<UserRecord> {
    Ok(UserRecord {
        name: row.get(first)?,
        role: row.get(first + 1)?,
        limits: row.get::<_, Json<_>>(first + 2)?.0,
        epoch: row.get::<_, Count>(first + 3)?.0,
        version: row.get::<_, Count>(first + 4)?.0,
        created_at: row.get(first + 5)?,
        changed_at: row.get(first + 6)?,
        disabled_at: row.get(first + 7)?,
    })
}

/// What lists users by their names.
pub(in crate::store::sqlite) const USERS: &str = "SELECT name, role, limits, epoch, version, created_at, changed_at, disabled_at FROM users \
     WHERE name > ?1 ORDER BY name LIMIT ?2";

fn users(
    connection: &Connection,
    page: &PageQuery<UserName>,
) -> rusqlite::Result<Page<UserRecord, UserName>> {
    // No name is as short as the empty text, which stands for no cursor.
    let after = page.after.as_ref().map_or("", UserName::as_str);
    let rows: rusqlite::Result<Vec<_>> =
        connection.prepare_cached(USERS)?.query_map(params![after, page.limit + 1], user)?.collect();
    cut(rows?, page.limit, |user: &UserRecord| {
        UserName::parse(&user.name).map_err(|_| damaged("a user has no name"))
    })
}

macro_rules! select {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT k.id, k.label, k.owner, k.creator, k.scopes, k.limits, k.created_at, k.expires_at, k.used_at, k.used_from",
            $more,
            " FROM api_keys AS k ",
            $rest
        )
    };
}

fn api_key(row: &Row<'_>) -> rusqlite::Result<ApiKeyRecord> {
    let (used_at, used_from): (Option<Timestamp>, Option<Address>) = (row.get(8)?, row.get(9)?);
    Ok(ApiKeyRecord {
        id: row.get(0)?,
        label: row.get(1)?,
        owner: row.get(2)?,
        creator: row.get(3)?,
        scopes: row.get::<_, Json<Vec<Scope>>>(4)?.0,
        limits: row.get::<_, Json<_>>(5)?.0,
        created_at: row.get(6)?,
        expires_at: row.get(7)?,
        used: used_at.zip(used_from.map(|Address(from)| from)),
    })
}

fn stored_api_key(connection: &Connection, id: ApiKeyId) -> rusqlite::Result<Option<StoredApiKey>> {
    let sql = select!(
        ", k.digest, u.name, u.role, u.limits, u.epoch, u.version, u.created_at, u.changed_at, u.disabled_at",
        "LEFT JOIN users AS u ON u.name = k.owner WHERE k.id = ?1"
    );
    let read = |row: &Row<'_>| {
        let key = api_key(row)?;
        let owner = key.owner.is_some().then(|| user_from(row, 11)).transpose()?;
        Ok(StoredApiKey { key, digest: row.get(10)?, owner })
    };
    connection.prepare_cached(sql)?.query_row([id], read).optional()
}

/// What lists API keys, newest first.
pub(in crate::store::sqlite) const API_KEYS: &str =
    select!("", "WHERE k.id < ?1 ORDER BY k.id DESC LIMIT ?2");
/// The same of one owner.
pub(in crate::store::sqlite) const API_KEYS_OF_OWNER: &str =
    select!("", "WHERE k.owner = ?3 AND k.id < ?1 ORDER BY k.id DESC LIMIT ?2");

fn api_keys(
    connection: &Connection,
    owner: Option<&str>,
    page: PageQuery<ApiKeyId>,
) -> rusqlite::Result<Page<ApiKeyRecord, ApiKeyId>> {
    // The greatest id there is stands for no cursor.
    let before = page.after.map_or([0xff; 16], |after| *after.as_bytes());
    let rows: rusqlite::Result<Vec<_>> = match owner {
        Some(owner) => {
            let mut statement = connection.prepare_cached(API_KEYS_OF_OWNER)?;
            statement.query_map(params![before, page.limit + 1, owner], api_key)?.collect()
        }
        None => {
            let mut statement = connection.prepare_cached(API_KEYS)?;
            statement.query_map(params![before, page.limit + 1], api_key)?.collect()
        }
    };
    cut(rows?, page.limit, |key: &ApiKeyRecord| Ok(key.id))
}

/// The page of `rows`, which are one more than it shows if others follow.
fn cut<T, Id>(
    mut rows: Vec<T>,
    limit: u32,
    id: impl Fn(&T) -> rusqlite::Result<Id>,
) -> rusqlite::Result<Page<T, Id>> {
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > shown;
    rows.truncate(shown);
    let next = rows.last().filter(|_| more).map(id).transpose()?;
    Ok(Page { items: rows, next })
}

impl Accounts for SqliteStore {
    fn list_users(&self, page: PageQuery<UserName>) -> Answer<'_, Page<UserRecord, UserName>> {
        Box::pin(self.pool.list(move |connection| users(connection, &page)))
    }

    fn api_key(&self, id: ApiKeyId) -> Answer<'_, Option<StoredApiKey>> {
        Box::pin(async move { self.pool.read(|connection| stored_api_key(connection, id)) })
    }

    fn list_api_keys(
        &self,
        owner: Option<String>,
        page: PageQuery<ApiKeyId>,
    ) -> Answer<'_, Page<ApiKeyRecord, ApiKeyId>> {
        Box::pin(self.pool.list(move |connection| api_keys(connection, owner.as_deref(), page)))
    }
}
