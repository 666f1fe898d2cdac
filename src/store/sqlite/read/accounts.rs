//! Reads of users and API keys.

use std::net::IpAddr;

use crate::access::Scope;
use crate::clock::Timestamp;
use crate::id::ApiKeyId;
use crate::name::UserName;
use crate::secret::Secret;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::{self, Row, Sql, params};
use crate::store::sqlite::value::{IpText, Json, damaged};
use crate::store::{
    AccountReads, ApiKeyRecord, ApiKeyTerms, Page, PageQuery, StoreFuture, StoredApiKey, UserRecord,
};

/// One user by name.
pub(in crate::store::sqlite) const USER_BY_NAME: &str = "SELECT name, role, limits, epoch, version, created_at, changed_at, disabled_at FROM users WHERE name = ?1";

/// Reads the columns name, role, limits, epoch, version, created_at, changed_at, disabled_at.
pub(in crate::store::sqlite) fn user(row: &Row<'_>) -> driver::Result<UserRecord> {
    user_from(row, 0)
}

/// Reads the same columns from the column `first` on.
pub(super) fn user_from(row: &Row<'_>, first: usize) -> driver::Result<UserRecord> {
    Ok(UserRecord {
        name: row.get(first)?,
        role: row.get(first + 1)?,
        limits: row.get::<_, Json<_>>(first + 2)?.0,
        epoch: row.get(first + 3)?,
        version: row.get(first + 4)?,
        created_at: row.get(first + 5)?,
        changed_at: row.get(first + 6)?,
        disabled_at: row.get(first + 7)?,
    })
}

/// Lists users by name.
pub(in crate::store::sqlite) const USERS: &str = "SELECT name, role, limits, epoch, version, created_at, changed_at, disabled_at FROM users \
     WHERE name > ?1 ORDER BY name LIMIT ?2";

fn users(sql: Sql<'_>, page: &PageQuery<UserName>) -> driver::Result<Page<UserRecord, UserName>> {
    // No name is as short as the empty text, which stands for no cursor.
    let after = page.after.as_ref().map_or("", UserName::as_str);
    let rows = sql.all(USERS, params![after, i64::from(page.limit) + 1], user)?;
    cut(rows, page.limit, |user: &UserRecord| {
        UserName::parse(&user.name).map_err(|_| damaged("a user has no name"))
    })
}

macro_rules! select {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT k.id, k.label, k.owner, k.creator, k.scopes, k.limits, k.created_at, k.expires_at, k.used_at, k.used_from, \
             k.audience, k.suspended_at",
            $more,
            " FROM api_keys AS k ",
            $rest
        )
    };
}

fn api_key(row: &Row<'_>) -> driver::Result<ApiKeyRecord> {
    let (used_at, used_from): (Option<Timestamp>, Option<IpText>) = (row.get(8)?, row.get(9)?);
    Ok(ApiKeyRecord {
        id: row.get(0)?,
        terms: ApiKeyTerms {
            label: row.get(1)?,
            scopes: row.get::<_, Json<Vec<Scope>>>(4)?.0,
            limits: row.get::<_, Json<_>>(5)?.0,
            expires_at: row.get(7)?,
            audience: row.get(10)?,
        },
        owner: row.get(2)?,
        creator: row.get(3)?,
        created_at: row.get(6)?,
        suspended_at: row.get(11)?,
        used: used_at.zip(used_from.map(|IpText(from)| from)),
    })
}

fn stored_api_key(sql: Sql<'_>, id: ApiKeyId) -> driver::Result<Option<StoredApiKey>> {
    let text = select!(
        ", k.digest, u.name, u.role, u.limits, u.epoch, u.version, u.created_at, u.changed_at, u.disabled_at",
        "LEFT JOIN users AS u ON u.name = k.owner WHERE k.id = ?1"
    );
    let read = |row: &Row<'_>| {
        let key = api_key(row)?;
        let owner = key.owner.is_some().then(|| user_from(row, 13)).transpose()?;
        Ok(StoredApiKey { key, digest: row.get(12)?, owner })
    };
    sql.one(text, [id], read)
}

/// Lists API keys, newest first.
pub(in crate::store::sqlite) const API_KEYS: &str =
    select!("", "WHERE k.id < ?1 ORDER BY k.id DESC LIMIT ?2");
/// Lists API keys of one owner, newest first.
pub(in crate::store::sqlite) const API_KEYS_OF_OWNER: &str =
    select!("", "WHERE k.owner = ?3 AND k.id < ?1 ORDER BY k.id DESC LIMIT ?2");

fn api_keys(
    sql: Sql<'_>,
    owner: Option<&str>,
    page: PageQuery<ApiKeyId>,
) -> driver::Result<Page<ApiKeyRecord, ApiKeyId>> {
    // The greatest id stands for no cursor.
    let before = page.after.map_or([0xff; 16], |after| *after.as_bytes());
    let limit = i64::from(page.limit) + 1;
    let rows = match owner {
        Some(owner) => sql.all(API_KEYS_OF_OWNER, params![before, limit, owner], api_key)?,
        None => sql.all(API_KEYS, params![before, limit], api_key)?,
    };
    cut(rows, page.limit, |key: &ApiKeyRecord| Ok(key.id))
}

/// Cuts `rows` to a page: one more row than its limit shows that others follow.
fn cut<T, Id>(
    mut rows: Vec<T>,
    limit: u32,
    id: impl Fn(&T) -> driver::Result<Id>,
) -> driver::Result<Page<T, Id>> {
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > shown;
    rows.truncate(shown);
    let next = rows.last().filter(|_| more).map(id).transpose()?;
    Ok(Page { items: rows, next })
}

impl AccountReads for SqliteStore {
    fn user(&self, name: String) -> StoreFuture<'_, Option<UserRecord>> {
        self.point(|sql| sql.one(USER_BY_NAME, [name], user))
    }

    fn password_hash(&self, user: String) -> StoreFuture<'_, Option<Secret<String>>> {
        const HASH: &str = "SELECT password_hash FROM users WHERE name = ?1";
        self.point(|sql| sql.one(HASH, [user], |row| row.get(0).map(Secret::new)))
    }

    fn list_users(&self, page: PageQuery<UserName>) -> StoreFuture<'_, Page<UserRecord, UserName>> {
        self.list(move |sql| users(sql, &page))
    }

    fn api_key(&self, id: ApiKeyId) -> StoreFuture<'_, Option<StoredApiKey>> {
        self.point(move |sql| stored_api_key(sql, id))
    }

    fn known_address(&self, user: String, site: IpAddr) -> StoreFuture<'_, Option<Timestamp>> {
        const ADDRESS: &str = "SELECT last_at FROM known_addresses WHERE user_name = ?1 AND site = ?2";
        self.point(move |sql| sql.one(ADDRESS, params![user, site.to_string()], |row| row.get(0)))
    }

    fn list_api_keys(
        &self,
        owner: Option<String>,
        page: PageQuery<ApiKeyId>,
    ) -> StoreFuture<'_, Page<ApiKeyRecord, ApiKeyId>> {
        self.list(move |sql| api_keys(sql, owner.as_deref(), page))
    }
}
