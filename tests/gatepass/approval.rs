//! Approval of hosts: a person decides about those that no rule admits.

mod answers;
mod deciders;
mod killed;
mod queue;
mod race;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::client::Said;
use crate::support::{Host, Running};

const ENROLLMENTS: &str = "/api/v1/enrollments";
const DAY: Duration = Duration::from_secs(86_400);

/// Mints a persistent token whose hosts wait.
async fn requiring(at: &Running, max_uses: Value) -> String {
    let request =
        json!({ "persistent": true, "max_uses": max_uses, "roles": ["proxy"], "approval": "require" });
    token_of(&at.mint(request).await)
}

/// A host that waits with this token; the id of its enrollment.
async fn waiting(at: &Running, token: &str) -> (Host, String) {
    let host = Host::new();
    let said = host.redeem(at, token).await;
    assert_eq!(said.status, 202, "{}", said.text);
    (host, said.json["enrollment_id"].as_str().unwrap().to_owned())
}

async fn decide(at: &Running, id: &str, decision: &str, body: Value) -> Said {
    at.admin().post(&format!("{ENROLLMENTS}/{id}/{decision}"), &body).await
}

async fn listed(at: &Running, query: &str) -> Vec<Value> {
    let said = at.admin().get(&format!("{ENROLLMENTS}{query}")).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json["items"].as_array().unwrap().clone()
}

async fn approval(at: &Running, mode: &str) {
    let said = at.admin().patch("/api/v1/settings", &json!({ "approval": mode })).await;
    assert_eq!(said.status, 200, "{}", said.text);
}

