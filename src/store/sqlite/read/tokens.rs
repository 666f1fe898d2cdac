//! Reading tokens and pairs.

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

use crate::clock::Timestamp;
use crate::id::{SpkiHash, StatusRef, TokenId};
use crate::name::{DnsPattern, Role};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::read::walk;
use crate::store::sqlite::value::{Address, Count, Json};
use crate::store::{
    Answer, CertificateRecord, KeyNeed, LastUse, MintRecord, Page, PageQuery, Pair, StoredCertificate,
    TokenFilter, TokenKind, TokenRecord, Tokens,
};

macro_rules! select {
    ($($rest:literal),+ $(,)?) => {
        concat!(
            "SELECT m.token, m.kid, m.label, m.roles, m.persistent, m.emergency, m.minter, m.created_at, m.expires_at, \
             m.max_uses, m.dns_names, m.bound_key, m.cluster, m.host, m.policy, m.list, m.idx, coalesce(u.used, 0), \
             m.revoked_at, m.issuer, m.audience, u.spent_at, u.last_at, u.last_host, u.last_from, m.replaced_by, \
             m.revoke_at FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token ",
            $($rest),+
        )
    };
}

/// When the next token is to be revoked.
pub(in crate::store::sqlite) const NEXT_DUE: &str =
    "SELECT min(revoke_at) FROM mints WHERE revoke_at IS NOT NULL AND revoked_at IS NULL";

/// One token by its id.
pub(in crate::store::sqlite) const TOKEN_BY_ID: &str = select!("WHERE m.token = ?1");

pub(in crate::store::sqlite) fn token(row: &Row<'_>) -> rusqlite::Result<TokenRecord> {
    let mint = MintRecord {
        token: row.get(0)?,
        key: row.get(1)?,
        issuer: row.get(19)?,
        label: row.get(2)?,
        roles: row.get::<_, Json<Vec<Role>>>(3)?.0,
        persistent: row.get(4)?,
        emergency: row.get(5)?,
        minter: row.get(6)?,
        created_at: row.get(7)?,
        expires_at: row.get(8)?,
        max_uses: row.get(9)?,
        dns_names: row.get::<_, Json<Vec<DnsPattern>>>(10)?.0,
        bound_key: row.get(11)?,
        cluster: row.get(12)?,
        host: row.get(13)?,
        policy: row.get(14)?,
        status: StatusRef { list: row.get(15)?, index: row.get(16)? },
        audience: row.get(20)?,
    };
    let last_use = match (row.get(22)?, row.get(23)?) {
        (Some(at), Some(host)) => {
            let from = row.get::<_, Option<Address>>(24)?.map(|address| address.0);
            Some(LastUse { at, host, from })
        }
        _ => None,
    };
    Ok(TokenRecord {
        mint,
        used: row.get(17)?,
        revoked_at: row.get(18)?,
        spent_at: row.get(21)?,
        last_use,
        replaced_by: row.get(25)?,
        revoke_at: row.get(26)?,
    })
}

/// What lists tokens of this kind, newest first; those of one minter (`?2`), or `true` in its place for all.
pub(in crate::store::sqlite) const fn listing(kind: TokenKind, of_minter: bool) -> &'static str {
    match (kind, of_minter) {
        (TokenKind::Service, _) => {
            select!("WHERE m.token < ?1 AND m.audience IS NOT NULL AND ?2 ORDER BY m.token DESC")
        }
        (TokenKind::Enrollment, false) => select!("WHERE m.token < ?1 AND ?2 ORDER BY m.token DESC"),
        (TokenKind::Enrollment, true) => {
            select!("WHERE m.token < ?1 AND m.minter = ?2 ORDER BY m.token DESC")
        }
    }
}

/// The index that leads to fewest rows is walked; the filter itself judges each.
fn page(
    connection: &Connection,
    filter: &TokenFilter,
    query: PageQuery<TokenId>,
) -> rusqlite::Result<Page<TokenRecord, TokenId>> {
    // The greatest id there is stands for no cursor.
    let before = query.after.map_or([0xff; 16], |after| *after.as_bytes());
    let mut statement = connection.prepare_cached(listing(filter.kind, filter.minter.is_some()))?;
    let minter: &dyn ToSql = match (&filter.minter, filter.kind) {
        (Some(minter), TokenKind::Enrollment) => minter,
        _ => &true,
    };
    let rows = statement.query_map(params![before, minter], token)?;
    walk(rows, query, |token| token.mint.token, |token| filter.shows(token))
}

