//! Releasing suspended tokens or API keys by their ids, a part at a time.

use serde_json::{Value, json};

use super::error::CliError;
use super::output::{self, Format, line, note, text_at};
use super::progress;
use super::together::{AT_ONCE, count};

/// The result of the requests so far.
#[derive(Default)]
struct Released {
    number: u64,
    refused: Vec<Value>,
}

/// Releases the items of these ids by `post` and prints the outcome. The command fails if one was not released.
pub(crate) async fn release(
    what: &str,
    ids: &[Value],
    format: Format,
    post: impl AsyncFn(Value) -> Result<Value, CliError>,
) -> Result<(), CliError> {
    let bar = progress::bar(ids.len() as u64, "released");
    let mut done = Released::default();
    for some in ids.chunks(AT_ONCE) {
        let mut answer = post(json!(some)).await.inspect_err(|_| {
            bar.abandon();
            let released = count(done.number, what);
            note(format!("released {released} before the failure; run the same command again for the rest"));
        })?;
        done.number += answer["released"].as_u64().unwrap_or(0);
        done.refused.extend(answer["refused"].as_array_mut().into_iter().flatten().map(Value::take));
        bar.inc(some.len() as u64);
    }
    bar.finish_and_clear();
    done.conclude(what, format)
}

impl Released {
    fn conclude(self, what: &str, format: Format) -> Result<(), CliError> {
        let Self { number, refused } = self;
        match format {
            Format::Json => output::json(&json!({ "released": number, "refused": refused }))?,
            _ => line(format!("released {}", count(number, what)))?,
        }
        refused.iter().for_each(|item| note(format!("{what} {}: {}", text_at(item, "id"), advice(item))));
        match refused.is_empty() {
            true => Ok(()),
            false => Err(CliError::Unsound(format!("not every {what} was released"))),
        }
    }
}

/// The reason why an item was not released, and the next step.
fn advice(item: &Value) -> String {
    let advice = match item["outcome"].as_str() {
        Some("not_suspended") => "it is not suspended",
        Some("ended") => "it was revoked, has expired or has no use left",
        Some("uses_left_required") => "it has a use limit: release it with --uses-left N",
        Some("too_many_uses") => "it has fewer uses left: release it with a lower --uses-left",
        Some("unknown") => "it does not exist",
        _ => return text_at(item, "outcome"),
    };
    advice.to_owned()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::client::ClientError;

    #[tokio::test]
    async fn ids_are_sent_in_parts_until_a_failure() {
        let calls = Cell::new(0);
        let ids = vec![json!("0190"); 2 * AT_ONCE + 1];
        let post = async |part: Value| {
            calls.set(calls.get() + 1);
            match calls.get() {
                1 => Ok(json!({ "released": part.as_array().unwrap().len(), "refused": [] })),
                _ => Err(CliError::from(ClientError::Pending { seconds: 1 })),
            }
        };
        assert!(release("token", &ids, Format::Table, post).await.is_err());
        assert_eq!(calls.get(), 2, "no request follows the failure");
    }

    #[test]
    fn every_outcome_has_its_advice() {
        for outcome in ["not_suspended", "ended", "uses_left_required", "too_many_uses", "unknown"] {
            let item = json!({ "id": "0190", "outcome": outcome });
            assert!(!advice(&item).contains('_'), "{outcome}");
            let done = Released { number: 1, refused: vec![item] };
            assert!(done.conclude("token", Format::Table).is_err(), "{outcome}");
        }
        assert!(Released::default().conclude("token", Format::Table).is_ok());
    }
}
