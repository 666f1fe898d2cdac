//! The ledger as JSON Lines, oldest entry first, for other systems.

use bytes::Bytes;
use futures_util::stream::unfold;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tracing::field::display;

use super::EntryItem;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::json_lines;
use crate::http::request::EntryWords;
use crate::http::route::HttpResponse;
use crate::id::RequestId;
use crate::service::labels::ActorLabels;
use crate::service::ledger::Export;
use crate::store::EntryRecord;

/// The names of acts in an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Vocabulary {
    /// The names of the ledger.
    #[default]
    Gatepass,
    /// Telovix's names for three acts, and the ledger's for the others.
    Telovix,
}

impl Vocabulary {
    /// The name of an act.
    fn name(self, action: &str) -> &str {
        match (self, action) {
            (Self::Telovix, "token_created") => "sensor_enrollment_token_created",
            (Self::Telovix, "token_revoked") => "sensor_enrollment_token_revoked",
            (Self::Telovix, "host_enrolled") => "sensor_enrolled",
            (Self::Telovix | Self::Gatepass, action) => action,
        }
    }
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct ExportWords {
    /// The names of acts; `gatepass` if it is left out.
    #[param(value_type = String, required = false, pattern = "^(gatepass|telovix)$", example = "telovix")]
    vocabulary: Vocabulary,
}

/// Example of an export.
const LINES: &str = "{\"id\":\"1\",\"chain\":\"0198c0de-7a30-7c3e-8b1f-2a5d4e6f7080\",\
    \"at\":\"2030-01-31T12:00:00Z\",\"actor\":\"system\",\"actor_label\":null,\"address\":null,\"request_id\":null,\
    \"action\":\"authority_created\",\"subjects\":{},\"outcome\":\"done\",\"reason\":\"\",\"detail\":{}}\n{\"count\":1}\n";

/// Export the ledger
///
/// JSON Lines, oldest entry first, up to the newest entry at the time of the request. The last line has the number of
/// entries: without it the answer was cut, and `after` continues it.
#[utoipa::path(
    get,
    path = "/api/v1/ledger/export",
    params(ExportWords, EntryWords),
    responses((status = 200, description = "An entry per line.", body = String, content_type = "application/jsonl",
        example = json!(LINES))),
)]
pub(in crate::http::api) async fn export_ledger(call: Call) -> Result<HttpResponse, Problem> {
    let (ExportWords { vocabulary }, words) = call.split_query::<_, EntryWords>(&["vocabulary"])?;
    let filter = words.judge(call.authority.time.now())?;
    let export = call.authority.ledger.export(filter).await?;
    let lines = Lines { export, vocabulary, request: call.caller.request, count: 0 };
    let parts = unfold(Some(lines), |lines| async { lines?.part().await });
    Ok(json_lines(StatusCode::OK, parts))
}

/// The lines of an export.
struct Lines {
    export: Export,
    vocabulary: Vocabulary,
    /// The request, for the log.
    request: Option<RequestId>,
    /// Number of entries so far.
    count: u64,
}

impl Lines {
    /// The next lines, and the state after them. After a failure nothing follows, not even the last line.
    async fn part(mut self) -> Option<(Bytes, Option<Self>)> {
        match self.export.next().await {
            Ok(Some((entries, labels))) => {
                self.count += entries.len() as u64;
                let lines: String = entries.into_iter().map(|entry| self.line(entry, &labels)).collect();
                Some((lines.into(), Some(self)))
            }
            Ok(None) => Some((format!("{}\n", json!({ "count": self.count })).into(), None)),
            Err(error) => {
                let request = self.request.map(display);
                tracing::error!(request, %error, "an export of the ledger was cut");
                None
            }
        }
    }

    fn line(&self, entry: EntryRecord, labels: &ActorLabels) -> String {
        let mut item = EntryItem::new(entry, labels);
        item.action = self.vocabulary.name(&item.action).to_owned();
        // The item is made of texts and JSON, which always serialise.
        serde_json::to_string(&item).unwrap_or_default() + "\n"
    }
}
