//! Reads of tokens and pairs.

pub(super) use self::filter::is_live;
pub(in crate::store::sqlite) use self::filter::select;
use crate::clock::Timestamp;
use crate::id::{BatchId, IdempotencyKey, SpkiHash, StatusRef, TokenId};
use crate::name::{DnsPattern, Role};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::{self, Row, Sql, params};
use crate::store::sqlite::read::key;
use crate::store::sqlite::read::list_statement::choose;
use crate::store::sqlite::value::{IpText, Json, damaged};
use crate::store::{
    CertificateRecord, IDEMPOTENCY_WINDOW, IdempotencyRecord, KeyRecord, LastUse, MintRecord, Page,
    PageQuery, Pair, Position, StoreFuture, StoredCertificate, TokenFilter, TokenPurpose, TokenReads,
    TokenRecord, TokenState,
};
use crate::token::{Bindings, Grant, Terms, TokenRef, Verified};

macro_rules! columns {
    () => {
        "m.token, m.kid, m.label, m.roles, m.persistent, m.kind, m.minter, m.created_at, m.expires_at, m.max_uses, \
         m.dns_names, m.bound_key, m.cluster, m.host, m.policy, m.list, m.idx, coalesce(u.used, 0), m.revoked_at, m.issuer, \
         m.audience, u.last_at, u.last_host, u.last_from, m.replaced_by, m.revoke_at, m.expected_hosts, m.batch, m.approval, \
         m.fleet_key, m.fleet_removed, m.suspended_at"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token ", $rest)
    };
}

mod filter;

/// The columns of a token, read by [`token`].
pub(super) const TOKEN_COLUMNS: &str = columns!();

/// Finds the moment of the next due revocation.
pub(in crate::store::sqlite) const NEXT_DUE: &str =
    "SELECT min(revoke_at) FROM mints WHERE revoke_at IS NOT NULL AND revoked_at IS NULL";

/// Finds a token by its id.
pub(in crate::store::sqlite) const TOKEN_BY_ID: &str = select!("WHERE m.token = ?1");

pub(in crate::store::sqlite) fn token(row: &Row<'_>) -> driver::Result<TokenRecord> {
    let terms = Terms {
        roles: row.get::<_, Json<Vec<Role>>>(3)?.0,
        persistent: row.get(4)?,
        expires_at: row.get(8)?,
        max_uses: row.get(9)?,
        bindings: Bindings {
            host: row.get(13)?,
            cluster: row.get(12)?,
            dns_names: row.get::<_, Json<Vec<DnsPattern>>>(10)?.0,
        },
        host_key: row.get(11)?,
        policy: row.get(14)?,
        approval: row.get(28)?,
    };
    let status = StatusRef { list: row.get(15)?, index: row.get(16)? };
    let mint = MintRecord {
        token: TokenRef { id: row.get(0)?, issuer: row.get(19)?, status },
        terms,
        signing_key: row.get(1)?,
        label: row.get(2)?,
        minter: row.get(6)?,
        created_at: row.get(7)?,
        purpose: match (row.get(5)?, row.get(20)?) {
            (Some(kind), _) => TokenPurpose::Enrollment(kind),
            (None, Some(audience)) => TokenPurpose::Service(audience),
            (None, None) => return Err(damaged("a token has neither a kind nor an audience")),
        },
        expected_hosts: row.get(26)?,
        batch: row.get(27)?,
    };
    let last_use = match (row.get(21)?, row.get(22)?) {
        (Some(at), Some(host)) => {
            let from = row.get::<_, Option<IpText>>(23)?.map(|address| address.0);
            Some(LastUse { at, host, from })
        }
        _ => None,
    };
    Ok(TokenRecord {
        mint,
        used: row.get(17)?,
        revoked_at: row.get(18)?,
        last_use,
        replaced_by: row.get(24)?,
        revoke_at: row.get(25)?,
        fleet_key: row.get(29)?,
        fleet_removed: row.get(30)?,
        suspended_at: row.get(31)?,
    })
}

fn persistent(sql: Sql<'_>, now: Timestamp) -> driver::Result<Vec<(TokenId, Vec<Role>)>> {
    let text = "SELECT t.token, m.roles FROM tokens AS t JOIN mints AS m ON m.token = t.token \
               LEFT JOIN uses AS u ON u.token = t.token \
               WHERE t.revoked_at IS NULL AND m.suspended_at IS NULL AND u.spent_at IS NULL \
               AND (t.expires_at IS NULL OR t.expires_at > ?1) ORDER BY t.token";
    sql.all(text, [now], |row| Ok((row.get(0)?, row.get::<_, Json<Vec<Role>>>(1)?.0)))
}

/// A pair with its host, and its certificate if it is the newest.
pub(in crate::store::sqlite) const PAIR: &str = "SELECT p.host, p.redeemed_at, h.revoked_at IS NOT NULL, c.serial, c.issued_at, c.not_after, c.renew_after, c.der \
               FROM pairs AS p JOIN hosts AS h ON h.host = p.host \
               LEFT JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest AND c.key = p.key \
               WHERE p.token = ?1 AND p.key = ?2";

