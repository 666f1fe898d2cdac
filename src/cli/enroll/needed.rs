//! `gatepass enroll --if-needed`: an identity that works stays.

use serde_json::json;

use crate::cli::enroll::{ROWS, note_fresh};
use crate::cli::error::{CliError, SHUT_OUT};
use crate::cli::output::{Format, line, note, one};
use crate::client::enroll::{Enroll, Held, keep};
use crate::client::host::HostFile;
use crate::clock::{Clock as _, SystemClock};

/// Keeps and prints the identity. Returns false if the host must enroll.
pub(super) async fn keep_identity(ask: &Enroll, format: Format) -> Result<bool, CliError> {
    let kept = keep(ask, SystemClock.read()).await;
    let Some(held) = kept.map_err(|error| judged(ask, CliError::of_host(error)))? else { return Ok(false) };
    match held {
        Held::Kept(host) => print(ask, format, "kept", &host)?,
        Held::Renewed(fresh) => {
            note_fresh(&fresh);
            print(ask, format, "renewed", &fresh.host)?;
        }
        Held::Unjudged(host, error) => {
            note(format!(
                "gatepass: the certificate is valid until {}, but the server was not asked about it: {error}",
                host.life.expires_at
            ));
            print(ask, format, "kept", &host)?;
        }
    }
    Ok(true)
}

fn print(ask: &Enroll, format: Format, how: &str, host: &HostFile) -> Result<(), CliError> {
    if format == Format::Table {
        line(format!("{how}: {} holds this host's identity", ask.cert_dir.display()))?;
    }
    let mut shown = json!(host);
    shown["outcome"] = json!(how);
    one(format, &shown, ROWS)
}

/// The same error. A refusal of the host by its authority ends `--if-needed` with an exit code of its own.
pub(super) fn judged(ask: &Enroll, error: CliError) -> CliError {
    match error {
        CliError::Client(refusal) if ask.if_needed && refusal.is_shut_out() => {
            let dir = ask.cert_dir.display();
            note(format!("gatepass: {refusal}\nnothing was enrolled: the identity in {dir} stays as it is"));
            CliError::Code(SHUT_OUT)
        }
        error => error,
    }
}