/// "The host gets 202, repeats the same call, and has its certificate once approved." "Polling writes nothing."
#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_host_has_its_certificate_once_approved() {
    let at = Running::start().await;
    let token = requiring(&at, json!(1)).await;
    let (host, id) = waiting(&at, &token).await;
    let before = at.ledger().await.len();
    for _ in 0..3 {
        let again = host.redeem(&at, &token).await;
        assert_eq!((again.status, &again.json["enrollment_id"]), (202, &json!(id)));
        assert_eq!(again.headers["retry-after"], "15");
    }
    assert_eq!(at.ledger().await.len(), before, "a repeat writes nothing");
    let item = listed(&at, "").await.remove(0);
    assert_eq!([&item["id"], &item["state"]], [&json!(id), &json!("waiting")]);
    let said = host.redeem(&at, &token).await;
    assert_eq!((&said.json["code"], said.json["code"].as_str().unwrap().len()), (&item["code"], 8));
    let capacity = at.admin().get("/api/v1/capacity").await.json;
    assert_eq!([&capacity["waiting"], &capacity["enrolled"]], [&json!(1), &json!(0)]);

    let approved = decide(&at, &id, "approve", json!({})).await;
    assert_eq!((approved.status, &approved.json["changed"]), (200, &json!(true)), "{}", approved.text);
    let again = decide(&at, &id, "approve", json!({})).await;
    assert_eq!((again.status, &again.json["changed"]), (200, &json!(false)));
    let otherwise = decide(&at, &id, "deny", json!({})).await;
    assert_eq!((otherwise.status, otherwise.code()), (409, "already_decided"));

    let enrolled = host.redeem(&at, &token).await;
    assert_eq!((enrolled.status, &enrolled.json["roles"]), (200, &json!(["proxy"])), "{}", enrolled.text);
    assert_eq!(enrolled.json["host_id"], approved.json["host_id"]);
    assert_eq!(host.client(&at, &enrolled.json).get("/api/v1/whoami").await.status, 200);
    assert_eq!(Host::new().redeem(&at, &token).await.code(), "token_used");
    assert!(listed(&at, "").await.is_empty());
    assert_eq!(listed(&at, "?state=approved").await[0]["decision"]["by"], "user:admin");
    assert_eq!(at.entries("host_enrolled").await, 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approver_gives_other_roles() {
    let at = Running::start().await;
    let token = requiring(&at, Value::Null).await;
    let (host, id) = waiting(&at, &token).await;
    let unknown = decide(&at, &id, "approve", json!({ "roles": ["proxi"] })).await;
    assert_eq!((unknown.status, &unknown.json["fields"][0]["field"]), (400, &json!("roles[0]")));
    let approved = decide(&at, &id, "approve", json!({ "roles": ["allocator", "director"] })).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    assert_eq!(host.redeem(&at, &token).await.json["roles"], json!(["allocator", "director"]));
    at.stop().await;
}

/// "A denied host with the same key: 403 `enrollment_denied`." "A denied key stays refused for `hosts.retention`."
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_host_is_refused_with_the_reason() {
    let at = Running::start().await;
    let token = requiring(&at, json!(1)).await;
    let (host, id) = waiting(&at, &token).await;
    let denied = decide(&at, &id, "deny", json!({ "reason": "not one of ours" })).await;
    assert_eq!((denied.status, &denied.json["state"]), (200, &json!("denied")), "{}", denied.text);
    let open = at.mint_once().await;
    for token in [&token, &open] {
        let refused = host.redeem(&at, token).await;
        assert_eq!((refused.status, refused.code()), (403, "enrollment_denied"), "{}", refused.text);
        assert!(refused.text.contains("not one of ours"), "{}", refused.text);
    }
    let (_, next) = waiting(&at, &token).await;
    let kept = decide(&at, &next, "deny", json!({ "keep_use": true })).await;
    assert_eq!(kept.status, 200, "{}", kept.text);
    assert_eq!(Host::new().redeem(&at, &token).await.code(), "token_used", "the use is spent");
    at.clock.advance(DAY * 19);
    assert_eq!(host.redeem(&at, &at.mint_once().await).await.code(), "enrollment_denied");
    at.stop().await;
}

/// "A repeat with another name or cluster: 403 `enrollment_changed`."
#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_host_keeps_its_name_and_cluster() {
    let at = Running::start().await;
    let request = json!({
        "persistent": true, "max_uses": null, "dns_names": ["*.eu.example.org"], "approval": "require",
    });
    let token = token_of(&at.mint(request).await);
    let (host, first) = (Host::new(), json!({ "name": "n1.eu.example.org", "cluster": "eu-1" }));
    assert_eq!(host.redeem_with(&at, &token, first.clone()).await.status, 202);
    for other in [
        json!({ "name": "n2.eu.example.org", "cluster": "eu-1" }),
        json!({ "name": "n1.eu.example.org", "cluster": "eu-2" }),
        json!({ "name": "n1.eu.example.org" }),
    ] {
        let said = host.redeem_with(&at, &token, other.clone()).await;
        assert_eq!((said.status, said.code()), (403, "enrollment_changed"), "{other}");
    }
    assert_eq!(host.redeem_with(&at, &token, first).await.status, 202);
    at.stop().await;
}

