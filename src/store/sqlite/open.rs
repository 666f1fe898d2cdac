//! Opening the database: every possible fault is found before anything is changed.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::file_system::{self, Fuse};
use super::lock::DatabaseLock;
use super::migrate;
use super::open_error::{OpenError, create_private};
use super::reserve::Reserve;

/// The first SQLite version with the fix for a rare corruption of write-ahead logs with several check-points.
const LEAST_SQLITE: i32 = 3_051_003;

/// Checks a database that may be missing, and its directory, which may be missing too. Creates and changes nothing. No process
/// may have the database open: closing a file drops the locks of SQLite.
pub(super) fn look(path: &Path, fuse: Fuse) -> Result<(), OpenError> {
    if rusqlite::version_number() < LEAST_SQLITE {
        return Err(OpenError::OldSqlite { found: rusqlite::version() });
    }
    file_system::refuse_network(path, fuse)?;
    check_header(path, migrate::MIGRATIONS.len() as i64)
}

/// An opened database.
pub(super) struct Opened {
    pub(super) lock: DatabaseLock,
    pub(super) reserve: Reserve,
    pub(super) connection: Connection,
    /// Schema version of the file before it was migrated.
    pub(super) found: i64,
}

/// Takes the lock and opens the writing connection, migrated to the newest schema.
pub(super) fn open_writer(
    path: &Path,
    fuse: Fuse,
    cache_kib: u32,
    migrations: &[&str],
) -> Result<Opened, OpenError> {
    if rusqlite::version_number() < LEAST_SQLITE {
        return Err(OpenError::OldSqlite { found: rusqlite::version() });
    }
    file_system::refuse_network(path, fuse)?;
    check_header(path, migrations.len() as i64)?;
    let lock = DatabaseLock::take(path)?;
    let reserve = Reserve::find(path);
    let connection = match connect(path, cache_kib, migrations) {
        // The file system did not tell that it was full.
        Err(error) if error.is_full() && reserve.is_held() => {
            reserve.give_up();
            connect(path, cache_kib, migrations)
        }
        connected => connected,
    };
    let (connection, found) = connection.map_err(|error| match error.is_full() {
        true => OpenError::Full { path: path.to_owned() },
        false => error,
    })?;
    // A refused database gets no reserve.
    reserve.make();
    Ok(Opened { lock, reserve, connection, found })
}

fn connect(path: &Path, cache_kib: u32, migrations: &[&str]) -> Result<(Connection, i64), OpenError> {
    create_private(path)?;
    let mut connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    // A refused database is left as it was found, its write-ahead log included.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(Duration::from_millis(250))?;
    let (found, newest) = (migrate::version(&connection)?, migrations.len() as i64);
    if found > newest {
        return Err(OpenError::NewerSchema { found, newest });
    }
    configure(&connection, path, cache_kib)?;
    let found = migrate::migrate(&mut connection, path, migrations)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok((connection, found))
}

/// Opens a connection that cannot write.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    reader(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens a connection that judges CHECK constraints and writes nothing. SQLite does not load the constraints of a file that is
/// opened for reading.
pub(super) fn open_judge(path: &Path) -> rusqlite::Result<Connection> {
    let connection = reader(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

fn reader(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags(access))?;
    connection.busy_timeout(Duration::from_millis(250))?;
    connection.set_prepared_statement_cache_capacity(32);
    prepare_once(&connection)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Checks that an existing database is one of ours with the newest schema, and opens it for reading.
pub(super) fn open_existing(path: &Path) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::Absent { path: path.to_owned() });
    }
    let newest = migrate::MIGRATIONS.len() as i64;
    check_header(path, newest)?;
    let connection = open_reader(path)?;
    let found = migrate::version(&connection)?;
    match found {
        _ if found > newest => Err(OpenError::NewerSchema { found, newest }),
        _ if found < newest => Err(OpenError::OlderSchema { found, newest }),
        _ => Ok(connection),
    }
}

fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Keeps cached statements: SQLite would prepare one again at each value that it compares with the condition of a partial index.
fn prepare_once(connection: &Connection) -> rusqlite::Result<bool> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
}

fn configure(connection: &Connection, path: &Path, cache_kib: u32) -> Result<(), OpenError> {
    connection.set_prepared_statement_cache_capacity(160);
    prepare_once(connection)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::NoWriteAheadLog { path: path.to_owned(), mode });
    }
    // The writer makes them, and sees their errors.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // NORMAL loses acknowledged rows at a power failure.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?)
}

/// Reads the file's header (SQLite file format, section 1.3) before SQLite touches anything: `user_version` is at 60.
fn check_header(path: &Path, newest: i64) -> Result<(), OpenError> {
    let unusable = |source| OpenError::NotWritable { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(unusable)?,
    };
    let mut header = Vec::new();
    file.by_ref().take(100).read_to_end(&mut header).map_err(unusable)?;
    if header.is_empty() {
        return Ok(());
    }
    let version = header.get(60..64).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    match version {
        Some(found) if header.starts_with(b"SQLite format 3\0") => {
            let found = i64::from(found);
            if found > newest { Err(OpenError::NewerSchema { found, newest }) } else { Ok(()) }
        }
        _ => Err(OpenError::NotADatabase { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gatepass.db");
        std::fs::write(&path, "not a database at all").unwrap();
        let refused = open_writer(&path, Fuse::Refused, 1024, migrate::MIGRATIONS);
        assert!(matches!(refused, Err(OpenError::NotADatabase { .. })));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert_eq!(std::fs::read(&path).unwrap(), b"not a database at all");
    }

    #[test]
    fn another_programs_database_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gatepass.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        let refused = open_writer(&path, Fuse::Refused, 1024, migrate::MIGRATIONS);
        assert!(matches!(refused, Err(OpenError::NotOurs { .. })));
    }

    #[test]
    fn a_database_without_a_write_ahead_log_is_refused() {
        // A database in memory has no log either.
        let connection = Connection::open_in_memory().unwrap();
        let refused = configure(&connection, Path::new("gatepass.db"), 1024).unwrap_err();
        assert!(matches!(&refused, OpenError::NoWriteAheadLog { mode, .. } if mode == "memory"), "{refused}");
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let path = Path::new("/nonexistent/gatepass.db");
        match open_writer(path, Fuse::Refused, 1024, migrate::MIGRATIONS) {
            Err(OpenError::NotWritable { path, .. }) => assert_eq!(path, Path::new("/nonexistent")),
            _ => panic!("opened, or refused for another reason"),
        }
        assert!(matches!(open_existing(path), Err(OpenError::Absent { .. })));
    }

    #[test]
    fn the_database_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gatepass.db");
        let _opened = open_writer(&path, Fuse::Refused, 1024, migrate::MIGRATIONS).unwrap();
        for file in std::fs::read_dir(directory.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.path());
        }
    }
}
