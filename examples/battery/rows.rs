//! The rows of the database, read beside the server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};

use crate::Fault;

/// Rows of tokens and hosts, by hexadecimal ids.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) mints: BTreeSet<String>,
    pub(crate) revoked: BTreeSet<String>,
    /// The host of each pair, with its token.
    pub(crate) pairs: BTreeSet<(String, String)>,
    pub(crate) used: BTreeMap<String, u32>,
    pub(crate) hosts: u32,
    pub(crate) enrolled_entries: u32,
}

impl Rows {
    /// Reads the database in this data directory.
    pub(crate) fn read(data: &Path) -> Result<Self, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Connection::open_with_flags(data.join("gatepass.db"), flags)?;
        let text = |row: &Row<'_>| row.get::<_, String>(0);
        let list = |sql: &str| -> Result<BTreeSet<String>, rusqlite::Error> {
            database.prepare(sql)?.query_map([], text)?.collect()
        };
        let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, u32>(0));
        let pairs = "SELECT lower(hex(token)), lower(hex(host)) FROM pairs";
        let used = "SELECT lower(hex(token)), used FROM uses WHERE used > 0";
        Ok(Self {
            mints: list("SELECT lower(hex(token)) FROM mints")?,
            revoked: list("SELECT lower(hex(token)) FROM uses WHERE ended_at IS NOT NULL")?,
            pairs: database
                .prepare(pairs)?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?,
            used: database
                .prepare(used)?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?,
            hosts: count("SELECT count(*) FROM hosts")?,
            enrolled_entries: count("SELECT count(*) FROM ledger WHERE action = 'host_enrolled'")?,
        })
    }
}
