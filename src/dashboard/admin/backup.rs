//! `/admin/backup`: the newest backup, and the button that makes another one.

use super::{ADMIN, Section, sections};
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::parts::{Icon, Moment};
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::service::backups::BackupTerms;

/// The page.
const BACKUP: &str = "/admin/backup";

#[derive(askama::Template)]
#[template(path = "admin_backup.html")]
struct BackupPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    newest: Option<Moment>,
    /// The configured directory.
    directory: Option<String>,
    sealed: bool,
    keep: usize,
    faults: Vec<String>,
}

/// Shows the newest backup.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    page(&call, None).await
}

/// Makes a backup in the configured directory.
pub(super) async fn make(call: Call) -> Result<Reply, Problem> {
    Form::parse(&call.body)?;
    match call.authority.backups.make(&call.caller).await {
        Ok(_) => Ok(Reply::see_other(BACKUP)),
        Err(error) => page(&call, Some(Refusal::of(error.into())?)).await,
    }
}

async fn page(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let (status, faults) = refusal::parts(refused);
    let (backups, now) = (&call.authority.backups, call.authority.time.now());
    let BackupTerms { directory, recipient, keep } = backups.terms();
    let page = BackupPage {
        frame: Frame::of(call, "Backup", ADMIN).await?,
        sections: sections(call, BACKUP),
        newest: backups.times().backed_up_at.map(|at| Moment::new(at, now)),
        directory: directory.as_ref().map(|directory| directory.display().to_string()),
        sealed: recipient.is_some(),
        keep: *keep,
        faults,
    };
    frame::page(status, &page)
}
