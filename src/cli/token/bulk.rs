//! `gatepass token create --count`: many tokens in one file, a token a line.

use std::pin::pin;

use http::Method;
use serde_json::{Value, json};

use super::resource::TokenResource;
use crate::cli::capacity;
use crate::cli::destination::Destination;
use crate::cli::error::CliError;
use crate::cli::line_buffer::LineBuffer;
use crate::cli::once::Creation;
use crate::cli::output::{self, Format};
use crate::cli::{progress, signals};
use crate::client::ClientError;
use crate::client::api::Api;
use crate::secret::Secret;
use crate::text::printable;

/// Rows of the summary.
const ROWS: [(&str, &str); 3] = [("tokens", "count"), ("batch", "batch"), ("file", "file")];

/// A bulk mint that is being received.
struct Arriving {
    place: Destination,
    lines: LineBuffer,
    /// Number of tokens written.
    count: u64,
    batch: Option<String>,
}

/// The end of a bulk mint.
enum BatchEnd {
    /// The last line of a complete answer.
    Complete(Value),
    /// The cause of an early end.
    Early(String),
}

/// Mints `count` tokens of the request `body` and writes them as they arrive.
pub(super) async fn create(creation: &Creation, api: &Api, body: Value, count: u32) -> Result<(), CliError> {
    let Creation { remote, once, .. } = creation;
    // Opened before the request is sent: a path that cannot be written loses no token.
    let place = once.place()?;
    let mut body = body;
    body["count"] = json!(count);
    let bar = progress::bar(u64::from(count), "tokens");
    let mut arriving = Arriving { place, lines: LineBuffer::default(), count: 0, batch: None };
    let ended = arriving.receive(api, &body, |count| bar.set_position(count)).await;
    bar.finish_and_clear();
    let file = once.file();
    match ended? {
        BatchEnd::Complete(mut summary) => {
            arriving.place.finish()?;
            summary["file"] = json!(file);
            show(remote.output, &summary)?;
            capacity::warn_of(remote.output, &summary);
            Ok(())
        }
        BatchEnd::Early(why) => Err(arriving.ended_early(&why, count, file.as_deref())),
    }
}

fn show(format: Format, summary: &Value) -> Result<(), CliError> {
    // Standard output has the tokens.
    if summary["file"].is_null() {
        return Ok(());
    }
    output::one(format, summary, &ROWS)?;
    match (format, summary["batch"].as_str()) {
        (Format::Table, Some(batch)) => output::text(&format!(
            "\nThe file has one token a line; they are only there. To revoke them all:\n  \
             gatepass token revoke --batch {}\n",
            printable(batch)
        )),
        _ => Ok(()),
    }
}

impl Arriving {
    /// Receives the answer, and calls `progress` with the number of tokens so far.
    ///
    /// # Errors
    /// The request is refused, or did not reach the server, so that no token exists.
    async fn receive(
        &mut self,
        api: &Api,
        body: &Value,
        progress: impl Fn(u64),
    ) -> Result<BatchEnd, CliError> {
        let mut interrupted = pin!(signals::shutdown()?);
        let early = |why: &str| Ok(BatchEnd::Early(why.to_owned()));
        let answer = tokio::select! {
            answer = api.stream(Method::POST, TokenResource::Enrollment.path(), Some(body)) => answer,
            () = &mut interrupted => return early("interrupted"),
        };
        let mut answer = match answer {
            Ok(answer) => answer,
            // The server may have read the request and begun.
            Err(ClientError::Connect(error)) if error.may_have_acted() => return early(&error.to_string()),
            Err(error) => return Err(error.into()),
        };
        loop {
            let part = tokio::select! {
                part = answer.part() => part,
                () = &mut interrupted => return early("interrupted"),
            };
            let part = match part {
                Ok(Some(part)) => part,
                Ok(None) => return early("the answer was cut off"),
                Err(error) => return early(&error.to_string()),
            };
            match self.take(&part) {
                Ok(None) => progress(self.count),
                Ok(Some(ended)) => return Ok(ended),
                Err(error) => return early(&error.to_string()),
            }
        }
    }

    /// Writes the tokens that `part` completes.
    fn take(&mut self, part: &[u8]) -> Result<Option<BatchEnd>, CliError> {
        let text = Secret::new(self.lines.take(part)?);
        let mut tokens = String::with_capacity(text.expose().len());
        let (mut arrived, mut ended) = (self.count, None);
        for line in text.expose().lines() {
            let item: Value = serde_json::from_str(line).map_err(|_| damaged())?;
            match (item["token"].as_str(), item["code"].as_str()) {
                (Some(token), _) => {
                    tokens.extend([token, "\n"]);
                    arrived += 1;
                    self.batch = item["batch"].as_str().map(printable);
                }
                (None, Some(code)) => {
                    let detail = item["detail"].as_str().unwrap_or_default();
                    let why = format!("the server stopped ({}): {}", printable(code), printable(detail));
                    ended = Some(BatchEnd::Early(why));
                }
                (None, None) if item["count"] == arrived => ended = Some(BatchEnd::Complete(item)),
                (None, None) => return Err(damaged().into()),
            }
        }
        self.place.append(&Secret::new(tokens))?;
        self.count = arrived;
        Ok(ended)
    }

    /// Keeps the tokens that arrived, and reports how to revoke the batch.
    fn ended_early(self, why: &str, asked: u32, file: Option<&str>) -> CliError {
        let Self { place, count, batch, .. } = self;
        let Some(batch) = batch else {
            return CliError::Unsound(format!(
                "{why}: no token arrived; `gatepass token list` shows whether some were minted"
            ));
        };
        let kept = match (place.finish(), file) {
            (Err(error), _) => format!("the tokens are lost: {error}"),
            (Ok(()), Some(file)) => format!("{count} of {asked} tokens are in {file}"),
            (Ok(()), None) => format!("{count} of {asked} tokens were printed"),
        };
        CliError::Unsound(format!(
            "{why}: {kept}; to revoke the whole batch, run `gatepass token revoke --batch {batch}`"
        ))
    }
}

fn damaged() -> ClientError {
    ClientError::Answer {
        what: String::from("a bulk mint has a line without a token, or another number of tokens"),
    }
}
