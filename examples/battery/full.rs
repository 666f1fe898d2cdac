//! Disks without room: for the data, for the log, and for both.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Fault;
use crate::arguments::{Arguments, Mode};
use crate::authority::{Authority, Started};
use crate::caller::Answer;
use crate::control::{self, Control};
use crate::disk::Disk;
use crate::findings::Findings;
use crate::kill::founded;
use crate::load::Load;
use crate::report::{Row, bar};
use crate::review::{Scope, review};
use crate::rows::Rows;
use crate::site::{Place, Site};
use crate::tools::need_root;

const MEBIBYTES: u64 = 16;
const ACTS: u64 = 60;
/// Answers of 503 that end the wait on a full disk.
const REFUSALS: u64 = 20;
const LIMIT: Duration = Duration::from_secs(60);
/// The longest time until a server notices that there is room again.
const RECOVERY: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// The files without room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    Data,
    Log,
    Both,
}

/// Fills each disk `rounds` times under a running server, and once before a start.
pub(crate) async fn run(arguments: &Arguments, rounds: u32) -> Result<Row, Fault> {
    need_root()?;
    let mut row = Row { rounds, ..Row::default() };
    let bar = bar(Mode::Full, rounds * 3);
    for round in 1..=rounds {
        for full in [Full::Data, Full::Log, Full::Both] {
            let mut trial = Trial::new(arguments, full)?;
            let control = trial.run(&mut row).await?;
            let findings = std::mem::take(&mut trial.findings);
            row.findings.merge(&format!("{full:?} {round}"), findings);
            row.control = control;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(row)
}

/// A server with something on a small disk.
struct Trial<'a> {
    arguments: &'a Arguments,
    full: Full,
    site: Site,
    load: Arc<Load>,
    findings: Findings,
    disk: Disk,
    place: Place,
}

impl<'a> Trial<'a> {
    fn new(arguments: &'a Arguments, full: Full) -> Result<Self, Fault> {
        let place = Place::new(arguments, Mode::Full)?;
        let disk = Disk::new(MEBIBYTES)?;
        let mut site = Site::new(arguments, place.path())?;
        if full != Full::Log {
            site.data = disk.path().join("data");
        }
        if full != Full::Data {
            site.log = disk.path().join("log");
        }
        Ok(Self { arguments, full, site, load: Arc::default(), findings: Findings::default(), disk, place })
    }

    async fn run(&mut self, row: &mut Row) -> Result<Control, Fault> {
        let older = founded(&self.site, self.place.path()).await?;
        let authority = self.site.must_start().await?;
        self.work(&authority).await;
        let filler = self.disk.fill()?;
        self.while_full(&authority).await?;
        fs::remove_file(filler)?;
        self.recovers(&authority, "a running server").await?;
        row.ended(&format!("{} at SIGTERM", authority.stop().await?));
        let filler = self.disk.fill()?;
        let authority = self.start_full().await?;
        fs::remove_file(filler)?;
        let authority = match authority {
            Some(authority) => authority,
            None => self.site.must_start().await?,
        };
        self.recovers(&authority, "a start").await?;
        row.ended(&format!("{} at SIGTERM", authority.stop().await?));
        row.faults += 2;
        self.site.verify_ledger()?;
        self.findings.merge("load", std::mem::take(&mut *self.load.findings.lock()));
        let record = std::mem::take(&mut *self.load.record.lock());
        row.acknowledged += record.acknowledged();
        control::on_older_copy(&self.site, older, &record).await
    }

    /// Acts with room for everything.
    async fn work(&self, authority: &Authority) {
        let working = self.load.begin(authority, self.arguments.connections);
        working.acknowledged(ACTS, LIMIT).await;
        working.end().await;
    }

    /// Acts until the data has no room left. A log without room stops nothing.
    async fn while_full(&mut self, authority: &Authority) -> Result<(), Fault> {
        let working = self.load.begin(authority, self.arguments.connections);
        let as_expected = match self.full {
            Full::Log => working.acknowledged(ACTS, LIMIT).await,
            Full::Data | Full::Both => working.unavailable(REFUSALS, LIMIT).await,
        };
        if working.end().await {
            self.findings.other("a full disk", "the server broke off");
            return Ok(());
        }
        if !as_expected {
            let wanted = if self.full == Full::Log { "acts go on" } else { "answers of 503" };
            self.findings.other("a full disk", format!("no {wanted} within {} s", LIMIT.as_secs()));
        }
        self.publishes(authority, "a full disk").await;
        let acknowledged = self.load.record.lock().enrolled().count();
        let used = Rows::read(&self.site.data)?.used.values().sum::<u32>();
        if acknowledged != used as usize {
            self.findings
                .other("refused redemptions", format!("{used} uses for {acknowledged} enrolled hosts"));
        }
        Ok(())
    }

    /// Public documents need no room.
    async fn publishes(&mut self, authority: &Authority, when: &str) {
        let answer = authority.caller.get_public("/.well-known/jwks.json").await;
        if !matches!(answer, Answer::Done(_)) {
            self.findings.other(&format!("{when}: public keys"), answer.described());
        }
    }

    /// With room again, the server acts without a restart, and nothing is lost.
    async fn recovers(&mut self, authority: &Authority, when: &str) -> Result<(), Fault> {
        let deadline = Instant::now() + RECOVERY;
        while let answer = authority.caller.mint(1, true, None).await
            && !matches!(answer, Answer::Done(_))
        {
            if Instant::now() >= deadline {
                let why = format!("{} after {} s", answer.described(), RECOVERY.as_secs());
                self.findings.other(&format!("{when} with room again"), why);
                return Ok(());
            }
            sleep(PAUSE).await;
        }
        self.work(authority).await;
        let mut record = std::mem::take(&mut *self.load.record.lock());
        let findings = review(authority, &self.site, &mut record, Scope::All).await?;
        *self.load.record.lock() = record;
        self.findings.merge(when, findings);
        Ok(())
    }

    /// Starts on the full disk, which must work for everything that needs no room.
    async fn start_full(&mut self) -> Result<Option<Authority>, Fault> {
        let authority = match self.site.start().await? {
            Started::Runs(authority) => authority,
            Started::Ended(how) => {
                self.findings.other("a start on a full disk", how);
                return Ok(None);
            }
        };
        self.publishes(&authority, "a start on a full disk").await;
        let minted = authority.caller.mint(1, true, None).await;
        match (self.full, &minted) {
            (Full::Log, Answer::Done(_)) | (Full::Data | Full::Both, Answer::Unavailable(503, _)) => {}
            _ => self.findings.other("a start on a full disk: a mint", minted.described()),
        }
        Ok(Some(authority))
    }
}
