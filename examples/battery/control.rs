//! Controls: the same checks on something that is known to be broken must find it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Fault;
use crate::judge::judge;
use crate::record::Record;
use crate::review::{Scope, review};
use crate::rows::Rows;
use crate::site::Site;
use crate::tools;

/// The result of a control.
#[derive(Clone, Copy)]
pub(crate) enum Control {
    /// Findings of each kind, of which there must be some.
    Found { lost: usize, over_used: usize },
    /// Memory that a flood asked for, which must be far over the allowed growth.
    Asked { mib: u64, allowed: u64 },
}

impl Default for Control {
    fn default() -> Self {
        Self::Found { lost: 0, over_used: 0 }
    }
}

impl Control {
    /// True if the control found what it must.
    pub(crate) const fn passed(self) -> bool {
        match self {
            Self::Found { lost, over_used } => lost > 0 && over_used > 0,
            Self::Asked { mib, allowed } => mib > 2 * allowed,
        }
    }
}

/// A copy of the data directory of a stopped server.
pub(crate) fn copy(site: &Site, to: &Path) -> Result<PathBuf, Fault> {
    tools::run(Command::new("cp").arg("-a").arg(&site.data).arg(to))?;
    Ok(to.to_owned())
}

/// Reviews the record on an older copy of the data, which has lost what came after it.
pub(crate) async fn on_older_copy(site: &Site, older: PathBuf, record: &Record) -> Result<Control, Fault> {
    let site = site.on(older);
    let over_used = over_used(&site, record)?;
    let authority = site.must_start().await?;
    let findings = review(&authority, &site, &mut record.clone(), Scope::All).await?;
    Ok(Control::Found { lost: findings.lost.len(), over_used })
}

/// Number of tokens that a doctored record, with lower limits, shows as over-used.
pub(crate) fn over_used(site: &Site, record: &Record) -> Result<usize, Fault> {
    Ok(judge(&record.doctored(), &Rows::read(&site.data)?).over_used.len())
}
