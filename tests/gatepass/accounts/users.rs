//! Users: their fields, their end, and the last admin.

use serde_json::json;

use super::{KEYS, PASSWORD, TOKENS, USERS};
use crate::support::Running;
use crate::support::authority;

fn fields(said: &crate::support::Said) -> Vec<String> {
    let fields = said.json["fields"].as_array().cloned().unwrap_or_default();
    fields.iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_created_shown_listed_changed_and_deleted() {
    let at = Running::start().await;
    let admin = at.admin();
    let limits = json!({ "roles": ["allocator"], "max_ttl": "30m" });
    let made = admin
        .post(
            USERS,
            &json!({ "username": "ops", "password": PASSWORD, "role": "operator", "limits": limits }),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!((&made.json["role"], &made.json["disabled"]), (&json!("operator"), &json!(false)));
    assert_eq!(made.json["limits"]["max_uses"], 1, "what is not written is least");
    assert_eq!(admin.get(&format!("{USERS}/ops")).await.json, made.json);
    let ops = at.stranger().basic("ops", PASSWORD);
    assert_eq!(ops.get(TOKENS).await.status, 200);
    let changed = admin.patch(&format!("{USERS}/ops"), &json!({ "role": "viewer", "limits": "any" })).await;
    assert_eq!((changed.status, &changed.json["role"]), (200, &json!("viewer")));
    let refused = ops.post(TOKENS, &json!({})).await;
    assert_eq!((refused.status, refused.code()), (403, "forbidden"), "on the very next request");
    assert!(refused.text.contains("operator"), "{}", refused.text);
    let same = admin.patch(&format!("{USERS}/ops"), &json!({ "role": "viewer" })).await;
    assert_eq!(same.json, changed.json);
    let first = admin.get(&format!("{USERS}?limit=1")).await.json;
    assert_eq!(first["items"][0]["username"], "admin");
    let rest = admin.get(&format!("{USERS}?limit=1&cursor={}", first["next"].as_str().unwrap())).await.json;
    assert_eq!((&rest["items"][0]["username"], &rest["next"]), (&json!("ops"), &json!(null)));
    let wrong = admin.get(&format!("{KEYS}?cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((wrong.status, fields(&wrong)), (400, vec!["cursor".to_owned()]));
    let gone = admin.delete(&format!("{USERS}/ops")).await;
    assert_eq!((gone.status, &gone.json["api_keys_deleted"]), (200, &json!(0)));
    assert_eq!(ops.get(TOKENS).await.status, 401);
    for path in [format!("{USERS}/ops"), format!("{USERS}/Not%20A%20Name")] {
        assert_eq!(admin.get(&path).await.status, 404);
        assert_eq!(admin.delete(&path).await.status, 404);
    }
    for (action, count) in [("user_created", 1), ("user_changed", 1), ("user_deleted", 1)] {
        assert_eq!(at.entries(action).await, count, "{action}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_in_a_user_is_reported() {
    let at = Running::start().await;
    let wrong = json!({
        "username": "Not A Name", "password": "Password1234", "role": "king", "colour": 1,
        "limits": { "roles": ["no-such-role"] },
    });
    let said = at.admin().post(USERS, &wrong).await;
    assert_eq!(said.status, 400);
    assert_eq!(fields(&said), ["colour", "username", "password", "role", "limits.roles"]);
    assert!(!said.text.contains("Password1234"), "{}", said.text);
    for (password, what) in [
        ("tiny", "shorter"),
        (&"x7".repeat(65), "longer"),
        ("ops.team2026!!", "tried first"),
        ("iloveyousomuch99", "tried first"),
        ("tab\tin the middle of it", "control"),
    ] {
        let user = json!({ "username": "ops.team", "password": password, "role": "viewer" });
        let said = at.admin().post(USERS, &user).await;
        assert_eq!((said.status, fields(&said)), (400, vec!["password".to_owned()]));
        assert!(said.text.contains(what) && !said.text.contains(password), "{}", said.text);
    }
    for wrong in
        [json!({ "limits": null }), json!({ "limits": { "rolls": [] } }), json!({ "disabled": "yes" })]
    {
        assert_eq!(at.admin().patch(&format!("{USERS}/admin"), &wrong).await.status, 400, "{wrong}");
    }
    at.user("ops", PASSWORD, "viewer").await;
    let again = json!({ "username": "ops", "password": PASSWORD, "role": "admin" });
    let said = at.admin().post(USERS, &again).await;
    assert_eq!((said.status, said.code()), (409, "user_exists"));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_stays() {
    let at = Running::start().await;
    let admin = at.admin();
    let limited = json!({ "username": "limited", "password": PASSWORD, "role": "admin", "limits": {} });
    assert_eq!(admin.post(USERS, &limited).await.status, 201);
    for body in [json!({ "disabled": true }), json!({ "role": "operator" }), json!({ "limits": {} })] {
        let said = admin.patch(&format!("{USERS}/admin"), &body).await;
        assert_eq!((said.status, said.code()), (409, "last_admin"), "{body}");
    }
    let said = admin.delete(&format!("{USERS}/admin")).await;
    assert_eq!((said.status, said.code()), (409, "last_admin"));
    assert_eq!(admin.get(USERS).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_called_as_the_ledger_calls_gatepass_itself() {
    let at = Running::start().await;
    for username in ["local", "system", "bearer", "anyone"] {
        let user = json!({ "username": username, "password": PASSWORD, "role": "viewer" });
        let said = at.admin().post(USERS, &user).await;
        assert_eq!((said.status, fields(&said)), (400, vec!["username".to_owned()]), "{}", said.text);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_and_their_keys_are_refused() {
    let at = Running::start().await;
    at.user("ops", PASSWORD, "operator").await;
    let ops = at.stranger().basic("ops", PASSWORD);
    let key = at.api_key(&ops, json!({ "scopes": ["tokens:write", "tokens:read"] })).await;
    let key = at.stranger().bearer(key["api_key"].as_str().unwrap());
    assert_eq!((ops.get(TOKENS).await.status, key.get(TOKENS).await.status), (200, 200));
    at.admin().patch(&format!("{USERS}/ops"), &json!({ "disabled": true })).await;
    for refused in [ops.post(TOKENS, &json!({})).await, key.post(TOKENS, &json!({})).await] {
        assert_eq!((refused.status, refused.code()), (401, "unauthenticated"), "{}", refused.text);
    }
    let enabled = at.admin().patch(&format!("{USERS}/ops"), &json!({ "disabled": false })).await;
    assert_eq!(enabled.json["disabled_at"], json!(null));
    assert_eq!((ops.get(TOKENS).await.status, key.get(TOKENS).await.status), (200, 200));
    assert_eq!((at.entries("user_disabled").await, at.entries("user_enabled").await), (1, 1));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_changes_and_an_admin_resets_a_password() {
    let at = Running::start().await;
    at.user("ops", PASSWORD, "viewer").await;
    let ops = |password: &str| at.stranger().basic("ops", password);
    let (second, third) = ("a second one of them", "a third one of them");
    let change = |current: &str, new: &str| json!({ "current": current, "new": new });
    let wrong = ops(PASSWORD).post("/api/v1/password", &change("wrong horse battery", "short")).await;
    assert_eq!((wrong.status, fields(&wrong)), (400, vec!["new".to_owned(), "current".to_owned()]));
    let said = ops(PASSWORD).post("/api/v1/password", &change(PASSWORD, second)).await;
    assert_eq!((said.status, said.text.as_str()), (204, ""), "{}", said.text);
    assert_eq!((ops(PASSWORD).get(TOKENS).await.status, ops(second).get(TOKENS).await.status), (401, 200));
    let said = at.admin().put(&format!("{USERS}/ops/password"), &json!({ "password": third })).await;
    assert_eq!(said.status, 204, "{}", said.text);
    assert_eq!((ops(second).get(TOKENS).await.status, ops(third).get(TOKENS).await.status), (401, 200));
    let said = at.admin().put(&format!("{USERS}/nobody/password"), &json!({ "password": third })).await;
    assert_eq!(said.status, 404);
    let said = at.admin().post(&format!("{USERS}/ops/sign-out"), &json!({})).await;
    assert_eq!(said.status, 204);
    assert_eq!(ops(third).get(TOKENS).await.status, 200, "signing out is not disabling");
    assert_eq!((at.entries("password_set").await, at.entries("user_signed_out").await), (3, 1));
    let all = format!("{:?}", at.ledger().await);
    assert!([PASSWORD, second, third].iter().all(|password| !all.contains(password)));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_user_deletes_their_keys() {
    let at = Running::start().await;
    at.user("ops", PASSWORD, "operator").await;
    let ops = at.stranger().basic("ops", PASSWORD);
    let limits = json!({ "persistent": true, "max_ttl": "any", "max_uses": "any" });
    let key = at.api_key(&ops, json!({ "scopes": ["tokens:write"], "limits": limits })).await;
    let key = at.stranger().bearer(key["api_key"].as_str().unwrap());
    let tokens = [
        ops.post(TOKENS, &json!({})).await.json,
        key.post(TOKENS, &json!({ "persistent": true })).await.json,
    ];
    let gone = at.admin().delete(&format!("{USERS}/ops?tokens=revoke")).await;
    assert_eq!(
        (gone.status, &gone.json["api_keys_deleted"], &gone.json["tokens_revoked"]),
        (200, &json!(1), &json!(2))
    );
    for token in &tokens {
        assert_eq!(at.token(token["token_id"].as_str().unwrap()).await["state"], "revoked");
        let host = crate::support::Host::new();
        let refused = at.stranger().bearer(&authority::token_of(token));
        let refused = refused.post("/api/v1/bootstrap", &json!({ "csr": host.csr() })).await;
        assert_eq!((refused.status, refused.code()), (410, "token_revoked"));
    }
    assert_eq!(key.get(TOKENS).await.status, 401);
    let wrong = at.admin().delete(&format!("{USERS}/ops?tokens=keep")).await;
    assert_eq!(wrong.status, 400);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn null_in_a_change_of_a_user_is_400() {
    let at = Running::start().await;
    at.user("ops", "correct horse battery staple 2", "operator").await;
    for member in ["role", "disabled", "limits"] {
        let said = at.admin().patch("/api/v1/users/ops", &json!({ member: null })).await;
        assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!(member)), "{}", said.text);
    }
    at.stop().await;
}
