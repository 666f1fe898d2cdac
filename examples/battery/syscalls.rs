//! Starts with one failing system call each, and a start without faults after it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::Fault;
use crate::arguments::{Arguments, Mode};
use crate::authority::{Authority, Started};
use crate::control::{self, Control};
use crate::load::Load;
use crate::report::{Row, bar};
use crate::review::{Scope, review};
use crate::site::{Place, Site};
use crate::strace::{self, Injection};
use crate::tools::below;

/// The files whose calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    All,
    /// The log of the server.
    Log,
    /// The database itself, which checkpoints alone write to.
    Database,
}

/// System calls, an error, and the number of calls among which one fails.
const FAILURES: [(&str, &str, u32, On); 21] = [
    ("fdatasync", "error=EIO", 80, On::All),
    ("fdatasync", "error=ENOSPC", 80, On::All),
    ("fsync", "error=EIO", 12, On::All),
    ("fsync", "error=ENOSPC", 12, On::All),
    ("pwrite64", "error=EIO", 500, On::All),
    ("pwrite64", "error=ENOSPC", 500, On::All),
    ("pwrite64", "error=EDQUOT", 500, On::All),
    ("pread64", "error=EIO", 200, On::All),
    ("ftruncate", "error=EIO", 6, On::All),
    ("ftruncate", "error=ENOSPC", 6, On::All),
    ("openat", "error=EIO", 120, On::All),
    ("openat", "error=ENOSPC", 120, On::All),
    ("openat", "error=EMFILE", 120, On::All),
    ("rename,renameat,renameat2", "error=EIO", 8, On::All),
    ("unlink,unlinkat", "error=EIO", 6, On::All),
    ("fcntl", "error=EIO", 300, On::All),
    ("write", "error=ENOSPC", 30, On::Log),
    ("write", "error=EIO", 30, On::Log),
    ("fsync,fdatasync", "error=EIO", 3, On::Database),
    ("pwrite64", "error=EIO", 200, On::Database),
    ("pwrite64", "error=ENOSPC", 200, On::Database),
];
/// Every fifth round begins with an empty directory, so that first starts fail too. No common factor with the failures.
const ANEW: u32 = 5;
/// Acts of a round, and of one that reaches a checkpoint.
const ACTS: [u64; 2] = [60, 500];
/// Timeouts of both.
const LIMITS: [Duration; 2] = [Duration::from_millis(2500), Duration::from_secs(15)];
/// The control tries that often, because a write that is made again loses nothing.
const TRIES: u32 = 8;

/// Starts the server `rounds` times with failing calls.
pub(crate) async fn run(arguments: &Arguments, rounds: u32) -> Result<Row, Fault> {
    strace::need()?;
    let place = Place::new(arguments, Mode::Syscalls)?;
    let mut row = Row { rounds, ..Row::default() };
    let first = Site::new(arguments, place.path())?;
    let (mut site, mut load, mut traces) = (first.clone(), Arc::new(Load::default()), Vec::new());
    let bar = bar(Mode::Syscalls, rounds);
    for round in 1..=rounds {
        if round % ANEW == 1 {
            close(&mut row, &load);
            (site, load) = (first.on(place.path().join(format!("data-{round}"))), Arc::default());
        }
        let trace = place.path().join(format!("trace-{round}"));
        one(arguments, &mut row, &site, &load, failure(round, &site), &trace).await?;
        traces.push(trace);
        bar.inc(1);
    }
    bar.finish_and_clear();
    site.verify_ledger()?;
    let over_used = control::over_used(&site, &load.record.lock())?;
    close(&mut row, &load);
    row.faults = traces.iter().map(|trace| strace::injected(trace)).sum();
    row.control = Control::Found { lost: lying_writes(arguments, &site, place.path()).await?, over_used };
    Ok(row)
}

/// The failure of a round: the kinds in turn, at a random call, once or from there on.
fn failure(round: u32, site: &Site) -> (Injection, On) {
    let (calls, instead, among, on) = FAILURES[round as usize % FAILURES.len()];
    let when = format!("{}{}", 1 + below(among), if below(3) == 0 { "+" } else { "" });
    let file = match on {
        On::All => None,
        On::Log => Some(site.log.clone()),
        On::Database => Some(site.data.join("gatepass.db")),
    };
    (Injection { calls, instead, when, file }, on)
}

async fn one(
    arguments: &Arguments,
    row: &mut Row,
    site: &Site,
    load: &Arc<Load>,
    (failure, on): (Injection, On),
    trace: &Path,
) -> Result<(), Fault> {
    let name = format!("{} on {on:?}", failure.name());
    match site.start_under(&failure, trace).await? {
        Started::Ended(how) => row.ended(&format!("{} at the start", how.split(':').next().unwrap_or(&how))),
        Started::Runs(authority) => {
            let working = load.begin(&authority, arguments.connections);
            let long = usize::from(on == On::Database);
            working.acknowledged(ACTS[long], LIMITS[long]).await;
            let broke_off = working.end().await;
            let end = if broke_off { authority.end().await? } else { kill(authority)? };
            if broke_off && on != On::All {
                row.findings.other(&name, format!("the server must go on, but: {end}"));
            }
            row.ended(&end);
        }
    }
    match site.start().await? {
        Started::Runs(authority) => {
            let mut record = std::mem::take(&mut *load.record.lock());
            let findings = review(&authority, site, &mut record, Scope::All).await?;
            *load.record.lock() = record;
            row.findings.merge(&name, findings);
            authority.stop().await?;
        }
        Started::Ended(how) => {
            row.findings.other(&format!("{} does not start", site.data.display()), format!("{name}: {how}"))
        }
    }
    Ok(())
}

fn kill(authority: Authority) -> Result<String, Fault> {
    Ok(authority.kill()?.unwrap_or_else(|| String::from("ran on, and was killed")))
}

/// Takes over what a store's record and clients have to say.
fn close(row: &mut Row, load: &Load) {
    row.acknowledged += load.record.lock().acknowledged();
    row.findings.merge("load", std::mem::take(&mut *load.findings.lock()));
}

/// The control: a write to the write-ahead log that claims to have happened. Returns the number of lost acts.
async fn lying_writes(arguments: &Arguments, site: &Site, dir: &Path) -> Result<usize, Fault> {
    for attempt in 0..TRIES {
        let when = (40 + below(200)).to_string();
        let log = PathBuf::from(format!("{}/gatepass.db-wal", site.data.display()));
        let lie = Injection { calls: "pwrite64", instead: "retval=4096", when, file: Some(log) };
        let trace = dir.join(format!("trace-control-{attempt}"));
        let Started::Runs(authority) = site.start_under(&lie, &trace).await? else { continue };
        let load = Arc::new(Load::default());
        let working = load.begin(&authority, arguments.connections);
        working.acknowledged(ACTS[0], LIMITS[0]).await;
        authority.kill()?;
        working.end().await;
        let authority = site.must_start().await?;
        let mut record = std::mem::take(&mut *load.record.lock());
        let lost = review(&authority, site, &mut record, Scope::All).await?.lost.len();
        if lost > 0 {
            return Ok(lost);
        }
    }
    Ok(0)
}
