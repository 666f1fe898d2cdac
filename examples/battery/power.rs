//! Power cuts: the file system of the data directory ends under load, and everything unsynced with it.

use std::sync::Arc;
use std::time::Duration;

use crate::Fault;
use crate::arguments::{Arguments, Mode};
use crate::authority::{Authority, Started};
use crate::control::{self, Control};
use crate::disk::Disk;
use crate::load::Load;
use crate::record::Record;
use crate::report::{Row, bar};
use crate::review::{Scope, review};
use crate::site::{Place, Site};
use crate::strace::{self, Injection};
use crate::tools::{below, need_root};

const MEBIBYTES: u64 = 64;
/// A round ends at that many acts at the latest.
const MOST_ACTS: u32 = 80;
const LIMIT: Duration = Duration::from_secs(20);

/// Cuts the power `rounds` times.
pub(crate) async fn run(arguments: &Arguments, rounds: u32) -> Result<Row, Fault> {
    need_root()?;
    strace::need()?;
    let place = Place::new(arguments, Mode::Power)?;
    let mut row = Row { rounds, ..Row::default() };
    let disk = Disk::new(MEBIBYTES)?;
    let site = Site::new(arguments, place.path())?.on(disk.path().join("data"));
    let load = Arc::new(Load::default());
    let bar = bar(Mode::Power, rounds);
    for round in 1..=rounds {
        let authority = site.must_start().await?;
        cut_under_load(arguments, &disk, &load, authority).await?;
        row.faults += 1;
        let authority = site.must_start().await?;
        let mut record = std::mem::take(&mut *load.record.lock());
        let scope = if round == rounds { Scope::All } else { Scope::New };
        let findings = review(&authority, &site, &mut record, scope).await?;
        *load.record.lock() = record;
        row.findings.merge(&format!("power cut {round}"), findings);
        row.ended(&authority.stop().await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    row.findings.merge("load", std::mem::take(&mut *load.findings.lock()));
    let record = std::mem::take(&mut *load.record.lock());
    row.acknowledged = record.acknowledged();
    site.verify_ledger()?;
    let over_used = control::over_used(&site, &record)?;
    row.control = Control::Found { lost: lying_syncs(arguments, &site, &disk, &place).await?, over_used };
    Ok(row)
}

async fn cut_under_load(
    arguments: &Arguments,
    disk: &Disk,
    load: &Arc<Load>,
    authority: Authority,
) -> Result<(), Fault> {
    let working = load.begin(&authority, arguments.connections);
    working.acknowledged(u64::from(1 + below(MOST_ACTS)), LIMIT).await;
    // A machine without power answers nothing. Here the server lives on for a moment, and a sync that is under way
    // when the file system ends may return without an error. So answers count up to the cut.
    let last = load.next_moment();
    disk.cut_power()?;
    authority.kill()?;
    working.end().await;
    let mut record = load.record.lock();
    *record = record.until(last);
    drop(record);
    disk.restore_power()
}

/// The control: the same power cut while each sync returns without syncing. Returns the number of lost acts.
async fn lying_syncs(arguments: &Arguments, site: &Site, disk: &Disk, place: &Place) -> Result<usize, Fault> {
    let lie = Injection { calls: "fsync,fdatasync", instead: "retval=0", when: String::new(), file: None };
    let authority = match site.start_under(&lie, &place.path().join("trace")).await? {
        Started::Runs(authority) => authority,
        Started::Ended(how) => return Err(format!("the control does not start: {how}").into()),
    };
    let load = Arc::new(Load::default());
    cut_under_load(arguments, disk, &load, authority).await?;
    let authority = site.must_start().await?;
    let mut record: Record = std::mem::take(&mut *load.record.lock());
    Ok(review(&authority, site, &mut record, Scope::All).await?.lost.len())
}
