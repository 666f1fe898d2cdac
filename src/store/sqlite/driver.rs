//! The interface to the database driver: four helpers that run a statement. Verbs and readers use nothing else of it.
//!
//! Their SQL is shared by SQLite and PostgreSQL, with parameters written as `?1`. A test reads it.

pub(super) use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension as _, Params};
pub(super) use rusqlite::{Result, Row, ToSql, params};

/// Runs statements on one connection, each prepared once.
#[derive(Clone, Copy)]
pub(super) struct Sql<'c>(&'c Connection);

impl<'c> Sql<'c> {
    pub(super) const fn on(connection: &'c Connection) -> Self {
        Self(connection)
    }

    /// Runs a statement; returns the number of rows it changed.
    pub(super) fn execute(self, sql: &str, params: impl Params) -> Result<usize> {
        self.0.prepare_cached(sql)?.execute(params)
    }

    /// Returns the first row, if there is one.
    pub(super) fn one<T>(
        self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.0.prepare_cached(sql)?.query_row(params, read).optional()
    }

    /// Returns every row.
    pub(super) fn all<T>(
        self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.0.prepare_cached(sql)?.query_map(params, read)?.collect()
    }

    /// Returns whether there is a row.
    pub(super) fn exists(self, sql: &str, params: impl Params) -> Result<bool> {
        self.0.prepare_cached(sql)?.exists(params)
    }
}
