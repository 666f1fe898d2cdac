//! Group commit: one thread owns the writing connection. While one fsync runs, the next batch forms.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::watch;

use super::act::{Effects, counters};
use super::checkpoint::{self, Checkpoints};
use super::driver::{self, Sql, params};
use super::fault::{self, Reach};
use super::files::{Absence, DatabaseFiles};
use super::read::head_and_mark;
use super::reserve::Reserve;
use super::{SharedHostCount, SharedStanding, task::Task};
use crate::ledger::{ChainHead, Draft, Origin};
use crate::store::commits::Commits;
use crate::store::{ClockMark, Revocations, StoreError};

/// Maximum number of commands in one commit.
const BATCH: usize = 256;

/// An item of the queue.
pub(super) enum Job {
    /// A command or a probe.
    Write(Box<dyn Task>),
    /// The end: earlier items are finished, later ones are not begun.
    Close,
    /// Does something to the writing connection between two batches.
    #[cfg(test)]
    Hook(Box<dyn FnOnce(&Connection) + Send>),
}

/// The files that the writer uses besides the connection.
pub(super) struct Disk {
    pub(super) files: DatabaseFiles,
    pub(super) reserve: Reserve,
}

/// The thread's state.
pub(super) struct Writer {
    disk: Disk,
    connection: Connection,
    revocations: Arc<Revocations>,
    mark: Arc<ClockMark>,
    failed: watch::Sender<bool>,
    standing: SharedStanding,
    /// The number of hosts after the last commit.
    hosts: SharedHostCount,
    commits: Commits,
    checkpoints: Checkpoints,
    /// The failure after which nothing is written.
    failure: Option<StoreError>,
    /// The reason why writes fail that the log has.
    logged: Option<StoreError>,
}

impl Writer {
    pub(super) fn new(
        disk: Disk,
        connection: Connection,
        revocations: Arc<Revocations>,
        mark: Arc<ClockMark>,
        failed: watch::Sender<bool>,
        (standing, hosts): (SharedStanding, SharedHostCount),
        commits: Commits,
    ) -> Self {
        let checkpoints = Checkpoints::default();
        Self {
            disk,
            connection,
            revocations,
            mark,
            failed,
            standing,
            hosts,
            commits,
            checkpoints,
            failure: None,
            logged: None,
        }
    }