fn persistent(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<(TokenId, Vec<Role>)>> {
    let sql = "SELECT t.token, m.roles FROM tokens AS t JOIN mints AS m ON m.token = t.token \
               LEFT JOIN uses AS u ON u.token = t.token \
               WHERE t.revoked_at IS NULL AND u.spent_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ?1) ORDER BY t.token";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([now], |row| Ok((row.get(0)?, row.get::<_, Json<Vec<Role>>>(1)?.0)))?;
    rows.collect()
}

fn pair(connection: &Connection, token: TokenId, key: SpkiHash) -> rusqlite::Result<Option<Pair>> {
    let sql = "SELECT p.host, p.redeemed_at, h.revoked_at IS NOT NULL, c.serial, c.issued_at, c.not_after, c.der \
               FROM pairs AS p JOIN hosts AS h ON h.host = p.host \
               LEFT JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest AND c.key = p.key \
               WHERE p.token = ?1 AND p.key = ?2";
    let read = |row: &Row<'_>| {
        let host = row.get(0)?;
        let certificate = match row.get(3)? {
            Some(serial) => {
                let record =
                    CertificateRecord { serial, key, issued_at: row.get(4)?, not_after: row.get(5)? };
                Some(StoredCertificate { host, record, der: row.get(6)? })
            }
            None => None,
        };
        Ok(Pair { token, host, redeemed_at: row.get(1)?, host_revoked: row.get(2)?, certificate })
    };
    connection.prepare_cached(sql)?.query_row(params![token, key], read).optional()
}

fn key_needs(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<KeyNeed>> {
    let sql = "SELECT k.kid, (SELECT count(*) FROM tokens AS t LEFT JOIN uses AS u ON u.token = t.token \
                              WHERE t.kid = k.kid AND t.revoked_at IS NULL AND u.spent_at IS NULL \
                              AND (t.expires_at IS NULL OR t.expires_at > ?1)) \
               FROM signing_keys AS k WHERE k.state <> 'retired' ORDER BY k.created_at, k.kid";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement
        .query_map([now], |row| Ok(KeyNeed { key: row.get(0)?, tokens: row.get::<_, Count>(1)?.0 }))?;
    rows.collect()
}

impl Tokens for SqliteStore {
    fn pair(&self, token: TokenId, key: SpkiHash) -> Answer<'_, Option<Pair>> {
        Box::pin(async move { self.pool.read(|connection| pair(connection, token, key)) })
    }

    fn token(&self, id: TokenId) -> Answer<'_, Option<TokenRecord>> {
        Box::pin(async move {
            self.pool
                .read(|connection| connection.prepare_cached(TOKEN_BY_ID)?.query_row([id], token).optional())
        })
    }

    fn list_tokens(
        &self,
        filter: TokenFilter,
        query: PageQuery<TokenId>,
    ) -> Answer<'_, Page<TokenRecord, TokenId>> {
        Box::pin(self.pool.list(move |connection| page(connection, &filter, query)))
    }

    fn next_due_revocation(&self) -> Answer<'_, Option<Timestamp>> {
        Box::pin(async move {
            self.pool.read(|connection| connection.prepare_cached(NEXT_DUE)?.query_row([], |row| row.get(0)))
        })
    }

    fn list_persistent(&self, now: Timestamp) -> Answer<'_, Vec<(TokenId, Vec<Role>)>> {
        Box::pin(self.pool.list(move |connection| persistent(connection, now)))
    }

    fn emergency_token(&self) -> Answer<'_, Option<TokenRecord>> {
        Box::pin(async move {
            self.pool.read(|connection| {
                let sql = select!(
                    "WHERE m.token = (SELECT token FROM tokens WHERE emergency = 1 AND revoked_at IS NULL)"
                );
                connection.prepare_cached(sql)?.query_row([], token).optional()
            })
        })
    }

    fn key_needs(&self, now: Timestamp) -> Answer<'_, Vec<KeyNeed>> {
        Box::pin(self.pool.list(move |connection| key_needs(connection, now)))
    }
}
