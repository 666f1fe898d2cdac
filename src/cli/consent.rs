//! Acts that ask for confirmation.

use clap::Args;

use super::ask::confirm;
use super::error::CliError;
use super::remote::Remote;

/// The connection of such an act, and the flag that skips the question.
#[derive(Args)]
pub(crate) struct Consent {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Skip the confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
}

impl Consent {
    /// Asks, unless `--yes` is given.
    pub(crate) fn ask(&self, question: &str) -> Result<(), CliError> {
        confirm(question, self.yes)
    }
}
