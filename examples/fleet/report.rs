//! The result of a run.

use std::fmt;

use serde_json::json;

use crate::LIFE;
use crate::tally::{Second, Services, Tally};

/// The result of a run.
pub(crate) struct Report {
    hosts: u32,
    inside: u32,
    minutes: Vec<Second>,
    peak: u64,
    services: Services,
    alarms: usize,
    /// Connections that the gateway answered or held.
    strange: usize,
}

impl Report {
    pub(crate) fn new(hosts: u32, inside: u32, tally: &Tally, alarms: usize, strange: usize) -> Self {
        let (minutes, peak, services) = (tally.minutes(), tally.peak(), tally.services());
        Self { hosts, inside, minutes, peak, services, alarms, strange }
    }

    /// The renewals that a fleet needs in a minute: one in each two thirds of a life.
    fn needed(&self) -> u64 {
        u64::from(self.hosts) * 60 * 3 / (LIFE.as_secs() * 2)
    }

    /// The largest number of attempts in a minute.
    fn most(&self) -> u64 {
        self.minutes.iter().map(|minute| minute.attempts()).max().unwrap_or(0)
    }

    /// The faults of the fleet.
    pub(crate) fn findings(&self) -> Vec<String> {
        let Services { refused, superseded, .. } = self.services;
        let (most, needed, renewed) =
            (self.most(), self.needed(), self.minutes.iter().any(|m| m.renewals > 0));
        let findings = [
            (self.inside < self.hosts, format!("{} hosts are out", self.hosts - self.inside)),
            (self.alarms > 0, format!("{} alarms", self.alarms)),
            (refused > 0, format!("{refused} requests of services were refused")),
            (most > 2 * needed, format!("a storm: {most} attempts in a minute, {needed} are needed")),
            (!renewed || superseded == 0, String::from("no overlap was tried: run it longer")),
            (self.strange == 0, String::from("the gateway answered nothing")),
        ];
        findings.into_iter().filter_map(|(found, text)| found.then_some(text)).collect()
    }

    pub(crate) fn to_json(&self) -> String {
        let minutes = self.minutes.iter().map(|minute| {
            json!({ "attempts": minute.attempts(), "renewals": minute.renewals, "failures": minute.failures })
        });
        let Services { requests, superseded, refused } = self.services;
        json!({
            "hosts": self.hosts, "in": self.inside, "alarms": self.alarms, "needed_a_minute": self.needed(),
            "most_in_a_second": self.peak, "minutes": minutes.collect::<Vec<_>>(),
            "not_from_the_server": self.strange,
            "services": { "requests": requests, "superseded": superseded, "refused": refused },
            "findings": self.findings(),
        })
        .to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "minute  attempts  renewals  failures")?;
        for (number, minute) in (1..).zip(&self.minutes) {
            let (attempts, Second { renewals, failures }) = (minute.attempts(), minute);
            writeln!(f, "{number:6}  {attempts:8}  {renewals:8}  {failures:8}")?;
        }
        let Services { requests, superseded, refused } = self.services;
        writeln!(f, "needed      {} renewals a minute", self.needed())?;
        writeln!(f, "peak        {} attempts in a second", self.peak)?;
        writeln!(f, "gateway     {} connections not from the server", self.strange)?;
        writeln!(
            f,
            "services    {requests} requests, {superseded} with a superseded certificate, {refused} refused"
        )?;
        writeln!(f, "alarms      {}", self.alarms)?;
        write!(f, "hosts       {} of {} in", self.inside, self.hosts)?;
        self.findings().iter().try_for_each(|finding| write!(f, "\nfinding     {finding}"))
    }
}
