//! I5 at the moment of writing: after a demotion the ledger has no act of the demoted that needs what was taken away.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{PASSWORD, TOKENS, USERS};
use crate::support::client::{Client, Said};
use crate::support::{Running, eventually};

const AT_ONCE: usize = 24;

/// Changes a user to and fro, mints, and signs the user out, until that is refused: how much was done, and the refusal.
async fn go_on(client: Client, user: String) -> (usize, Said) {
    let path = format!("{USERS}/{user}");
    for done in 0.. {
        let said = match done % 4 {
            0 => client.patch(&path, &json!({ "role": "operator" })).await,
            1 => client.post(TOKENS, &json!({ "roles": ["allocator"] })).await,
            2 => client.patch(&path, &json!({ "role": "viewer" })).await,
            _ => client.post(&format!("{path}/sign-out"), &json!({})).await,
        };
        if said.status >= 300 {
            return (done, said);
        }
    }
    unreachable!("it goes on for ever")
}

/// The acts of `actor` after the entry of `action` about `user`.
fn done_after<'a>(ledger: &'a [Value], actor: &str, (action, user): (&str, &str)) -> Vec<&'a Value> {
    let is_it = |entry: &&Value| entry["action"] == action && entry["subjects"]["user"] == user;
    let number = |entry: &Value| entry["id"].as_str().unwrap().parse::<u64>().unwrap();
    let end = number(ledger.iter().find(is_it).unwrap());
    ledger.iter().filter(|entry| entry["actor"] == actor && number(entry) > end).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_demoted_admins_running_acts_stop() {
    let at = Running::start_with(&[("limits.actor", "off"), ("limits.address", "off")]).await;
    for number in 0..AT_ONCE {
        at.user(&format!("user{number}"), PASSWORD, "viewer").await;
    }
    let rounds = [
        ("eve", json!({ "role": "viewer" }), "user_changed"),
        ("mallory", json!({ "disabled": true }), "user_disabled"),
    ];
    for (name, change, action) in rounds {
        at.user(name, PASSWORD, "admin").await;
        let begun = at.stranger().basic(name, PASSWORD).post("/api/v1/session", &json!({})).await;
        let secret = begun.json["session"].as_str().unwrap().to_owned();
        let mut acting = JoinSet::new();
        for number in 0..AT_ONCE {
            let client = at.stranger().bearer(&secret);
            acting.spawn(go_on(client, format!("user{number}")));
        }
        let actor = format!("user:{name}");
        eventually("some acts", async || {
            let acts = at.ledger().await.iter().filter(|entry| entry["actor"] == actor.as_str()).count();
            (acts > AT_ONCE).then_some(())
        })
        .await;
        let demoted = at.admin().patch(&format!("{USERS}/{name}"), &change).await;
        assert_eq!(demoted.status, 200, "{}", demoted.text);
        for (done, refused) in acting.join_all().await {
            let may = ["unauthenticated", "forbidden", "rights_changed"].contains(&refused.code());
            assert!(may, "after {done}: {} {}", refused.status, refused.text);
        }
        let ledger = at.ledger().await;
        assert_eq!(done_after(&ledger, &actor, (action, name)), Vec::<&Value>::new(), "{name}");
    }
    at.stop().await;
}
