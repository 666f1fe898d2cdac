//! SIGKILL under load, again and again on one store.

use std::sync::Arc;
use std::time::Duration;

use crate::Fault;
use crate::arguments::{Arguments, Mode};
use crate::control;
use crate::load::Load;
use crate::report::{Row, bar};
use crate::review::{Scope, review};
use crate::site::{Place, Site};
use crate::tools::below;

/// A round has at least as many acts, and up to as many more.
const ACTS: (u32, u32) = (10, 110);
const LIMIT: Duration = Duration::from_secs(20);

/// Kills the server `rounds` times.
pub(crate) async fn run(arguments: &Arguments, rounds: u32) -> Result<Row, Fault> {
    let place = Place::new(arguments, Mode::Kill)?;
    let site = Site::new(arguments, place.path())?;
    let (mut row, load) = (Row { rounds, ..Row::default() }, Arc::new(Load::default()));
    let older = founded(&site, place.path()).await?;
    let mut authority = site.must_start().await?;
    let bar = bar(Mode::Kill, rounds);
    for round in 1..=rounds {
        let working = load.begin(&authority, arguments.connections);
        working.acknowledged(u64::from(ACTS.0 + below(ACTS.1)), LIMIT).await;
        if let Some(how) = authority.kill()? {
            row.ended(&how);
        }
        working.end().await;
        row.faults += 1;
        authority = site.must_start().await?;
        let mut record = std::mem::take(&mut *load.record.lock());
        let findings = review(&authority, &site, &mut record, Scope::New).await?;
        *load.record.lock() = record;
        row.findings.merge(&format!("kill {round}"), findings);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mut record = std::mem::take(&mut *load.record.lock());
    row.findings.merge("end", review(&authority, &site, &mut record, Scope::All).await?);
    row.findings.merge("load", std::mem::take(&mut *load.findings.lock()));
    row.acknowledged = record.acknowledged();
    row.ended(&authority.stop().await?);
    site.verify_ledger()?;
    row.control = control::on_older_copy(&site, older, &record).await?;
    Ok(row)
}

/// Starts and stops the server once. Returns a copy of the store, which is older than every act of a round.
pub(crate) async fn founded(site: &Site, dir: &std::path::Path) -> Result<std::path::PathBuf, Fault> {
    site.must_start().await?.stop().await?;
    control::copy(site, &dir.join("older"))
}
