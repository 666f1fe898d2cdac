//! Forms that are sent twice, that are stale, or that have a credential in a wrong field.

use serde_json::json;

use super::Browser;
use crate::support::{Host, Running};

const PASSWORD: &str = "long enough for an operator";

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_form_repeats_no_credential() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let token = at.mint_once().await;
    let wizard = [("kind", "one-time"), ("label", token.as_str()), ("ttl", "soon")];
    let refused = browser.submit("/add-host", "/add-host", &wizard).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    let rule = [("label", token.as_str()), ("cluster", "*"), ("any_role", "on"), ("addresses", "ten")];
    let rule = browser.submit("/rules/new", "/rules/new", &rule).await;
    assert_eq!(rule.status, 400, "{}", rule.text);
    let mut shown = vec![refused.text, rule.text];
    for path in
        ["/add-host?label=", "/rules?try=on&name=", "/tokens?search=", "/hosts?search=", "/ledger?actor="]
    {
        shown.push(browser.get(&format!("{path}{token}")).await.text);
    }
    for page in shown {
        assert!(!page.contains(&token), "{page}");
    }
    let body = "username=my%20secret%20phrase&password=x".to_owned();
    let said = at.stranger().header(http::header::ORIGIN, &at.url).post_form("/sign-in", body).await;
    assert_eq!(said.status, 401, "{}", said.text);
    assert!(!said.text.contains("secret phrase"), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_keeps_roles_beyond_the_users_limits() {
    let at = Running::start().await;
    let user = json!({ "username": "ola", "password": PASSWORD, "role": "operator", "limits": { "roles": ["proxy"] } });
    assert_eq!(at.admin().post("/api/v1/users", &user).await.status, 201);
    let rule = json!({ "cluster_id": "eu-1", "label": "eu", "allowed_roles": ["director"] });
    let rule = at.admin().post("/api/v1/auto-approve-rules", &rule).await;
    let id = rule.json["id"].as_str().unwrap();
    let form = format!("/rules/{id}");
    let admin = Browser::admin(&at).await;
    let emptied = admin.submit(&form, &form, &[("label", "eu"), ("cluster", "eu-1")]).await;
    assert_eq!(emptied.status, 400, "{}", emptied.text);
    assert!(emptied.text.contains("Roles: select roles, or any role."), "{}", emptied.text);
    let limited = Browser::sign_in(&at, "ola", PASSWORD).await;
    let shown = limited.get(&form).await.text;
    assert!(shown.contains("name=\"role.director\" value=\"on\" checked"), "{shown}");
    let kept = at.admin().get(&format!("/api/v1/auto-approve-rules/{id}")).await.json;
    assert_eq!(kept["allowed_roles"], json!(["director"]), "{kept}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_revision_is_stale() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let rule = json!({ "cluster_id": "eu-1", "label": "eu", "allowed_roles": ["proxy"] });
    let rule = at.admin().post("/api/v1/auto-approve-rules", &rule).await;
    let rule = rule.json["id"].as_str().unwrap().to_owned();
    let enrolled = Host::new().redeem(&at, &at.mint_once().await).await;
    let host = enrolled.json["host_id"].as_str().unwrap().to_owned();
    let fields = [("label", "eu"), ("cluster", "eu-1"), ("role.director", "on")];
    for path in [format!("/rules/{rule}"), format!("/rules/{rule}/delete"), format!("/hosts/{host}/roles")] {
        for revision in [None, Some(("revision", "newest"))] {
            let fields = fields.into_iter().chain(revision).collect::<Vec<_>>();
            let said = browser.post(&path, &fields).await;
            assert_eq!(said.status, 412, "{path}: {}", said.text);
        }
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_value_like_a_credential_stays() {
    let at = Running::start().await;
    let limits =
        json!({ "clusters": ["keyjobs"], "dns_names": ["keyjapan.example.org"], "roles": ["proxy"] });
    let user = json!({ "username": "ola", "password": PASSWORD, "role": "operator", "limits": limits });
    assert_eq!(at.admin().post("/api/v1/users", &user).await.status, 201);
    let browser = Browser::admin(&at).await;
    let shown = browser.get("/admin/users/ola/change").await.text;
    assert!(shown.contains("keyjobs") && shown.contains("keyjapan.example.org"), "{shown}");
    let rule = json!({ "cluster_id": "keyjobs", "label": "jobs", "names": ["*.keyjapan.example.org"] });
    let rule = at.admin().post("/api/v1/auto-approve-rules", &rule).await;
    let form = format!("/rules/{}", rule.json["id"].as_str().unwrap());
    assert!(browser.get(&form).await.text.contains("*.keyjapan.example.org"));
    // A list that is shown again is never empty, which would stand for every name.
    let typed = [("label", "x"), ("cluster", "*"), ("any_role", "on"), ("names", "keyjapan.example.org")];
    let typed = typed.into_iter().chain([("addresses", "ten")]).collect::<Vec<_>>();
    let refused = browser.submit(&form, &form, &typed).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("rows=\"3\">k(a credential, not shown)"), "{}", refused.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_form_shows_what_is_there_now() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let rule = json!({ "cluster_id": "eu-1", "label": "before", "allowed_roles": ["proxy"] });
    let rule = at.admin().post("/api/v1/auto-approve-rules", &rule).await.json;
    let (id, revision) = (rule["id"].as_str().unwrap(), rule["revision"].to_string());
    let change = json!({ "label": "narrowed", "max_nodes": 3 });
    assert_eq!(at.admin().patch(&format!("/api/v1/auto-approve-rules/{id}"), &change).await.status, 200);
    let typed = [("label", "typed"), ("cluster", "*"), ("any_role", "on"), ("revision", &revision)];
    let stale = browser.post(&format!("/rules/{id}"), &typed).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    assert!(
        stale.text.contains("value=\"narrowed\"") && stale.text.contains("value=\"3\""),
        "{}",
        stale.text
    );
    assert!(!stale.text.contains("value=\"typed\""), "{}", stale.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_twice_makes_one_thing() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let rule = [("label", "eu"), ("cluster", "eu-1"), ("role.proxy", "on"), ("max_nodes", "5")];
    for _ in 0..2 {
        let said = browser.submit("/rules/new", "/rules/new", &rule).await;
        assert_eq!(said.status, 303, "{}", said.text);
    }
    let rules = at.admin().get("/api/v1/auto-approve-rules").await.json;
    assert_eq!(rules["items"].as_array().unwrap().len(), 1, "{rules}");

    let enrolled = Host::new().redeem(&at, &at.mint_once().await).await;
    let host = enrolled.json["host_id"].as_str().unwrap();
    let hidden = browser.hidden("/add-host?kind=re-enrollment", "/add-host").await;
    let fields = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([("host", host)]);
    let fields = fields.collect::<Vec<_>>();
    let post = || browser.post_bare("/add-host", &fields);
    let said = tokio::join!(post(), post(), post());
    let mut statuses = [said.0.status, said.1.status, said.2.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 303, 303]);
    let tokens = at.admin().get("/api/v1/enrollment-tokens?kind=re-enrollment").await.json;
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1, "{tokens}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_form_makes_no_token() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let page = browser.get("/add-host?kind=policy").await.text;
    assert!(page.contains("There is no policy") && !page.contains("Create token"), "{page}");
    let forms: [&[(&str, &str)]; 3] = [
        &[("kind", "policy"), ("label", "all"), ("key", "k1")],
        &[("kind", "unlimited"), ("label", "all"), ("key", "k2")],
        &[("kind", "one-time"), ("label", "all")],
    ];
    for form in forms {
        let said = browser.post("/add-host", form).await;
        assert_eq!(said.status, 400, "{form:?}: {}", said.text);
    }
    let tokens = at.admin().get("/api/v1/enrollment-tokens?label=all").await.json;
    assert!(tokens["items"].as_array().unwrap().is_empty(), "{tokens}");
    at.stop().await;
}
