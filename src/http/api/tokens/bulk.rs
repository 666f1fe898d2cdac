//! The answer to a bulk mint: JSON Lines, minted piece by piece as the client reads them.

use std::sync::Arc;
use std::vec;

use bytes::Bytes;
use futures_util::stream::unfold;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use tracing::field::display;
use utoipa::ToSchema;

use super::create::shown;
use crate::http::metrics;
use crate::http::problem::{NATIVE, Problem};
use crate::http::reply::json_lines;
use crate::http::route::HttpResponse;
use crate::id::{BatchId, RequestId, TokenId};
use crate::name::Label;
use crate::service::tokens::bulk::{BatchMint, EarlierBatch};
use crate::service::{Authority, ServiceError};
use crate::store::TokenKind;
use crate::token::MintedToken;

/// Number of lines in a part of the answer: about 16 KiB, a record of TLS.
const LINES: usize = 12;

/// Example of an answer.
pub(super) const EXAMPLE: &str = "{\"token\":\"eyJhbGciOiJFZERTQSIsImtpZCI6Ii…\",\
    \"token_id\":\"0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081\",\"label\":\"rack 7\",\"batch\":\"0198c0de-7a30-7c3e-8b1f-2a5d4e6f7082\",…}\n\
    {\"count\":1,\"batch\":\"0198c0de-7a30-7c3e-8b1f-2a5d4e6f7082\"}\n";

/// The number of tokens of a batch: the last line of a bulk mint.
#[derive(Serialize)]
struct BatchTotal {
    count: u32,
    batch: BatchId,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity_warning: Option<String>,
}

/// The answer to a mint that was sent again with its idempotency key. Tokens are never shown again.
#[derive(Serialize, ToSchema)]
#[schema(as = RepeatedMint)]
pub(super) struct RepeatedMint {
    batch: BatchId,
    /// Number of tokens in the batch.
    #[schema(example = 2)]
    count: usize,
    /// False if the first request still runs, or ended before it had minted every token, or if some are no longer stored.
    #[schema(example = true)]
    complete: bool,
    /// Ids of the tokens, oldest first.
    token_ids: Vec<TokenId>,
}

impl RepeatedMint {
    /// The earlier batch of a request for `asked` tokens.
    pub(super) fn new(EarlierBatch { id, tokens }: EarlierBatch, asked: Option<i64>) -> Self {
        let complete = i64::try_from(tokens.len()) == Ok(asked.unwrap_or(1));
        Self { batch: id, count: tokens.len(), complete, token_ids: tokens }
    }
}

/// Mints the first piece, and answers with the stream of all.
///
/// # Errors
/// The first piece cannot be minted. A later failure is the last line of the answer.
pub(super) async fn answer(
    authority: Arc<Authority>,
    mut batch: BatchMint,
    facts: (Label, TokenKind),
    request: Option<RequestId>,
) -> Result<HttpResponse, Problem> {
    let first = batch.next().await;
    let ready = counted(first)?.unwrap_or_default().into_iter();
    let lines = BatchLines { authority, batch, facts, request, ready };
    let parts = unfold(Some(lines), |lines| async { Some(lines?.part().await) });
    Ok(json_lines(StatusCode::CREATED, parts))
}

/// Counts the tokens of a piece, or its failure.
fn counted(
    piece: Result<Option<Vec<MintedToken>>, ServiceError>,
) -> Result<Option<Vec<MintedToken>>, ServiceError> {
    match &piece {
        Ok(tokens) => {
            let count = tokens.as_ref().map_or(0, Vec::len);
            ::metrics::counter!("gatepass_mints_total", "outcome" => "done").increment(count as u64);
        }
        Err(_) => metrics::count("gatepass_mints_total", &piece),
    }
    piece
}

/// The lines of a bulk mint.
struct BatchLines {
    authority: Arc<Authority>,
    batch: BatchMint,
    /// Label and kind of the tokens.
    facts: (Label, TokenKind),
    request: Option<RequestId>,
    /// Minted tokens that are not sent.
    ready: vec::IntoIter<MintedToken>,
}

impl BatchLines {
    /// The next lines, and the state after them. The last line is the total, or the problem that ended the mint.
    async fn part(mut self) -> (Bytes, Option<Self>) {
        if self.ready.len() == 0 {
            match counted(self.batch.next().await) {
                Ok(Some(tokens)) => self.ready = tokens.into_iter(),
                Ok(None) => return (line(&json!(self.total().await)), None),
                Err(error) => return (line(&self.failed(error)), None),
            }
        }
        let mut lines = Vec::new();
        for token in self.ready.by_ref().take(LINES) {
            let shown = shown(&self.authority, &token, self.facts.clone(), Some(self.batch.id()));
            lines.extend(serde_json::to_vec(&shown).unwrap_or_default());
            lines.push(b'\n');
        }
        (lines.into(), Some(self))
    }

    async fn total(&self) -> BatchTotal {
        let capacity_warning = self.authority.capacity.warning().await;
        BatchTotal { count: self.batch.minted(), batch: self.batch.id(), capacity_warning }
    }

    /// Logs a failure, whose request has succeeded for its own line. Returns the problem, with the number of tokens before it.
    fn failed(&self, error: ServiceError) -> Value {
        let (request, batch, minted) = (self.request.map(display), self.batch.id(), self.batch.minted());
        tracing::warn!(request, %batch, minted, %error, "a bulk mint ended before its last token");
        let mut problem = Problem::from(error).body(&NATIVE);
        problem["count"] = json!(self.batch.minted());
        problem["batch"] = json!(self.batch.id());
        problem
    }
}

fn line(value: &Value) -> Bytes {
    format!("{value}\n").into()
}
