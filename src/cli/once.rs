//! Secrets that are shown once, tokens and API keys: printed, or written to a file that only its owner may read.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::error::CliError;
use super::output::{self, Format, line};
use super::private::SecretFile;
use super::remote::Remote;
use crate::client::api::{Api, given};
use crate::config::Environment;
use crate::secret::Secret;

/// Flags for the output of a secret.
#[derive(Args)]
pub(crate) struct Once {
    /// Print only the token or key
    #[arg(short, long)]
    quiet: bool,
    /// Write the token or key to a new file of mode 0600 instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long, requires = "out")]
    force: bool,
}

/// Flags of a token or an API key that is created.
#[derive(Args)]
pub(crate) struct Creation {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Label, at most 128 characters
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Lifetime: 90s, 15m, 36h, 30d
    #[arg(long, value_name = "SPAN", conflicts_with = "expires_at")]
    ttl: Option<String>,
    /// Expiry, RFC 3339
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    #[command(flatten)]
    pub(crate) once: Once,
}

impl Creation {
    /// The request: these flags and `body`. The server has the defaults of flags that are not given.
    pub(crate) fn request(&self, mut body: Value) -> Value {
        body["label"] = json!(self.label);
        body["ttl"] = json!(self.ttl);
        body["expires_at"] = json!(self.expires_at);
        given(body)
    }
}

impl Once {
    /// Posts by `post`, writes the `member` of the answer to the file, and prints the rest. `table` gets the path of the file.
    pub(crate) async fn post(
        &self,
        remote: &Remote,
        environment: &Environment,
        post: impl AsyncFnOnce(&Api) -> Result<Value, CliError>,
        member: &str,
        table: impl FnOnce(&Value, Option<&Path>) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let api = remote.connect(environment)?;
        // Opened before the request is sent: a path that cannot be written loses no secret.
        let open = if self.force { SecretFile::open } else { SecretFile::open_new };
        let place = self.out.as_deref().map(open).transpose()?;
        let mut answer = post(&api).await?;
        let secret = Secret::new(answer[member].as_str().unwrap_or_default().to_owned());
        if let Some((file, place)) = self.out.as_deref().zip(place) {
            place.keep(&Secret::new(format!("{}\n", secret.expose())))?;
            moved(&mut answer, member, file, remote.output);
        }
        match (remote.output, self.quiet) {
            (_, true) if self.out.is_some() => Ok(()),
            (_, true) => line(secret.expose()),
            (Format::Json, false) => output::json(&answer),
            (Format::Table, false) => table(&answer, self.out.as_deref()),
        }
    }
}

/// Replaces the secret in the answer by the path of its file.
fn moved(answer: &mut Value, member: &str, file: &Path, format: Format) {
    let file = file.display();
    match (format, answer.as_object_mut()) {
        (Format::Json, Some(members)) => {
            members.remove(member);
            members.insert(String::from("file"), json!(file.to_string()));
        }
        _ => answer[member] = json!(format!("in {file}")),
    }
}
