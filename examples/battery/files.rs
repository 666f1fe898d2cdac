//! Files of the database that are removed or replaced under a running server.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::Fault;
use crate::arguments::{Arguments, Mode};
use crate::control::{self, Control};
use crate::load::Load;
use crate::report::{Row, bar};
use crate::review::{Scope, review};
use crate::site::{Place, Site};
use crate::tools::below;

/// A round has at least as many acts before the fault, and up to as many more.
const ACTS: (u32, u32) = (10, 60);
/// The server may go on without the file for so long.
const LIMIT: Duration = Duration::from_secs(5);

/// The write-ahead log and its index, which is made again.
const FILES: [&str; 2] = ["gatepass.db-wal", "gatepass.db-shm"];

/// Takes files away `rounds` times.
pub(crate) async fn run(arguments: &Arguments, rounds: u32) -> Result<Row, Fault> {
    let place = Place::new(arguments, Mode::Files)?;
    let site = Site::new(arguments, place.path())?;
    let (mut row, load) = (Row { rounds, ..Row::default() }, Arc::new(Load::default()));
    let bar = bar(Mode::Files, rounds);
    for round in 1..=rounds {
        let file = FILES[round as usize % FILES.len()];
        let replaced = below(2) == 0;
        let authority = site.must_start().await?;
        let working = load.begin(&authority, arguments.connections);
        working.acknowledged(u64::from(ACTS.0 + below(ACTS.1)), LIMIT).await;
        take(&site.data.join(file), replaced)?;
        working.unavailable(u64::MAX, LIMIT).await;
        let end = if working.end().await { authority.end().await? } else { ran_on(authority.kill()?) };
        let name = format!("{file} {}", if replaced { "replaced" } else { "removed" });
        row.ended(&format!("{end} after {name}"));
        row.faults += 1;
        let authority = site.must_start().await?;
        let mut record = std::mem::take(&mut *load.record.lock());
        let scope = if round == rounds { Scope::All } else { Scope::New };
        let findings = review(&authority, &site, &mut record, scope).await?;
        *load.record.lock() = record;
        row.findings.merge(&format!("round {round}, {name}"), findings);
        row.ended(&format!("{} at SIGTERM", authority.stop().await?));
        bar.inc(1);
    }
    bar.finish_and_clear();
    site.verify_ledger()?;
    row.findings.merge("load", std::mem::take(&mut *load.findings.lock()));
    let record = std::mem::take(&mut *load.record.lock());
    row.acknowledged = record.acknowledged();
    let over_used = control::over_used(&site, &record)?;
    row.control = Control::Found { lost: without_log(arguments, &site).await?, over_used };
    Ok(row)
}

fn ran_on(end: Option<String>) -> String {
    end.unwrap_or_else(|| String::from("ran on, and was killed"))
}

/// Removes a file, or puts an empty one in its place.
fn take(file: &Path, replace: bool) -> Result<(), Fault> {
    if replace {
        let other = file.with_extension("other");
        File::create(&other)?;
        return Ok(fs::rename(other, file)?);
    }
    Ok(fs::remove_file(file)?)
}

/// The control: the write-ahead log of a killed server, which nobody can save. Returns the number of lost acts.
async fn without_log(arguments: &Arguments, site: &Site) -> Result<usize, Fault> {
    let load = Arc::new(Load::default());
    let authority = site.must_start().await?;
    let working = load.begin(&authority, arguments.connections);
    working.acknowledged(u64::from(ACTS.0), LIMIT).await;
    authority.kill()?;
    working.end().await;
    take(&site.data.join(FILES[0]), false)?;
    let authority = site.must_start().await?;
    let mut record = std::mem::take(&mut *load.record.lock());
    Ok(review(&authority, site, &mut record, Scope::All).await?.lost.len())
}
