//! Reads of the keys and tokens of Elastic Fleet's API.

use super::tokens::{TOKEN_COLUMNS, is_live, token};
use crate::clock::Timestamp;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::{self, Row, Sql, ToSql};
use crate::store::{FleetFilter, FleetKeyRecord, FleetPage, FleetReads, StoreFuture};

const KEYS: &str = "SELECT number, created_at FROM fleet_keys WHERE retired_at IS NULL ORDER BY number";
const KEY_NEEDS: &str = "SELECT k.number, k.created_at, (SELECT count(*) FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token \
     WHERE m.fleet_key = k.number AND m.revoked_at IS NULL AND u.spent_at IS NULL \
     AND (m.expires_at IS NULL OR m.expires_at > ?1)) FROM fleet_keys AS k WHERE k.retired_at IS NULL ORDER BY k.number";

/// The rows of a list: each condition of the filter that is set.
const LISTED: &str = "FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token \
     WHERE m.fleet_key IS NOT NULL AND m.fleet_removed = 0";

impl FleetReads for SqliteStore {
    fn fleet_keys(&self) -> StoreFuture<'_, Vec<FleetKeyRecord>> {
        self.point(|sql| sql.all(KEYS, [], key))
    }

    fn fleet_key_needs(&self, now: Timestamp) -> StoreFuture<'_, Vec<(FleetKeyRecord, u64)>> {
        self.list(move |sql| sql.all(KEY_NEEDS, [now], |row| Ok((key(row)?, row.get(2)?))))
    }

    fn fleet_tokens(&self, filter: FleetFilter, offset: u32, limit: u32) -> StoreFuture<'_, FleetPage> {
        self.list(move |sql| page(sql, &filter, offset, limit))
    }
}

fn key(row: &Row<'_>) -> driver::Result<FleetKeyRecord> {
    Ok(FleetKeyRecord { id: row.get(0)?, created_at: row.get(1)? })
}

fn page(sql: Sql<'_>, filter: &FleetFilter, offset: u32, limit: u32) -> driver::Result<FleetPage> {
    let FleetFilter { policy, token: id, label, active, now } = filter;
    let (mut text, mut params) = (String::from(LISTED), Vec::<&dyn ToSql>::new());
    let conditions: [(&str, Option<&dyn ToSql>); 3] = [
        ("m.policy", policy.as_ref().map(|policy| policy as &dyn ToSql)),
        ("m.token", id.as_ref().map(|id| id as &dyn ToSql)),
        ("m.label", label.as_ref().map(|label| label as &dyn ToSql)),
    ];
    for (column, value) in conditions {
        if let Some(value) = value {
            params.push(value);
            text.push_str(&format!(" AND {column} = ?{}", params.len()));
        }
    }
    if let Some(active) = active {
        params.push(now);
        let live = is_live(&format!("?{}", params.len()));
        text.push_str(&if *active { format!(" AND {live}") } else { format!(" AND NOT {live}") });
    }
    let total = sql.one(&format!("SELECT count(*) {text}"), params.as_slice(), |row| row.get(0))?;
    let (limit, offset) = (i64::from(limit), i64::from(offset));
    params.extend([&limit as &dyn ToSql, &offset]);
    let (most, skipped) = (params.len() - 1, params.len());
    let list = format!("SELECT {TOKEN_COLUMNS} {text} ORDER BY m.token DESC LIMIT ?{most} OFFSET ?{skipped}");
    Ok(FleetPage { items: sql.all(&list, params.as_slice(), token)?, total: total.unwrap_or(0) })
}
