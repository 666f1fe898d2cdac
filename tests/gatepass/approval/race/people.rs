//! The people who decide while the hosts race.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::super::ENROLLMENTS;
use super::Race;
use super::accounts::items;
use crate::support::client::{Client, Said};

/// The state after a decision.
fn state_of(decision: &str) -> &'static str {
    if decision == "approve" { "approved" } else { "denied" }
}

fn id_of(item: &Value) -> &str {
    item["id"].as_str().unwrap()
}

impl Race {
    /// Decides about hosts that wait, as long as hosts call. Denials are for a quarter of them, which others approve at the same
    /// time.
    pub(super) async fn decide(self: Arc<Self>, decision: &'static str, admin: Client) {
        let newest = format!("{ENROLLMENTS}?limit=20");
        while !self.calling.lock().unwrap().is_empty() {
            let Ok(queue) = admin.try_send(Method::GET, &newest, None).await else { return };
            assert_eq!(queue.status, 200, "{}", queue.text);
            let waiting = queue.json["items"].as_array().unwrap().iter().map(id_of);
            let chosen = |id: &&str| decision == "approve" || id.ends_with(['0', '4', '8', 'c']);
            let ids = waiting.filter(chosen).collect::<Vec<_>>();
            let order = json!({ "ids": ids, "decision": decision });
            let Ok(said) = admin.try_post(&format!("{ENROLLMENTS}/decide"), &order).await else { return };
            self.note_decisions(decision, &said);
        }
    }

    /// Approves every host that waits. At the node limit a host goes on waiting.
    pub(super) async fn approve_the_rest(&self, admin: &Client) {
        let waiting = items(admin, ENROLLMENTS).await;
        let order = json!({ "ids": waiting.iter().map(id_of).collect::<Vec<_>>(), "decision": "approve" });
        self.note_decisions("approve", &admin.post(&format!("{ENROLLMENTS}/decide"), &order).await);
    }

    fn note_decisions(&self, decision: &str, said: &Said) {
        assert_eq!(said.status, 200, "{}", said.text);
        for one in said.json["enrollments"].as_array().unwrap() {
            match (one["changed"] == true, one["code"].as_str()) {
                (true, None) => {
                    let mut confirmed = self.confirmed.lock().unwrap();
                    let before = confirmed.insert(id_of(one).to_owned(), state_of(decision));
                    assert_eq!(before, None, "decided twice: {one}");
                }
                (false, None | Some("already_decided" | "node_limit_exceeded")) => {}
                other => panic!("{other:?}: {one}"),
            }
        }
    }
}
