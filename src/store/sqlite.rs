//! The store on SQLite: one thread writes in groups, readers read beside it.

mod act;
mod checkpoint;
mod driver;
mod fault;
mod file_system;
mod files;
mod host_count;
mod integrity;
mod ledger_file;
mod load;
mod lock;
mod migrate;
mod open;
mod open_error;
mod pool;
mod read;
mod reserve;
mod snapshot;
mod task;
mod value;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};

pub use file_system::Fuse;
pub use ledger_file::{LedgerFault, LedgerFile};
pub use open_error::OpenError;

use self::act::Execution;
use self::driver::Sql;
use self::files::DatabaseFiles;
use self::host_count::HostCount;
use self::lock::{DatabaseLock, lock_holder};
use self::open::Opened;
use self::pool::Pool;
use self::snapshot::OpenSnapshot;
use self::task::task;
use self::writer::{Disk, Job, Writer};
use crate::clock::Timestamp;
use crate::store::commits::Commits;
use crate::store::{ClockMark, Commit, Revocations, Snapshot, Standing, Store, StoreError, StoreFuture};

/// Maximum number of waiting writes. One more is refused as [`StoreError::Overloaded`].
const QUEUE: usize = 1024;

/// The writer's page cache, in KiB. It fills only as far as it is used.
const CACHE_KIB: u32 = 64 * 1024;

/// The notes of writer and readers about the store.
type SharedStanding = Arc<Mutex<Standing>>;

/// The number of hosts after the last commit.
type SharedHostCount = Arc<Mutex<HostCount>>;

/// A store in one SQLite file, which one process at a time may open.
pub struct SqliteStore {
    /// True if opening it created or migrated the database.
    was_changed: bool,
    queue: SyncSender<Job>,
    writer: Mutex<Option<JoinHandle<()>>>,
    pool: Pool,
    revocations: Arc<Revocations>,
    mark: Arc<ClockMark>,
    failed: watch::Receiver<bool>,
    standing: SharedStanding,
    hosts: SharedHostCount,
    commits: Commits,
    /// Held while the store is open. The system releases it if the process dies.
    lock: Mutex<Option<DatabaseLock>>,
}

