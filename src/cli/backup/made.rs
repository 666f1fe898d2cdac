//! The progress and the result of a backup.

use std::path::Path;

use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::output::{self, Format, note};
use crate::cli::overview::size_of;
use crate::cli::progress;
use crate::id::hex;
use crate::server::backup::{MadeBackup, Stage};

/// The bar of the running stage.
#[derive(Default)]
pub(super) struct Bars(Option<(Stage, ProgressBar)>);

impl Bars {
    /// Shows the progress of a stage.
    pub(super) fn show(&mut self, stage: Stage, done: u64, all: u64) {
        if !matches!(&self.0, Some((shown, _)) if *shown == stage) {
            self.clear();
            let bar = match stage {
                Stage::Copy => progress::bytes(all, "copying"),
                Stage::Verify => progress::bar(all, "entries verified"),
                Stage::Seal => progress::bytes(all, "sealing"),
            };
            self.0 = Some((stage, bar));
        }
        if let Some((_, bar)) = &self.0 {
            bar.set_length(all);
            bar.set_position(done);
        }
    }

    /// Removes the bar.
    pub(super) fn clear(&mut self) {
        if let Some((_, bar)) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

/// A finished backup.
pub(super) struct Made {
    pub(super) made: MadeBackup,
}

impl Made {
    /// The request that records it, with the id of the hold.
    pub(super) fn request(&self, hold: &Value) -> Value {
        let mut body = self.document();
        body["hold"] = hold.clone();
        body
    }

    fn document(&self) -> Value {
        let MadeBackup { head: (seq, hash), bytes, with_keys } = &self.made;
        json!({ "seq": seq, "hash": hex(hash), "bytes": bytes, "with_keys": with_keys })
    }

    /// Prints the result.
    pub(super) fn show(&self, file: &Path, format: Format) -> Result<(), CliError> {
        let MadeBackup { head: (seq, _), bytes, with_keys } = &self.made;
        if !with_keys {
            note(
                "warning: the file holds no keys, and no server starts without them: keep the keys directory too, or give \
                 --with-keys",
            );
        }
        let mut document = self.document();
        document["file"] = json!(file.display().to_string());
        let size = if *bytes < 1 << 20 { format!("{} KiB", bytes >> 10) } else { size_of(*bytes) };
        let told = format!("backed up to {} ({size}, verified up to ledger entry {seq})", file.display());
        output::done(format, &document, told)
    }
}