    /// Serves the queue until it is closed.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut open = true;
        while open {
            let Ok(first) = jobs.recv() else { break };
            let mut batch = Vec::new();
            open = self.drain(first, jobs, &mut batch);
            self.serve(batch);
        }
        if self.failure.is_none() {
            checkpoint::at_end(&self.connection);
        }
        let Self { disk, connection, .. } = self;
        drop(connection);
        // Closing frees room, and the next start may need the reserve.
        disk.reserve.make();
    }

    /// Moves waiting writes into `batch` without waiting for more. Returns whether the queue goes on.
    fn drain(&self, first: Job, jobs: &Receiver<Job>, batch: &mut Vec<Box<dyn Task>>) -> bool {
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Write(task) => batch.push(task),
                Job::Close => return false,
                #[cfg(test)]
                Job::Hook(hook) => hook(&self.connection),
            }
            next = if batch.len() < BATCH { jobs.try_recv().ok() } else { None };
        }
        true
    }

    fn serve(&mut self, mut batch: Vec<Box<dyn Task>>) {
        if batch.is_empty() {
            return;
        }
        let before = self.connection.total_changes();
        let error = self.transact(&mut batch).err();
        if let Some(error) = &error {
            batch.iter_mut().for_each(|task| task.fail(error.clone()));
        }
        // A batch that changed nothing does not show that the store can be written.
        if error.is_some() || self.connection.total_changes() > before {
            self.log(error.as_ref());
            self.standing.lock().write = error;
        }
        batch.into_iter().for_each(Task::answer);
        if self.failure.is_none() {
            self.checkpoints.after_batch(&self.connection, &self.standing);
        }
    }

    /// Logs a new reason why writes fail, and the end of a temporary one. Damage may fail one batch and spare the next.
    fn log(&mut self, error: Option<&StoreError>) {
        match error {
            Some(error) if self.failure.is_none() && self.logged.as_ref() != Some(error) => {
                tracing::error!(%error, "the store cannot be written");
                self.logged = Some(error.clone());
            }
            None if self
                .logged
                .as_ref()
                .is_some_and(|error| !matches!(error, StoreError::Damaged { .. })) =>
            {
                tracing::info!("the store can be written again");
                self.logged = None;
            }
            _ => {}
        }
    }

    fn transact(&mut self, batch: &mut [Box<dyn Task>]) -> Result<(), StoreError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        match self.disk.files.absence() {
            None => {}
            Some(Absence::Database) => return Err(StoreError::Gone),
            Some(Absence::Beside(path)) => return Err(self.rescue(&path)),
        }
        let began = Instant::now();
        let (effects, newest) = self.try_transact(batch).map_err(|reach| self.give_up(reach))?;
        metrics::histogram!("gatepass_commit_batch_size").record(batch.len() as f64);
        metrics::histogram!("gatepass_commit_seconds").record(began.elapsed().as_secs_f64());
        self.revocations.apply(&effects.changes);
        *self.hosts.lock() = effects.hosts;
        if let Some(at) = effects.accepted {
            self.mark.set(at);
        }
        self.commits.announce(newest, &effects.drafts);
        Ok(())
    }

    /// Moves the open write-ahead log into the database and ends writing. A log without a name is lost with the process. So the process
    /// stays while a reader or the disk prevents the move.
    fn rescue(&mut self, path: &Path) -> StoreError {
        let error = StoreError::Removed { path: path.display().to_string() };
        match checkpoint::whole(&self.connection) {
            Ok(true) => self.fail(error),
            Ok(false) => error,
            Err(cause) => {
                tracing::error!(%cause, "the open write-ahead log could not be moved into the database; the next batch tries again");
                error
            }
        }
    }

    /// Leaves no transaction open, and keeps a failure that must end the process.
    fn give_up(&mut self, reach: Reach) -> StoreError {
        let error = match reach {
            Reach::Command(error) | Reach::Batch(error) => match self.roll_back() {
                Ok(()) => return error,
                Err(error) => StoreError::Failed { detail: format!("a rollback failed: {error}") },
            },
            Reach::Process(error) => {
                // The transaction may be rolled back already. Either way nothing more is written.
                drop(self.roll_back());
                error
            }
        };
        self.fail(error)
    }

    /// Keeps a failure that must end the process.
    fn fail(&mut self, error: StoreError) -> StoreError {
        tracing::error!(%error, "the store has failed; nothing more is written");
        self.failure = Some(error.clone());
        self.failed.send_replace(true);
        error
    }

    fn roll_back(&self) -> rusqlite::Result<()> {
        if self.connection.is_autocommit() { Ok(()) } else { self.connection.execute_batch("ROLLBACK") }
    }

    /// Returns the effects of the tasks, and the number of the newest entry.
    fn try_transact(&self, tasks: &mut [Box<dyn Task>]) -> Result<(Effects, u64), Reach> {
        let whole = |error: rusqlite::Error| batch(self.reach(&error));
        self.step("BEGIN IMMEDIATE").map_err(whole)?;
        let (mut effects, before) = (Effects::from(*self.hosts.lock()), self.connection.total_changes());
        for task in tasks {
            self.run_task(task.as_mut(), &mut effects)?;
        }
        if self.connection.total_changes() > before && !self.disk.reserve.make() {
            return Err(Reach::Batch(StoreError::Full));
        }
        let newest =
            self.append(&effects).map_err(|error| self.past_head(&error).unwrap_or_else(|| whole(error)))?;
        self.step("COMMIT").map_err(|error| fault::reach_of_commit(&error))?;
        Ok((effects, newest))
    }

    /// Runs one task in a savepoint of its own. `Err` ends the batch.
    fn run_task(&self, task: &mut dyn Task, effects: &mut Effects) -> Result<(), Reach> {
        let ran =
            self.step("SAVEPOINT command").and_then(|()| task.run(Sql::on(&self.connection), effects.hosts));
        let kept = match ran {
            Ok(kept) => kept,
            Err(error) => {
                task.fail(self.judge(task.name(), &error)?);
                None
            }
        };
        let end = |sql| self.step(sql).map_err(|error| batch(self.reach(&error)));
        match kept {
            Some(kept) => {
                effects.hosts = kept.hosts;
                effects.drafts.extend(kept.drafts);
                effects.changes.extend(kept.changes);
                effects.accepted = kept.accepted.or(effects.accepted);
            }
            None => end("ROLLBACK TO command")?,
        }
        end("RELEASE command")
    }

    /// The error of an entry whose number is taken: a row was inserted past the head of the ledger. A probe adds no entry, and would not
    /// meet it.
    fn past_head(&self, error: &rusqlite::Error) -> Option<Reach> {
        let taken = error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation);
        let detail =
            "the ledger has a row past its head, so no entry can be added; `gatepass ledger verify` names it";
        let damage = taken.then(|| StoreError::Damaged { detail: detail.to_owned() })?;
        self.standing.lock().damage.get_or_insert_with(|| damage.clone());
        Some(Reach::Batch(damage))
    }

    /// Returns the reach of an error, and notes damage.
    fn reach(&self, error: &rusqlite::Error) -> Reach {
        fault::note_damage(error, &mut self.standing.lock());
        fault::reach(error)
    }

    /// Returns the answer to an error inside a command. After a rollback by SQLite, the next statement would commit alone, so the batch
    /// ends.
    fn judge(&self, command: &'static str, error: &rusqlite::Error) -> Result<StoreError, Reach> {
        match self.reach(error) {
            Reach::Command(found) if !self.connection.is_autocommit() => {
                tracing::error!(command, %error, "a command met what it should never meet");
                Ok(found)
            }
            reach => Err(batch(reach)),
        }
    }

    /// Numbers and chains the entries, and stores the head and the clock mark with them. Returns the number of the last one, 0 without
    /// entries.
    fn append(&self, effects: &Effects) -> rusqlite::Result<u64> {
        if effects.drafts.is_empty() {
            return Ok(0);
        }
        let sql = Sql::on(&self.connection);
        // Each batch reads them: a failed one has committed nothing.
        let (mut head, stored) = head_and_mark(sql)?;
        for draft in &effects.drafts {
            insert_entry(sql, &mut head, draft)?;
        }
        counters::count(sql, &effects.drafts)?;
        let mark = effects.accepted.or_else(|| stored.max(self.mark.get()));
        let text = "UPDATE meta SET head_seq = ?1, head_hash = ?2, clock_mark = ?3 WHERE single = 1";
        sql.execute(text, params![head.seq, head.hash, mark])?;
        Ok(head.seq)
    }

    fn step(&self, sql: &str) -> rusqlite::Result<()> {
        Sql::on(&self.connection).execute(sql, []).map(drop)
    }
}

/// Widens an error to the batch at least.
fn batch(reach: Reach) -> Reach {
    match reach {
        Reach::Command(error) => Reach::Batch(error),
        reach => reach,
    }
}

fn insert_entry(sql: Sql<'_>, head: &mut ChainHead, draft: &Draft) -> driver::Result<()> {
    let link = head.append(draft);
    let text = "INSERT INTO ledger (chain, seq, at, actor, address, request, action, token, host, outcome, reason, \
               bytes, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let Origin { actor, address, request, .. } = &draft.origin;
    let params = params![
        head.chain,
        link.seq,
        draft.at(),
        actor,
        address.map(|address| address.to_string()),
        request,
        draft.action.as_str(),
        draft.subjects.token,
        draft.subjects.host,
        draft.outcome.as_str(),
        draft.reason,
        link.bytes,
        link.hash,
    ];
    sql.execute(text, params).map(drop)
}