/// "Expiry gives the use back." "`expired` 410 `enrollment_expired` once, the next call starts a new enrollment."
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_enrollment_is_answered_once() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["proxy"], "approval": "require", "ttl": "10m" })).await;
    let token = token_of(&minted);
    let (host, id) = waiting(&at, &token).await;
    at.clock.advance(Duration::from_secs(3600));
    assert_eq!(host.redeem(&at, &token).await.status, 202, "it waits past the token's expiry");
    at.clock.advance(DAY);
    let said = host.redeem(&at, &token).await;
    assert_eq!((said.status, said.code()), (410, "enrollment_expired"), "{}", said.text);
    assert_eq!(decide(&at, &id, "approve", json!({})).await.code(), "enrollment_expired");
    assert_eq!(host.redeem(&at, &token).await.code(), "token_expired", "and now the token decides");
    assert_eq!(at.entries("enrollment_expired").await, 1);
    let lasting = requiring(&at, json!(1)).await;
    let (host, _) = waiting(&at, &lasting).await;
    at.clock.advance(DAY);
    assert_eq!(host.redeem(&at, &lasting).await.code(), "enrollment_expired");
    assert_eq!(host.redeem(&at, &lasting).await.status, 202, "it begins again");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_ends_its_waits() {
    let at = Running::start().await;
    let request = json!({ "persistent": true, "max_uses": null, "approval": "require" });
    let minted = at.mint(request).await;
    let token = token_of(&minted);
    let (host, id) = waiting(&at, &token).await;
    let path = format!("/api/v1/enrollment-tokens/{}", minted["token_id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&path).await.status, 200);
    let said = host.redeem(&at, &token).await;
    assert_eq!((said.status, said.code()), (410, "token_revoked"), "{}", said.text);
    assert_eq!(decide(&at, &id, "approve", json!({})).await.code(), "token_revoked");
    assert!(listed(&at, "").await.is_empty());
    assert_eq!(listed(&at, "?state=ended").await.len(), 1);
    at.stop().await;
}

/// "Approval modes `off | warn | require`, so that a running fleet can adopt approval." "The strictest holds."
#[tokio::test(flavor = "multi_thread")]
async fn the_strictest_mode_holds() {
    let at = Running::start().await;
    let mint = |mode: &str| json!({ "persistent": true, "max_uses": null, "approval": mode });
    let (off, warn, require) =
        (at.mint(mint("off")).await, at.mint(mint("warn")).await, at.mint(mint("require")).await);
    let held = async |minted: &Value| Host::new().redeem(&at, &token_of(minted)).await.status == 202;
    for (mode, waits) in
        [("off", [false, false, true]), ("warn", [false, false, true]), ("require", [true; 3])]
    {
        approval(&at, mode).await;
        assert_eq!([held(&off).await, held(&warn).await, held(&require).await], waits, "{mode}");
    }
    approval(&at, "off").await;
    let noted = |entry: &Value| entry["action"] == "host_enrolled" && entry["detail"]["approval"] == "warn";
    assert_eq!(
        at.ledger().await.iter().filter(|entry| noted(entry)).count(),
        3,
        "of the token, and of the setting"
    );
    let emergency = at.emergency_token.clone().unwrap();
    approval(&at, "require").await;
    assert_eq!(Host::new().redeem(&at, &emergency).await.status, 200, "the emergency token is exempt");
    let wrong = at.admin().patch("/api/v1/settings", &json!({ "approval": "on" })).await;
    assert_eq!((wrong.status, &wrong.json["fields"][0]["field"]), (400, &json!("approval")));
    let wrong = at.admin().post("/api/v1/enrollment-tokens", &json!({ "approval": "no" })).await;
    assert_eq!((wrong.status, &wrong.json["fields"][0]["field"]), (400, &json!("approval")));
    at.stop().await;
}

/// "One waiting host too many: 429 `too_many_waiting`." "A stranger with a leaked cluster token cannot fill the queue."
#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_token_cannot_fill_the_queue() {
    let at = Running::start_with(&[("hosts.max_waiting_per_token", "3")]).await;
    let leaked = requiring(&at, Value::Null).await;
    for _ in 0..3 {
        waiting(&at, &leaked).await;
    }
    let before = at.ledger().await.len();
    let said = Host::new().redeem(&at, &leaked).await;
    assert_eq!((said.status, said.code()), (429, "too_many_waiting"), "{}", said.text);
    assert!(said.headers.contains_key("retry-after"));
    assert!(at.ledger().await.len() <= before + 1, "refusals are summarised");
    let other = requiring(&at, Value::Null).await;
    waiting(&at, &other).await;
    at.stop().await;
}

/// "No approval: an operator named the host." A re-enrollment waits for nobody, and a replacement that would wait is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_known_host_comes_back_without_approval() {
    let at = Running::start().await;
    let host = Host::new();
    let enrolled = host.redeem(&at, &at.mint_once().await).await.json;
    approval(&at, "require").await;
    let path = format!("/api/v1/hosts/{}/reenrollment-token", enrolled["host_id"].as_str().unwrap());
    let minted = at.admin().post(&path, &json!({})).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    let back = Host::new();
    let again = back.redeem(&at, &token_of(&minted.json)).await;
    assert_eq!((again.status, &again.json["host_id"]), (200, &enrolled["host_id"]), "{}", again.text);
    let token = requiring(&at, Value::Null).await;
    let body = json!({ "csr": Host::new().csr(), "replace": true });
    let said = back.client(&at, &again.json).bearer(&token).post("/api/v1/bootstrap", &body).await;
    assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("replace")), "{}", said.text);
    at.stop().await;
}
