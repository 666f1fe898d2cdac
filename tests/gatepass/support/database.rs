//! The database file, read beside the server that writes it.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row};

/// The file in this data directory.
pub(crate) fn file(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join("gatepass.db")
}

/// A connection that can only read.
pub(crate) fn reader(data_dir: &Path) -> Connection {
    Connection::open_with_flags(file(data_dir), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// A connection that holds the one writer's place until it is dropped: nobody else can write.
pub(crate) fn hold(data_dir: &Path) -> Connection {
    let connection = Connection::open(file(data_dir)).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(120)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

/// Does this behind the server's back.
pub(crate) fn execute(data_dir: &Path, sql: &str) {
    let connection = Connection::open(file(data_dir)).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(120)).unwrap();
    connection.execute_batch(sql).unwrap();
}

/// The number of rows in each table.
pub(crate) fn counts(data_dir: &Path) -> BTreeMap<String, i64> {
    let reader = reader(data_dir);
    let count = |table: &String| one(&reader, &format!("SELECT count(*) FROM {table}"));
    tables(&reader).into_iter().map(|table| (table.clone(), count(&table))).collect()
}

/// Every row of every table.
pub(crate) fn content(data_dir: &Path) -> BTreeMap<String, Vec<Vec<Value>>> {
    let reader = reader(data_dir);
    tables(&reader)
        .into_iter()
        .map(|table| {
            let rows = all(&reader, &format!("SELECT * FROM {table}"));
            (table, rows)
        })
        .collect()
}

/// The number that `sql` asks for.
pub(crate) fn one(reader: &Connection, sql: &str) -> i64 {
    reader.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn tables(reader: &Connection) -> Vec<String> {
    let sql =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let mut statement = reader.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn all(reader: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut statement = reader.prepare(sql).unwrap();
    let width = statement.column_count();
    let read = |row: &Row<'_>| (0..width).map(|place| row.get(place)).collect();
    statement.query_map([], read).unwrap().map(Result::unwrap).collect()
}

/// Overwrites the header of the table's first page. No server may run on the database.
pub(crate) fn damage(data_dir: &Path, table: &str) {
    use std::os::unix::fs::FileExt as _;
    let root = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'");
    let page = u64::try_from(one(&reader(data_dir), &root)).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(file(data_dir)).unwrap();
    file.write_all_at(&[0xff; 8], (page - 1) * 4096).unwrap();
}