fn pair(sql: Sql<'_>, token: TokenId, host_key: SpkiHash) -> driver::Result<Option<Pair>> {
    let read = |row: &Row<'_>| {
        let host = row.get(0)?;
        let certificate = match row.get(3)? {
            Some(serial) => {
                let (issued_at, not_after, due_at) = (row.get(4)?, row.get(5)?, row.get(6)?);
                let record = CertificateRecord { serial, host_key, issued_at, not_after, due_at };
                Some(StoredCertificate { host, record, der: row.get(7)? })
            }
            None => None,
        };
        Ok(Pair { host, redeemed_at: row.get(1)?, host_revoked: row.get(2)?, certificate })
    };
    sql.one(PAIR, params![token, host_key], read)
}

fn key_needs(sql: Sql<'_>, now: Timestamp) -> driver::Result<Vec<(KeyRecord, u64)>> {
    let text = "SELECT k.kid, k.public, k.key_use, k.state, k.persistent_only, k.created_at, \
                              (SELECT count(*) FROM tokens AS t LEFT JOIN uses AS u ON u.token = t.token \
                              WHERE t.kid = k.kid AND t.revoked_at IS NULL AND u.spent_at IS NULL \
                              AND (t.expires_at IS NULL OR t.expires_at > ?1)) \
               FROM signing_keys AS k WHERE k.state <> 'retired' ORDER BY k.created_at, k.kid";
    sql.all(text, [now], |row| Ok((key(row)?, row.get(6)?)))
}

impl Sql<'_> {
    /// The record of a caller's idempotency key whose day is not over at `now`.
    pub(in crate::store::sqlite) fn idempotency_record(
        self,
        caller: &str,
        key: IdempotencyKey,
        now: Timestamp,
    ) -> driver::Result<Option<IdempotencyRecord>> {
        let text = "SELECT body, batch, created_at FROM idempotency_keys \
                    WHERE caller = ?1 AND digest = ?2 AND created_at > ?3";
        self.one(text, params![caller, key, now.minus(IDEMPOTENCY_WINDOW)], |row| {
            let (body, batch, created_at) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(IdempotencyRecord { caller: caller.to_owned(), key, body, batch, created_at })
        })
    }
}

impl TokenReads for SqliteStore {
    fn pair(&self, token: TokenId, host_key: SpkiHash) -> StoreFuture<'_, Option<Pair>> {
        self.point(move |sql| pair(sql, token, host_key))
    }

    fn token(&self, id: TokenId) -> StoreFuture<'_, Option<TokenRecord>> {
        self.point(move |sql| sql.one(TOKEN_BY_ID, [id], token))
    }

    fn is_vouched_for(&self, grant: Verified<Grant>, now: Timestamp) -> StoreFuture<'_, bool> {
        self.point(move |sql| Ok(sql.judge_token(&grant, now)?.is_none() && !sql.has_ended(grant.token.id)?))
    }

    fn list_tokens(
        &self,
        filter: TokenFilter,
        query: PageQuery<Position<TokenId>>,
    ) -> StoreFuture<'_, Page<TokenRecord, Position<TokenId>>> {
        self.list(move |sql| {
            let PageQuery { after, limit, look_at } = query;
            let way = (filter::order(&filter), filter.search.is_some());
            let list = choose(sql, way, look_at, |way| select(&filter, after.as_ref(), way))?;
            list.page(sql, (limit, look_at), token, |token| token.mint.token.id)
        })
    }

    fn count_tokens(&self, now: Timestamp) -> StoreFuture<'_, Vec<(TokenState, u64)>> {
        self.list(move |sql| filter::count(sql, now))
    }

    fn count_expiring_tokens(&self, now: Timestamp) -> StoreFuture<'_, u64> {
        self.list(move |sql| filter::count_expiring(sql, now))
    }

    fn next_due_revocation(&self) -> StoreFuture<'_, Option<Timestamp>> {
        self.point(|sql| Ok(sql.one(NEXT_DUE, [], |row| row.get(0))?.flatten()))
    }

    fn list_persistent(&self, now: Timestamp) -> StoreFuture<'_, Vec<(TokenId, Vec<Role>)>> {
        self.list(move |sql| persistent(sql, now))
    }

    fn emergency_token(&self) -> StoreFuture<'_, Option<TokenRecord>> {
        const LIVE: &str =
            select!("WHERE m.token = (SELECT token FROM tokens WHERE emergency = 1 AND revoked_at IS NULL)");
        self.point(|sql| sql.one(LIVE, [], token))
    }

    fn tokens_of_batch(&self, batch: BatchId) -> StoreFuture<'_, Vec<TokenId>> {
        let text = "SELECT token FROM mints WHERE batch = ?1 ORDER BY token";
        self.list(move |sql| sql.all(text, [batch], |row| row.get(0)))
    }

    fn idempotency_record(
        &self,
        caller: String,
        key: IdempotencyKey,
        now: Timestamp,
    ) -> StoreFuture<'_, Option<IdempotencyRecord>> {
        self.point(move |sql| sql.idempotency_record(&caller, key, now))
    }

    fn key_needs(&self, now: Timestamp) -> StoreFuture<'_, Vec<(KeyRecord, u64)>> {
        self.list(move |sql| key_needs(sql, now))
    }
}
