//! Rules at work: hosts that they admit, and hosts that wait because no rule does.

use http::HeaderName;

use super::*;
use crate::support::Host;
use crate::support::authority::token_of;

/// Mints a token of this cluster whose hosts need approval.
async fn requiring(at: &Running, cluster: &str, role: &str) -> Value {
    let request = json!({ "persistent": true, "max_uses": null, "roles": [role], "cluster_id": cluster, "approval": "require" });
    at.mint(request).await
}

/// A host calls with this token, and names the cluster `ran-zone-a`.
async fn call(at: &Running, host: &Host, minted: &Value) -> Said {
    host.redeem_with(at, &token_of(minted), json!({ "cluster": "ran-zone-a" })).await
}

async fn admitted(at: &Running, rule: &Value) -> Value {
    at.admin().get(&at_id(rule)).await.json["admitted"].clone()
}

/// "Auto-approve rules let you pre-configure which cluster identities and node roles are automatically accepted at enrollment
/// without per-enrollment operator approval."
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_admits_without_a_person() {
    let at = Running::start().await;
    let rule = create(&at, json!({ "cluster_id": "ran-zone-a", "allowed_roles": ["proxy"] })).await;
    let (proxies, directors) =
        (requiring(&at, "ran-zone-a", "proxy").await, requiring(&at, "ran-zone-a", "director").await);
    let said = call(&at, &Host::new(), &proxies).await;
    assert_eq!((said.status, &said.json["roles"]), (200, &json!(["proxy"])), "{}", said.text);
    assert_eq!(call(&at, &Host::new(), &directors).await.status, 202, "another role");
    let other = json!({ "persistent": true, "max_uses": null, "roles": ["proxy"], "approval": "require" });
    assert_eq!(call(&at, &Host::new(), &at.mint(other).await).await.status, 202, "its word is no binding");
    let entry = at.ledger().await.into_iter().find(|entry| entry["action"] == "host_enrolled").unwrap();
    assert_eq!(entry["detail"]["rule"], rule["id"]);
    at.stop().await;
}

/// A rule judges the address from which the host calls, and the name that it asks for.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_judges_the_calling_host() {
    let at = Running::start_with(&[("http.trusted_proxies", "127.0.0.1")]).await;
    let names = json!(["*.eu.example.org", "*.us.example.org"]);
    create(&at, json!({ "addresses": ["10.1.0.0/16"], "names": [names[0]] })).await;
    let request = json!({ "persistent": true, "max_uses": null, "dns_names": names, "approval": "require" });
    let token = token_of(&at.mint(request).await);
    for (address, name, status) in [
        ("10.1.2.3", "n1.eu.example.org", 200),
        ("10.2.2.3", "n2.eu.example.org", 202),
        ("2001:db8::1", "n3.eu.example.org", 202),
        ("10.1.2.3", "n1.us.example.org", 202),
    ] {
        let body = json!({ "csr": Host::new().csr(), "name": name });
        let host = at.stranger().bearer(&token).header(HeaderName::from_static("x-forwarded-for"), address);
        let said = host.post("/api/v1/bootstrap", &body).await;
        assert_eq!(said.status, status, "{address} {name}: {}", said.text);
    }
    at.stop().await;
}

