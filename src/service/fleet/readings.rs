//! The entries of callers that read an `api_key`.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::ledger::{Action, Subjects};
use crate::service::Caller;
use crate::service::base::Base;
use crate::store::AppendEntries;

/// Time in which one actor has at most one entry.
const WINDOW: Duration = Duration::from_secs(60);

/// Maximum number of actors that are remembered. Each is a user or an API key. With more, the others get an entry for each
/// reading.
const MOST: usize = 10_000;

/// Maximum number of ids in an entry.
const MOST_NAMED: usize = 20;

/// The time of each actor's latest entry.
#[derive(Default)]
pub(super) struct Readings(Mutex<HashMap<String, Timestamp>>);

impl Readings {
    /// Records that `caller` reads the `api_key` of these tokens. Returns false if there is no entry of the last minute and none
    /// can be written.
    pub(super) async fn record(&self, base: &Base, caller: &Caller, tokens: &[TokenId]) -> bool {
        if tokens.is_empty() {
            return true;
        }
        let (now, actor) = (base.time.now(), caller.actor.to_string());
        // Held during the write: nothing is read before its entry is durable.
        let mut latest = self.0.lock().await;
        if latest.get(&actor).is_some_and(|at| is_recent(*at, now)) {
            return true;
        }
        let subjects = match tokens {
            [token] => Subjects::token(*token),
            _ => Subjects::default(),
        };
        let named = tokens.iter().take(MOST_NAMED).map(ToString::to_string).collect::<Vec<_>>();
        let entry = caller.did(Action::TokenShown, now).about(subjects);
        let entry = entry.with("count", tokens.len() as u64).with("token_ids", named);
        let written = base.store.append_entries(AppendEntries { entries: vec![entry] }).await.is_ok();
        latest.retain(|_, at| is_recent(*at, now));
        if written && latest.len() < MOST {
            latest.insert(actor, now);
        }
        written
    }
}

/// A clock that was set back does not keep an entry recent.
fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.since(at) < WINDOW
}
