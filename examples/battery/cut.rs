//! Power cuts of a drive with a volatile cache: one run of the server is recorded, and cut at many moments.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::Fault;
use crate::arguments::{Arguments, Mode};
use crate::authority::Started;
use crate::control::{self, Control};
use crate::drive::{Cache, Drive, Recording};
use crate::findings::Findings;
use crate::load::Load;
use crate::record::{Outcome, Record};
use crate::report::{Row, bar};
use crate::review::{Scope, review};
use crate::site::{Place, Site};
use crate::tools::{below, need_root};

const MEBIBYTES: u64 = 64;
/// Number of cuts of one recording.
const CUTS: u32 = 20;
const ACTS: u64 = 400;
const LIMIT: Duration = Duration::from_secs(60);

/// A recorded run of a server from its first start on.
struct Run {
    recording: Recording,
    record: Record,
}

/// Cuts the power of recorded drives `rounds` times.
pub(crate) async fn run(arguments: &Arguments, rounds: u32) -> Result<Row, Fault> {
    need_root()?;
    let place = Place::new(arguments, Mode::Drive)?;
    let (mut row, bar) = (Row { rounds, ..Row::default() }, bar(Mode::Drive, rounds));
    let site = Site::new(arguments, place.path())?;
    let mut run = recorded(arguments, &site, &mut row).await?;
    for round in 1..=rounds {
        if round > 1 && round % CUTS == 1 {
            run = recorded(arguments, &site, &mut row).await?;
        }
        let cache = Cache::HONEST[round as usize % Cache::HONEST.len()];
        let moment = run.moment();
        let site = site.on(place.path().join(format!("cut-{round}")));
        let (_, findings) = run.cut(&site, moment, cache).await?;
        row.findings.merge(&format!("cut {round} at event {moment}, cache {cache:?}"), findings);
        row.faults += 1;
        bar.inc(1);
    }
    bar.finish_and_clear();
    row.control = run.control(&site, place.path()).await?;
    Ok(row)
}

async fn recorded(arguments: &Arguments, site: &Site, row: &mut Row) -> Result<Run, Fault> {
    let drive = Drive::new(MEBIBYTES)?;
    let site = site.on(drive.path().join("data"));
    let load = Arc::new(Load::at(drive.events()));
    let authority = site.must_start().await?;
    let working = load.begin(&authority, arguments.connections);
    working.acknowledged(ACTS, LIMIT).await;
    row.ended(&authority.stop().await?);
    working.end().await;
    row.findings.merge("load", std::mem::take(&mut *load.findings.lock()));
    let record = std::mem::take(&mut *load.record.lock());
    row.acknowledged += record.acknowledged();
    Ok(Run { recording: drive.finish()?, record })
}

impl Run {
    /// The moment of an answer, or any other.
    fn moment(&self) -> u64 {
        let answered = self.record.redemptions.iter();
        let answered = answered.filter(|one| matches!(one.outcome, Outcome::Enrolled(_))).collect::<Vec<_>>();
        if answered.is_empty() || below(2) == 0 {
            return u64::from(below(self.recording.events() as u32 + 1));
        }
        answered[below(answered.len() as u32) as usize].moment
    }

    /// Starts a server on the image after a cut. Returns the promises of that moment and their review.
    async fn cut(&self, site: &Site, moment: u64, cache: Cache) -> Result<(Record, Findings), Fault> {
        let (mut record, mut findings) = (self.record.until(moment), Findings::default());
        Drive::copy_out(&self.recording.cut(moment, cache), "data", &site.data)?;
        match site.start().await? {
            Started::Ended(how) => findings.other(&format!("a start on {}", site.data.display()), how),
            Started::Runs(authority) => {
                findings = review(&authority, site, &mut record, Scope::All).await?;
                authority.kill()?;
            }
        }
        Ok((record, findings))
    }

    /// The control: a drive that acknowledged its last flushes and did nothing.
    async fn control(&self, site: &Site, dir: &Path) -> Result<Control, Fault> {
        let site = site.on(dir.join("cut-control"));
        let last = self.record.redemptions.iter().map(|one| one.moment).max().unwrap_or_default();
        let (record, findings) = self.cut(&site, last, Cache::Lied).await?;
        Ok(Control::Found { lost: findings.lost.len(), over_used: control::over_used(&site, &record)? })
    }
}
