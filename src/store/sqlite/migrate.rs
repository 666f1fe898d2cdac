//! The schema's versions. Each migration is a file, applied in one transaction with its number.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, TransactionBehavior};

use super::open_error::{OpenError, beside, create_private};

/// All migrations in order. The schema's version is the number of applied ones.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/001_foundation.sql"),
    include_str!("../migrations/002_verification.sql"),
    include_str!("../migrations/003_access.sql"),
    include_str!("../migrations/004_listing.sql"),
    include_str!("../migrations/005_one_row.sql"),
    include_str!("../migrations/006_known_addresses.sql"),
    include_str!("../migrations/007_names.sql"),
    include_str!("../migrations/008_api_key_audience.sql"),
    include_str!("../migrations/009_overlap.sql"),
    include_str!("../migrations/010_recognition.sql"),
    include_str!("../migrations/011_short_ids.sql"),
    include_str!("../migrations/012_kinds.sql"),
    include_str!("../migrations/013_batches.sql"),
    include_str!("../migrations/014_reenrollment.sql"),
    include_str!("../migrations/015_quarantine.sql"),
    include_str!("../migrations/016_rules.sql"),
    include_str!("../migrations/017_approval.sql"),
    include_str!("../migrations/018_policies.sql"),
    include_str!("../migrations/019_outputs.sql"),
    include_str!("../migrations/020_session_address.sql"),
    include_str!("../migrations/021_sorting.sql"),
    include_str!("../migrations/022_counters.sql"),
    include_str!("../migrations/023_restore.sql"),
];

/// Marks the file as a gatepass database: `gate`, in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x6761_7465;

/// Migrates the schema to the newest version, and returns the version found. An older database is copied to `<db>.v<N>.bak`
/// first.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<i64, OpenError> {
    let found = version(connection)?;
    let newest = migrations.len() as i64;
    if found > newest {
        return Err(OpenError::NewerSchema { found, newest });
    }
    if found == 0 {
        refuse_foreign(connection, path)?;
    } else if found < newest {
        back_up(connection, &backup_path(path, found))?;
    }
    for (number, migration) in (1..).zip(migrations).filter(|(number, _)| *number > found) {
        apply(connection, number, migration).map_err(|source| OpenError::NotMigrated {
            found,
            newest,
            number,
            source,
        })?;
    }
    Ok(found)
}

/// Returns the version of the schema; 0 for an empty database.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn apply(connection: &mut Connection, number: i64, migration: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(migration)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", number)?;
    transaction.commit()
}

/// Refuses the database of another program: it has tables and not our mark.
fn refuse_foreign(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 { Ok(()) } else { Err(OpenError::NotOurs { path: path.to_owned() }) }
}

/// Copies the database, write-ahead log included, with the online backup API.
fn back_up(connection: &Connection, to: &Path) -> Result<(), OpenError> {
    create_private(to)?;
    let mut copy = Connection::open(to)?;
    let backup = Backup::new(connection, &mut copy)?;
    backup.run_to_completion(1024, Duration::ZERO, None)?;
    drop(backup);
    copy.close().map_err(|(_, error)| OpenError::from(error))
}

fn backup_path(path: &Path, version: i64) -> PathBuf {
    beside(path, &format!(".v{version}.bak"))
}