/// The lock of a directory, held until dropped.
#[derive(Debug)]
pub struct HeldLock(#[expect(dead_code, reason = "held, not read")] DatabaseLock);

impl SqliteStore {
    /// Opens the database at `path`, at `now`. A missing one is created; an older one is migrated after a backup beside it.
    ///
    /// # Errors
    /// The reason why the database cannot be used. Nothing in it was changed.
    pub fn open(path: &Path, now: Timestamp) -> Result<Arc<Self>, OpenError> {
        Self::open_on(path, now, Fuse::Refused)
    }

    /// The same, where the operator has chosen about file systems in user space.
    ///
    /// # Errors
    /// The reason why the database cannot be used. Nothing in it was changed.
    pub fn open_on(path: &Path, now: Timestamp, fuse: Fuse) -> Result<Arc<Self>, OpenError> {
        Self::open_with(path, now, fuse, migrate::MIGRATIONS)
    }

    /// Opens the ledger of the database at `path` for reading, also while a server runs on it.
    ///
    /// # Errors
    /// The reason why the ledger cannot be read.
    pub fn open_read_only(path: &Path) -> Result<LedgerFile, OpenError> {
        LedgerFile::open(path)
    }

    /// Reads the whole database at `path` and returns its faults, also while a server runs on it.
    ///
    /// # Errors
    /// The reason why the database cannot be opened.
    pub fn check_integrity(path: &Path) -> Result<Vec<String>, OpenError> {
        integrity::faults(path)
    }

    /// Holds the last commit of the database at `path` for a copy, also while a server runs on it.
    ///
    /// # Errors
    /// The reason why the database cannot be read. An older schema is not migrated.
    pub fn snapshot_of(path: &Path) -> Result<Box<dyn Snapshot>, OpenError> {
        Ok(Box::new(OpenSnapshot::begin(open::open_existing(path)?)?))
    }

    /// Returns the error if another process has the database at `path` open.
    pub fn holder(path: &Path) -> Option<OpenError> {
        lock_holder(path)
    }

    fn open_with(
        path: &Path,
        now: Timestamp,
        fuse: Fuse,
        migrations: &[&str],
    ) -> Result<Arc<Self>, OpenError> {
        let Opened { lock, reserve, connection, found } =
            open::open_writer(path, fuse, CACHE_KIB, migrations)?;
        load::begin_chain(Sql::on(&connection), now)?;
        let revocations = Arc::new(Revocations::load(load::revocations(Sql::on(&connection))?));
        let (_, mark) = read::head_and_mark(Sql::on(&connection))?;
        let mark = Arc::new(ClockMark::stored(mark));
        let hosts = Arc::new(Mutex::new(HostCount::load(Sql::on(&connection), now)?));
        let (queue, jobs) = sync_channel(QUEUE);
        let (failing, failed) = watch::channel(false);
        // Without its reserve the disk is full. The probe tries it again.
        let write = (!reserve.is_held()).then_some(StoreError::Full);
        let standing = Arc::new(Mutex::new(Standing { write, ..Standing::default() }));
        let disk = Disk { files: DatabaseFiles::of(path), reserve };
        let (memory, notes) = (Arc::clone(&revocations), (Arc::clone(&standing), Arc::clone(&hosts)));
        let commits = Commits::default();
        let writer =
            Writer::new(disk, connection, memory, Arc::clone(&mark), failing, notes, commits.clone());
        let thread =
            std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || writer.run(&jobs));
        let thread = thread.map_err(|source| OpenError::NotWritable { path: path.to_owned(), source })?;
        Ok(Arc::new(Self {
            was_changed: found < migrations.len() as i64,
            queue,
            writer: Mutex::new(Some(thread)),
            pool: Pool::new(path.to_owned(), Arc::clone(&standing)),
            revocations,
            mark,
            failed,
            standing,
            hosts,
            commits,
            lock: Mutex::new(Some(lock)),
        }))
    }

    /// Locks the directory of the database at `path`, so that no server opens it. The database itself may be missing.
    ///
    /// # Errors
    /// Another process has it open, or the lock file cannot be written.
    pub fn lock(path: &Path) -> Result<HeldLock, OpenError> {
        DatabaseLock::take(path).map(HeldLock)
    }

    /// Checks what can be checked before the database is opened or created. Creates and changes nothing.
    ///
    /// # Errors
    /// The reason why the database cannot be used.
    pub fn look(path: &Path, fuse: Fuse) -> Result<(), OpenError> {
        match lock_holder(path) {
            Some(held) => Err(held),
            None => open::look(path, fuse),
        }
    }

    /// Returns true if opening it created or migrated the database.
    pub const fn was_changed(&self) -> bool {
        self.was_changed
    }

    /// Turns true when the disk has failed, a commit has an unknown outcome, or a file of the database was removed. Nothing is written after
    /// that: the process must end, and a new one reads the database.
    pub fn failed(&self) -> watch::Receiver<bool> {
        self.failed.clone()
    }

    /// Finishes the waiting writes, moves the write-ahead log into the database and releases the lock. It blocks until then. Later calls
    /// are answered with [`StoreError::Closed`].
    pub fn close(&self) {
        let thread = self.writer.lock().take();
        let Some(thread) = thread else { return };
        self.pool.clear();
        // An error of either means that the thread has ended already.
        drop(self.queue.send(Job::Close));
        drop(thread.join());
        drop(self.lock.lock().take());
    }

    /// Runs a point read.
    fn point<'a, T: Send + 'a>(
        &'a self,
        read: impl FnOnce(Sql<'_>) -> driver::Result<T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move { self.pool.read(read) })
    }

    /// Runs a read of many rows.
    fn list<T: Send + 'static>(
        &self,
        read: impl FnOnce(Sql<'_>) -> driver::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        Box::pin(self.pool.list(read))
    }

    async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut Execution<'_>) -> driver::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (task, answer) = task(name, work);
        self.queue.try_send(Job::Write(task)).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        answer.await.map_err(|_| StoreError::Closed)?.logged()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl Store for SqliteStore {
    fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    fn mark(&self) -> Arc<ClockMark> {
        Arc::clone(&self.mark)
    }

    fn commits(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.commits.follow()
    }

    fn newest_commit(&self) -> u64 {
        self.commits.newest()
    }

    fn standing(&self) -> Standing {
        self.standing.lock().clone()
    }

    fn probe(&self) -> StoreFuture<'_, ()> {
        match self.standing().write {
            Some(_) => Box::pin(self.write("probe", |act| act.touch())),
            None => Box::pin(self.write("look", |_| Ok(()))),
        }
    }

    fn snapshot(&self) -> StoreFuture<'_, Box<dyn Snapshot>> {
        let begin = || OpenSnapshot::begin(self.pool.open()?);
        let begun = begin().map_err(|error| fault::of_read(&error));
        Box::pin(async move { Ok(Box::new(begun?) as Box<dyn Snapshot>) })
    }
}
