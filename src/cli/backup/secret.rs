//! The seal of a backup with keys.

use std::path::PathBuf;

use clap::Args;

use crate::access::password::SHORTEST;
use crate::backup::{Recipient, Sealing};
use crate::cli::ask;
use crate::cli::error::CliError;
use crate::cli::output::note;
use crate::cli::sign_in::TRIES;
use crate::secret::Secret;

/// The flags of a backup with keys.
#[derive(Args)]
pub(super) struct SealFlags {
    /// Add keys, configuration and CRLs, and seal the file (age): by a passphrase, which is asked for, or for --recipient
    #[arg(long)]
    with_keys: bool,
    /// File with the passphrase, or - for standard input; default: a prompt
    #[arg(long, value_name = "FILE", requires = "with_keys", conflicts_with = "recipient")]
    passphrase_file: Option<PathBuf>,
    /// Public key of age (age1…) that seals the file, so that no secret is needed here
    #[arg(long, value_name = "RECIPIENT", requires = "with_keys", value_parser = parse_recipient)]
    recipient: Option<Recipient>,
}

impl SealFlags {
    /// The seal; `None` for a database alone.
    pub(super) fn read(&self) -> Result<Option<Sealing>, CliError> {
        Ok(match (self.with_keys, &self.recipient, &self.passphrase_file) {
            (false, ..) => None,
            (true, Some(recipient), _) => Some(Sealing::Recipient(recipient.clone())),
            (true, None, Some(file)) => {
                let phrase = ask::read_file(file)?;
                check(&phrase).map_err(|why| CliError::Usage(format!("{}: {why}", file.display())))?;
                Some(Sealing::Passphrase(phrase))
            }
            (true, None, None) => Some(Sealing::Passphrase(typed()?)),
        })
    }
}

fn parse_recipient(text: &str) -> Result<Recipient, String> {
    Recipient::parse(text).map_err(|error| error.to_string())
}

fn check(phrase: &Secret<String>) -> Result<(), String> {
    match phrase.expose().chars().count() {
        SHORTEST.. => Ok(()),
        _ => Err(format!("the passphrase has fewer than {SHORTEST} characters: use several words")),
    }
}

/// A passphrase that was typed twice.
fn typed() -> Result<Secret<String>, CliError> {
    let instead = "no passphrase: give --passphrase-file FILE, or --recipient age1… for a public key";
    let mut left = TRIES;
    loop {
        let first =
            ask::prompt(&format!("passphrase of the backup, {SHORTEST} characters or more: "), instead)?;
        let why = match check(&first) {
            Ok(()) if ask::prompt("again: ", instead)?.expose() == first.expose() => return Ok(first),
            Ok(()) => String::from("the two passphrases differ"),
            Err(why) => why,
        };
        left -= 1;
        if left == 0 {
            return Err(CliError::Usage(format!("{why}; nothing was done")));
        }
        note(why);
    }
}
