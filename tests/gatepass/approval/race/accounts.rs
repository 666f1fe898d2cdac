//! The count at the end of a race.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::super::ENROLLMENTS;
use super::{CAP, HOSTS, NODE_LIMIT, Race, USES};
use crate::support::client::Client;
use crate::support::database::{one, reader};

/// The items of a list with at most a thousand.
pub(super) async fn items(admin: &Client, list: &str) -> Vec<Value> {
    let limited = format!("{list}{}limit=1000", if list.contains('?') { '&' } else { '?' });
    let said = admin.get(&limited).await;
    assert_eq!((said.status, &said.json["next"]), (200, &Value::Null), "{}", said.text);
    said.json["items"].as_array().unwrap().clone()
}

/// The texts of a member, each once.
fn each<'a>(items: &'a [Value], member: &str) -> BTreeSet<&'a str> {
    let texts = items.iter().map(|item| item.pointer(member).unwrap().as_str().unwrap());
    let set = texts.collect::<BTreeSet<_>>();
    assert_eq!(set.len(), items.len(), "{member} is not unique");
    set
}

fn count(items: &[Value], token: &Value) -> u64 {
    items.iter().filter(|item| item["token_id"] == token["token_id"]).count() as u64
}

/// Everything that the API says at the end.
struct Fleet {
    hosts: Vec<Value>,
    waiting: Vec<Value>,
    approved: Vec<Value>,
    denied: Vec<Value>,
}

impl Fleet {
    async fn of(admin: &Client) -> Self {
        let [waiting, approved, denied] =
            ["waiting", "approved", "denied"].map(|state| format!("{ENROLLMENTS}?state={state}"));
        Self {
            hosts: items(admin, "/api/v1/hosts").await,
            waiting: items(admin, &waiting).await,
            approved: items(admin, &approved).await,
            denied: items(admin, &denied).await,
        }
    }

    /// Checks that neither the rule, nor the fleet, nor a token is over its limit.
    async fn is_within_limits(&self, race: &Race, admin: &Client, data: &Path) {
        let rule = admin.get(&format!("/api/v1/auto-approve-rules/{}", race.rule)).await.json;
        assert_eq!(rule["admitted"], CAP);
        let capacity = admin.get("/api/v1/capacity").await.json;
        let expected = [json!(NODE_LIMIT), json!(0), json!(self.waiting.len())];
        assert_eq!(
            [&capacity["enrolled"], &capacity["remaining"], &capacity["waiting"]].map(Clone::clone),
            expected
        );
        let enrolled = [self.hosts.len() as u64, self.approved.len() as u64 + CAP];
        assert_eq!(enrolled, [NODE_LIMIT; 2]);
        for (token, uses) in race.tokens.iter().zip(USES) {
            let id = token["token_id"].as_str().unwrap();
            let used = admin.get(&format!("/api/v1/enrollment-tokens/{id}")).await.json["used"].clone();
            let (enrolled, reserved) = (count(&self.hosts, token), count(&self.waiting, token));
            assert_eq!(used, enrolled, "{id}");
            let held = format!(
                "SELECT coalesce(sum(reserved), 0) FROM uses WHERE token = x'{}'",
                id.replace('-', "")
            );
            assert_eq!(one(&reader(data), &held) as u64, reserved, "{id}");
            assert!(
                uses.is_none_or(|uses| enrolled + reserved <= uses),
                "{id}: {enrolled} and {reserved} of {uses:?}"
            );
        }
    }

    /// Checks that every host has the answer of its row, so that nothing is lost.
    fn agrees_with_answers(&self, race: &Race) {
        let answers = race.answers.lock().unwrap();
        let hosts = answers.iter().filter_map(|answer| answer.host.as_deref());
        assert_eq!(hosts.collect::<BTreeSet<_>>(), each(&self.hosts, "/id"));
        let waits = answers.iter().filter(|answer| answer.last.0 == 202);
        let waits = waits.filter_map(|answer| answer.enrollment.as_deref());
        assert_eq!(waits.collect::<BTreeSet<_>>(), each(&self.waiting, "/id"));
        let with = |code: &str| answers.iter().filter(|answer| answer.last.1 == code).count();
        assert_eq!(with("enrollment_denied"), self.denied.len());
        let refused = with("node_limit_exceeded") + with("token_exhausted");
        assert_eq!(self.hosts.len() + self.waiting.len() + self.denied.len() + refused, HOSTS);
        let known = [&self.waiting, &self.approved, &self.denied];
        let known = known.into_iter().flat_map(|items| each(items, "/id")).collect::<BTreeSet<_>>();
        let lost = answers.iter().filter_map(|answer| answer.enrollment.as_deref());
        assert_eq!(lost.filter(|id| !known.contains(id)).collect::<Vec<_>>(), [""; 0]);
    }

    /// Each enrollment was decided at most once, as the server confirmed it.
    async fn was_decided_once(&self, race: &Race, admin: &Client) {
        for (decided, state, action) in
            [(&self.approved, "approved", "host_enrolled"), (&self.denied, "denied", "enrollment_denied")]
        {
            let ids = each(decided, "/id");
            let confirmed = race.confirmed.lock().unwrap().clone();
            for (id, _) in confirmed.iter().filter(|(_, confirmed)| **confirmed == state) {
                assert!(ids.contains(id.as_str()), "{id} was {state}");
            }
            let mut entries = items(admin, &format!("/api/v1/ledger?action={action}")).await;
            entries.retain(|entry| entry["detail"]["enrollment"].is_string());
            assert_eq!(each(&entries, "/detail/enrollment"), ids);
        }
    }
}

impl Race {
    /// Approves hosts up to the node limit, lets every host repeat its call, and counts.
    pub(super) async fn ends(
        self: &std::sync::Arc<Self>,
        stranger: impl Fn() -> Client,
        admin: &Client,
        data: &Path,
    ) {
        self.approve_the_rest(admin).await;
        self.next_round(|_| true);
        self.hosts_call(stranger).join_all().await;
        self.next_round(|_| false);
        let fleet = Fleet::of(admin).await;
        fleet.is_within_limits(self, admin, data).await;
        fleet.agrees_with_answers(self);
        fleet.was_decided_once(self, admin).await;
    }
}
