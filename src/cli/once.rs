//! Secrets that are shown once, tokens and API keys: printed, or written to a file that only its owner may read.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::capacity;
use super::destination::{self, Destination};
use super::error::CliError;
use super::output::{self, Format};
use super::page;
use super::remote::Remote;
use crate::client::api::given;
use crate::secret::Secret;
use crate::text::printable;

/// Flags for the output of a secret.
#[derive(Args)]
pub(crate) struct Once {
    /// Print only the token or key
    #[arg(short, long)]
    quiet: bool,
    /// Write the token or key to a new file of mode 0600 instead of printing it; - prints it alone. Devices and pipes are
    /// written to, links are refused
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

/// A kind of secret that is shown once.
pub(crate) struct OnceSecret {
    /// Its noun.
    what: &'static str,
    /// The JSON pointer to it in the answer (RFC 6901).
    member: &'static str,
    /// The pointer to its id.
    id: &'static str,
    /// The command that ends it.
    remedy: &'static str,
}

/// A token.
pub(crate) const TOKEN: OnceSecret =
    OnceSecret { what: "token", member: "/token", id: "/token_id", remedy: "gatepass token revoke" };
/// The first token of a policy.
pub(crate) const FIRST_TOKEN: OnceSecret = OnceSecret {
    what: "token",
    member: "/first_token/token",
    id: "/first_token/token_id",
    remedy: "gatepass token revoke",
};
/// An API key.
pub(crate) const API_KEY: OnceSecret =
    OnceSecret { what: "API key", member: "/api_key", id: "/id", remedy: "gatepass api-key delete" };

impl OnceSecret {
    /// The error for the secret of `answer`, which exists and reached nobody.
    fn lost(&self, answer: &Value, why: &dyn std::fmt::Display) -> CliError {
        let id = printable(answer.pointer(self.id).and_then(Value::as_str).unwrap_or_default());
        CliError::Lost { what: self.what, id, why: why.to_string(), remedy: self.remedy }
    }
}

impl Once {
    /// Opens the output for many secrets; standard output without `--out`.
    pub(crate) fn place(&self) -> Result<Destination, CliError> {
        self.out.as_deref().map_or(Ok(Destination::Stdout), |out| Destination::secrets(out, self.force))
    }

    /// The file of `--out`; `None` for standard output.
    pub(crate) fn file(&self) -> Option<String> {
        let file = self.out.as_deref().filter(|path| !destination::is_stdout(path))?;
        Some(file.display().to_string())
    }

    /// Posts by `post`, writes the secret of the answer to the file, and prints the rest. `table` gets the path of the file.
    pub(crate) async fn post(
        &self,
        format: Format,
        post: impl Future<Output = Result<Value, CliError>>,
        kind: &OnceSecret,
        table: impl FnOnce(&Value, Option<&Path>) -> String,
    ) -> Result<(), CliError> {
        // Opened before the request is sent: a path that cannot be written loses no secret.
        let file = self.out.as_deref().filter(|path| !destination::is_stdout(path));
        let place = file.map(|path| Destination::secret(path, self.force)).transpose()?;
        // A device or a pipe keeps no file to copy.
        let kept = file.filter(|_| matches!(place, Some(Destination::File(_))));
        let mut answer = post.await?;
        let secret = answer.pointer(kind.member).and_then(Value::as_str).unwrap_or_default();
        let secret = Secret::new(secret.to_owned());
        if format == Format::Table {
            page::add_link(&mut answer, secret.expose());
        }
        if let Some((file, place)) = file.zip(place) {
            let written = place.write(&Secret::new(format!("{}\n", secret.expose())));
            written.map_err(|why| kind.lost(&answer, &why))?;
            moved(&mut answer, kind.member, file, format);
        }
        let alone = self.quiet || (format == Format::Table && self.out.is_some() && file.is_none());
        let shown = Secret::new(match (format, alone) {
            (_, true) => format!("{}\n", secret.expose()),
            (Format::Json, false) => format!("{answer:#}\n"),
            (_, false) => table(&answer, kept),
        });
        match (file, self.quiet) {
            (Some(_), true) => {}
            (Some(_), false) => output::text(shown.expose())?,
            (None, _) => output::deliver(shown.expose()).map_err(|why| kind.lost(&answer, &unread(&why)))?,
        }
        capacity::warn_of(format, &answer);
        Ok(())
    }
}

fn unread(why: &io::Error) -> String {
    match why.kind() {
        io::ErrorKind::BrokenPipe => String::from("the output has no reader"),
        _ => format!("the output cannot be written: {why}"),
    }
}

/// Replaces the secret in the answer by the path of its file.
fn moved(answer: &mut Value, member: &str, file: &Path, format: Format) {
    let (place, file) = (member.rsplit_once('/'), file.display());
    let Some((Value::Object(members), name)) =
        place.and_then(|(within, name)| Some((answer.pointer_mut(within)?, name)))
    else {
        return;
    };
    match format {
        Format::Json => {
            members.remove(name);
            members.insert(String::from("file"), json!(file.to_string()));
        }
        _ => drop(members.insert(name.to_owned(), json!(format!("in {file}")))),
    }
}
