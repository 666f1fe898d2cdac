//! The integrity of a database file, found by reading all of it.

use std::path::Path;

use rusqlite::Connection;

use super::fault;
use super::open::open_judge;
use super::open_error::OpenError;

/// Maximum number of faults that SQLite lists.
const MOST: u32 = 100;

/// Returns the faults of the database at `path`. A server may run on it.
pub(super) fn faults(path: &Path) -> Result<Vec<String>, OpenError> {
    if !path.exists() {
        return Err(OpenError::Absent { path: path.to_owned() });
    }
    match open_judge(path).and_then(|connection| find(&connection)) {
        // The damage may keep SQLite from reading on.
        Err(error) if fault::is_damage(&error) => Ok(vec![error.to_string()]),
        found => Ok(found?),
    }
}

fn find(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({MOST})"))?;
    let found = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let orphans = statement.query_map([], |row| {
        let (table, parent) = (row.get::<_, String>(0)?, row.get::<_, String>(2)?);
        Ok(format!("a row of {table} refers to a missing row of {parent}"))
    })?;
    let orphans = orphans.take(MOST as usize).collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").chain(orphans).collect())
}
