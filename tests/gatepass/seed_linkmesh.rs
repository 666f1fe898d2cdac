//! LinkMesh's enrollment tokens: each promise of its document, in the words of the document.
//!
//! Of a later issue: the Add Collector wizard and its button, where an operator copies a token and closes the page.

use gatepass::access::Permission;
use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::support::authority::token_of;
use crate::support::forge::Forgery;
use crate::support::{Host, Running};

const TOKENS: &str = "/api/v1/enrollment-tokens";

#[tokio::test(flavor = "multi_thread")]
async fn server_records_the_new_token_in_the_audit_log_with_the_operators_identity() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["allocator"], "label": "rack 7" })).await;
    let ledger = at.ledger().await;
    let entry = ledger.iter().find(|entry| entry["subjects"]["token"] == minted["token_id"]).unwrap();
    assert_eq!((&entry["action"], &entry["actor"]), (&json!("token_created"), &json!("user:admin")));
    assert_eq!(entry["address"], "127.0.0.1");
    assert!(!json!(ledger).to_string().contains("eyJ"), "a token stands in the ledger");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ttl_is_15_minutes_by_default() {
    let at = Running::start().await;
    let minted = at.mint(json!({})).await;
    let claims = Forgery::of(&token_of(&minted)).claims;
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    assert_eq!(minted["max_uses"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ttl_is_configurable_when_minting_and_per_server() {
    let at = Running::start_with(&[("tokens.default_ttl", "5m")]).await;
    for (request, seconds) in
        [(json!({}), 300), (json!({ "ttl": "90s" }), 90), (json!({ "ttl": "24h" }), 86_400)]
    {
        let claims = Forgery::of(&token_of(&at.mint(request).await)).claims;
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), seconds);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_successful_enrollment_consumes_the_token() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["allocator"] })).await;
    let id = minted["token_id"].as_str().unwrap();
    assert_eq!(at.token(id).await["state"], "pending");
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 200);
    let spent = at.token(id).await;
    assert_eq!((&spent["state"], &spent["uses_left"]), (&json!("used"), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn second_attempt_with_the_same_token_returns_410_gone() {
    let at = Running::start().await;
    let token = at.mint_once().await;
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    let second = Host::new().redeem(&at, &token).await;
    assert_eq!((second.status, second.code()), (410, "token_used"));
    assert_eq!(second.headers["content-type"], "application/problem+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_installer_posts_the_token_to_bootstrap_and_the_server_returns_a_ca_cert_a_fresh_client_cert_and_the_collector_id()
 {
    let at = Running::start().await;
    let (host, token) = (Host::new(), at.mint_once().await);
    let body = json!({ "token": token, "csr": host.csr() });
    let enrolled = at.stranger().post("/api/v1/bootstrap", &body).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    assert_eq!(enrolled.json["ca_certificate"], at.authority.cas.load().current().root_pem());
    let client = host.client(&at, &enrolled.json);
    assert_eq!(client.get("/api/v1/whoami").await.json["host_id"], enrolled.json["host_id"]);
    assert_eq!(at.entries("host_enrolled").await, 1, "audit-logged on redemption");
}

#[tokio::test(flavor = "multi_thread")]
async fn if_15_minutes_pass_without_redemption_the_token_expires_silently_mint_a_new_one() {
    let at = Running::start().await;
    let minted = at.mint(json!({})).await;
    let entries = at.ledger().await.len();
    at.clock.advance(Duration::from_secs(901));
    assert_eq!(at.token(minted["token_id"].as_str().unwrap()).await["state"], "expired");
    assert_eq!(at.ledger().await.len(), entries, "silently");
    at.clock.advance(Duration::from_secs(60));
    let late = Host::new().redeem(&at, &token_of(&minted)).await;
    assert_eq!((late.status, late.code()), (410, "token_expired"));
    assert_eq!(Host::new().redeem(&at, &at.mint_once().await).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_token_is_scoped_to_creating_exactly_one_collector() {
    let at = Running::start().await;
    let (token, host) = (at.mint_once().await, Host::new());
    assert_eq!(host.redeem(&at, &token).await.status, 200);
    assert_eq!(host.redeem(&at, &token).await.status, 200, "the same host again");
    for _ in 0..3 {
        assert_eq!(Host::new().redeem(&at, &token).await.status, 410);
    }
    assert_eq!(at.admin().get("/api/v1/hosts").await.json["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_cannot_reach_any_api_endpoint_other_than_bootstrap() {
    let at = Running::start().await;
    let token = at.mint_once().await;
    let (entries, table) = (at.ledger().await.len(), gatepass::http::table::Table::new(true).unwrap());
    let caller = at.stranger().bearer(&token);
    let mut tried = 0;
    for route in table.routes() {
        let open = [Permission::Anyone, Permission::SignIn].contains(&route.permission);
        if open || route.path == "/api/v1/bootstrap" {
            continue;
        }
        let path = route.path.replace(['{', '}'], "");
        let body = (route.method != Method::GET).then(|| "{}".to_owned());
        let refused = caller.send(route.method.clone(), &path, body).await;
        assert_eq!(refused.status, 401, "{} {path}: {}", route.method, refused.text);
        tried += 1;
    }
    assert!(tried > 25, "{tried} routes");
    assert_eq!(at.ledger().await.len(), entries);
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200, "and it is as good as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_cannot_authenticate_ui_sessions_or_mint_additional_tokens_by_any_kind_of_credential() {
    let at = Running::start().await;
    let token = at.mint_once().await;
    let as_password = at.stranger().basic("admin", &token);
    let as_user = at.stranger().basic(&token, "");
    for caller in [as_password, as_user, at.stranger().bearer(&token)] {
        let refused = caller.post(TOKENS, &json!({})).await;
        assert_eq!((refused.status, refused.code()), (401, "unauthenticated"));
        assert!(!refused.text.contains(&token));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn for_automation_mint_a_token_via_the_api_per_host_and_redeem_immediately() {
    let at = Running::start().await;
    let mut hosts = std::collections::BTreeSet::new();
    for place in 0..10 {
        let minted = at.mint(json!({ "roles": ["proxy"], "label": format!("host {place}") })).await;
        let enrolled = Host::new().redeem(&at, &token_of(&minted)).await;
        hosts.insert(enrolled.json["host_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(hosts.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn use_sudo_e_to_preserve_the_token_from_your_env_so_it_does_not_enter_shell_history() {
    let at = Running::start().await;
    let minted = at.mint(json!({})).await;
    let paste = minted["install_command"].as_str().unwrap();
    assert_eq!(paste, "read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_expired_tokens_stay_in_the_audit_log_so_you_can_trace_who_tried_what() {
    let at = Running::start().await;
    let minted = at.mint(json!({})).await;
    at.clock.advance(Duration::from_secs(1000));
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 410);
    at.authority.upkeep.write_refusals().await.unwrap();
    // Long after the list has forgotten the token.
    at.clock.advance(Duration::from_secs(10 * 86_400));
    at.authority.upkeep.collect().await.unwrap();
    assert_eq!(
        at.admin().get(&format!("{TOKENS}/{}", minted["token_id"].as_str().unwrap())).await.status,
        404
    );
    let about = |entry: &&serde_json::Value| entry["subjects"]["token"] == minted["token_id"];
    let ledger = at.ledger().await;
    let told =
        ledger.iter().filter(about).map(|entry| (&entry["action"], &entry["reason"])).collect::<Vec<_>>();
    assert_eq!(told[0], (&json!("token_refused"), &json!("token_expired")));
    assert_eq!(told.last().unwrap().0, "token_created");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_itself_only_exists_in_flight() {
    let at = Running::start().await;
    let token = at.mint_once().await;
    Host::new().redeem(&at, &token).await;
    let (data_dir, _clock, _own) = at.stop().await;
    let secret = token.rsplit('.').next().unwrap();
    for path in crate::support::listing::listing(&data_dir).into_keys().filter(|path| path.is_file()) {
        let content = std::fs::read(&path).unwrap();
        let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{} holds the token", path.display());
    }
}