/// "They are independent of tokens."
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_outlives_tokens() {
    let at = Running::start().await;
    let rule = create(&at, json!({ "cluster_id": "ran-zone-a" })).await;
    let first = requiring(&at, "ran-zone-a", "proxy").await;
    assert_eq!(call(&at, &Host::new(), &first).await.status, 200);
    let path = format!("/api/v1/enrollment-tokens/{}", first["token_id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&path).await.status, 200);
    let second = requiring(&at, "ran-zone-a", "director").await;
    assert_eq!(call(&at, &Host::new(), &second).await.status, 200);
    assert_eq!(admitted(&at, &rule).await, 2);
    assert_eq!(at.admin().delete(&at_id(&rule)).await.status, 200);
    assert_eq!(call(&at, &Host::new(), &second).await.status, 202, "the token is still good");
    at.stop().await;
}

/// "Cap on the number of auto-approved nodes for this cluster": a host above the cap waits, and one that ends makes room.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_full_until_a_host_ends() {
    let at = Running::start().await;
    let capped = create(&at, json!({ "cluster_id": "ran-zone-a", "max_nodes": 2 })).await;
    let token = requiring(&at, "ran-zone-a", "proxy").await;
    let host = call(&at, &Host::new(), &token).await.json;
    assert_eq!(call(&at, &Host::new(), &token).await.status, 200);
    assert_eq!(call(&at, &Host::new(), &token).await.status, 202);
    assert_eq!((&listed(&at).await[0]["admitted"], admitted(&at, &capped).await), (&json!(2), json!(2)));
    let applicant = json!({ "cluster": "ran-zone-a", "roles": ["proxy"] });
    let decision = test(&at, applicant.clone()).await;
    let full = json!(["the rule is full: 2 of 2 hosts"]);
    assert_eq!((&decision["rule"], &decision["others"][0]["reasons"]), (&Value::Null, &full));
    let younger = create(&at, json!({})).await;
    assert_eq!(decides(&at, applicant.clone()).await, younger["id"]);
    assert_eq!(call(&at, &Host::new(), &token).await.status, 200);
    assert_eq!([admitted(&at, &capped).await, admitted(&at, &younger).await], [json!(2), json!(1)]);
    let revoke = format!("/api/v1/hosts/{}", host["host_id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&revoke).await.status, 200);
    assert_eq!(admitted(&at, &capped).await, 1);
    assert_eq!(decides(&at, applicant).await, capped["id"], "a revoked host makes room");
    assert_eq!(call(&at, &Host::new(), &token).await.status, 200);
    assert_eq!([admitted(&at, &capped).await, admitted(&at, &younger).await], [json!(2), json!(1)]);
    at.stop().await;
}

/// "Deleting a rule does not affect already-enrolled sensors."
#[tokio::test(flavor = "multi_thread")]
async fn hosts_stay_when_their_rule_is_deleted() {
    let at = Running::start().await;
    let rule = create(&at, json!({ "cluster_id": "ran-zone-a" })).await;
    let (host, token) = (Host::new(), requiring(&at, "ran-zone-a", "proxy").await);
    let enrolled = call(&at, &host, &token).await.json;
    assert_eq!(admitted(&at, &rule).await, 1);
    let path = format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap());
    let stays = async || {
        let shown = at.admin().get(&path).await.json;
        assert_eq!([&shown["state"], &shown["roles"]], [&json!("active"), &json!(["proxy"])]);
        assert_eq!(call(&at, &host, &token).await.json["host_id"], enrolled["host_id"], "a repeat");
        assert_eq!(host.client(&at, &enrolled).get("/api/v1/whoami").await.status, 200);
    };
    assert_eq!(at.admin().patch(&at_id(&rule), &json!({ "cluster_id": "elsewhere" })).await.status, 200);
    stays().await;
    assert_eq!(at.admin().delete(&at_id(&rule)).await.status, 200);
    stays().await;
    at.stop().await;
}

/// "Changing or deleting a rule leaves enrolled and waiting hosts alone."
#[tokio::test(flavor = "multi_thread")]
async fn a_host_waits_on_when_rules_change() {
    let at = Running::start().await;
    let rule = create(&at, json!({ "cluster_id": "ran-zone-a", "max_nodes": 1 })).await;
    let (host, token) = (Host::new(), requiring(&at, "ran-zone-a", "proxy").await);
    assert_eq!(call(&at, &Host::new(), &token).await.status, 200);
    let waiting = call(&at, &host, &token).await;
    assert_eq!(waiting.status, 202, "{}", waiting.text);
    let goes_on = async |after: &str| {
        let again = call(&at, &host, &token).await;
        let id = &again.json["enrollment_id"];
        assert_eq!((again.status, id), (202, &waiting.json["enrollment_id"]), "{after}: {}", again.text);
    };
    assert_eq!(at.admin().patch(&at_id(&rule), &json!({ "max_nodes": 9 })).await.status, 200);
    goes_on("the rule has room").await;
    assert_eq!(at.admin().delete(&at_id(&rule)).await.status, 200);
    goes_on("the rule is gone").await;
    create(&at, json!({})).await;
    goes_on("a new rule would admit it").await;
    let path = format!("/api/v1/enrollments/{}/approve", waiting.json["enrollment_id"].as_str().unwrap());
    assert_eq!(at.admin().post(&path, &json!({})).await.status, 200);
    assert_eq!(call(&at, &host, &token).await.status, 200);
    at.stop().await;
}
