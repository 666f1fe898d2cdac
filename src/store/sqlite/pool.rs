//! Read-only connections, kept open between reads.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::driver::{self, Sql};
use super::{SharedStanding, fault, open};
use crate::store::StoreError;

/// Maximum number of idle connections.
const KEPT: usize = 4;
/// Maximum number of lists read at one time.
const LISTS: usize = 4;

/// A pool of readers. Each sees the last commit, none waits for the writer.
#[derive(Clone)]
pub(super) struct Pool(Arc<Readers>);

struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    lists: Semaphore,
    standing: SharedStanding,
}

impl Pool {
    pub(super) fn new(path: PathBuf, standing: SharedStanding) -> Self {
        Self(Arc::new(Readers { path, idle: Mutex::default(), lists: Semaphore::new(LISTS), standing }))
    }

    /// Runs a point read on the caller's thread. It takes a few microseconds.
    pub(super) fn read<T>(&self, read: impl FnOnce(Sql<'_>) -> driver::Result<T>) -> Result<T, StoreError> {
        let idle = self.0.idle.lock().pop();
        let answer = match idle {
            Some(connection) => Ok(connection),
            None => self.open(),
        }
        .and_then(|connection| {
            let answer = read(Sql::on(&connection))?;
            self.put_back(connection);
            Ok(answer)
        });
        // A connection with an error is not kept.
        answer.map_err(|error| {
            fault::note_damage(&error, &mut self.0.standing.lock());
            fault::of_read(&error)
        })
    }

    /// Opens a reader that does not belong to the pool.
    pub(super) fn open(&self) -> driver::Result<Connection> {
        open::open_reader(&self.0.path)
    }

    /// Runs a list on a thread of its own. Only a few run at one time.
    pub(super) async fn list<T: Send + 'static>(
        &self,
        read: impl FnOnce(Sql<'_>) -> driver::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _permit = self.0.lists.acquire().await.map_err(|_| StoreError::Closed)?;
        let pool = self.clone();
        let task = tokio::task::spawn_blocking(move || pool.read(read));
        task.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Closes the idle connections, so that the last checkpoint finds no reader.
    pub(super) fn clear(&self) {
        self.0.idle.lock().clear();
    }

    fn put_back(&self, connection: Connection) {
        let mut idle = self.0.idle.lock();
        if idle.len() < KEPT {
            idle.push(connection);
        }
    }
}
