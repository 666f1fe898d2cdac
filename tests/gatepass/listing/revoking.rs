//! Taking a token back with every host that came in by it.

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::{Host, Running};

const TOKENS: &str = "/api/v1/enrollment-tokens";

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_and_its_hosts_are_refused() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "max_uses": 10, "roles": ["proxy"] })).await;
    let (id, token) = (minted["token_id"].as_str().unwrap(), token_of(&minted));
    let mut clients = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let host = Host::new();
        let enrolled = host.redeem(&at, &token).await;
        ids.push(enrolled.json["host_id"].as_str().unwrap().to_owned());
        clients.push((host.client(&at, &enrolled.json), host));
    }
    let outsider = Host::new();
    let enrolled = outsider.redeem(&at, &at.mint_once().await).await;
    let outsider = outsider.client(&at, &enrolled.json);
    let admin = at.admin();
    admin.delete(&format!("/api/v1/hosts/{}", ids[2])).await;
    let before = at.ledger().await.len();

    let said = admin.delete(&format!("{TOKENS}/{id}?hosts=revoke")).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(said.json, json!({ "id": id, "state": "revoked", "changed": true, "hosts_revoked": 2 }));
    for (client, host) in &clients {
        let said = client.get("/api/v1/whoami").await;
        assert_eq!((said.status, said.code()), (403, "host_revoked"));
        let again = host.redeem(&at, &at.mint_once().await).await;
        assert_eq!(again.code(), "host_revoked", "its key enrolls under no token");
    }
    assert_eq!(outsider.get("/api/v1/whoami").await.status, 200);
    assert_eq!(Host::new().redeem(&at, &token).await.code(), "token_revoked");

    let ledger = at.ledger().await;
    let new: Vec<&Value> =
        ledger[..ledger.len() - before].iter().filter(|entry| entry["outcome"] == "done").collect();
    let of_host = |id: &str| {
        let entry = new.iter().find(|entry| entry["subjects"]["host"] == *id);
        entry.map(|entry| (entry["action"].clone(), entry["subjects"]["token"].clone()))
    };
    let expected = Some((json!("host_revoked"), json!(id)));
    assert_eq!((of_host(&ids[0]), of_host(&ids[1])), (expected.clone(), expected));
    assert_eq!(of_host(&ids[2]), None, "it had been revoked before");
    let of_token: Vec<_> = new.iter().filter(|entry| entry["action"] == "token_revoked").collect();
    assert_eq!(of_token.len(), 1);
    assert_eq!(of_token[0]["detail"]["hosts_revoked"], json!(2));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_a_spent_token_is_200() {
    let at = Running::start().await;
    let minted = at.mint(json!({})).await;
    let host = Host::new();
    let enrolled = host.redeem(&at, &token_of(&minted)).await;
    let client = host.client(&at, &enrolled.json);
    let (admin, path) = (at.admin(), format!("{TOKENS}/{}", minted["token_id"].as_str().unwrap()));
    let spent = admin.delete(&path).await;
    assert_eq!((spent.status, &spent.json["changed"]), (200, &json!(false)));
    assert_eq!(
        (&spent.json["state"], &admin.get(&path).await.json["state"]),
        (&json!("used"), &json!("used"))
    );
    let live = at.mint(json!({})).await;
    let other = format!("{TOKENS}/{}", live["token_id"].as_str().unwrap());
    for changed in [true, false] {
        let said = admin.delete(&other).await;
        assert_eq!(
            (said.status, &said.json["changed"], &said.json["state"]),
            (200, &json!(changed), &json!("revoked"))
        );
    }
    let together = json!({ "ids": [minted["token_id"]] });
    let none = admin.post(&format!("{TOKENS}/revoke"), &together).await;
    assert_eq!(none.json["revoked"], json!(0), "{}", none.text);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200, "its host stays");
    let before = at.ledger().await.len();
    let hosts = admin.delete(&format!("{path}?hosts=revoke")).await;
    assert_eq!((&hosts.json["changed"], &hosts.json["hosts_revoked"]), (&json!(false), &json!(1)));
    assert_eq!(client.get("/api/v1/whoami").await.code(), "host_revoked");
    assert_eq!(at.ledger().await.len(), before + 1, "the host's entry alone");
    let before = at.ledger().await.len();
    let nothing = admin.delete(&format!("{path}?hosts=revoke")).await;
    assert_eq!((nothing.status, &nothing.json["hosts_revoked"]), (200, &json!(0)));
    assert_eq!(at.ledger().await.len(), before);
    assert_eq!(admin.delete(&format!("{path}?hosts=keep")).await.status, 400);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unconfirmed_emergency_revocation_keeps_the_hosts() {
    let at = Running::start().await;
    let host = Host::new();
    let enrolled = host.redeem(&at, at.emergency_token.as_ref().unwrap()).await;
    let listed = at.admin().get(&format!("{TOKENS}?minter=system&label=emergency*")).await;
    let path = format!("{TOKENS}/{}", listed.json["items"][0]["id"].as_str().unwrap());
    let refused = at.admin().delete(&format!("{path}?hosts=revoke")).await;
    assert_eq!((refused.status, refused.code()), (409, "emergency_token"));
    let client = host.client(&at, &enrolled.json);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    let confirmed = at.admin().delete(&format!("{path}?hosts=revoke&confirm=emergency")).await;
    assert_eq!(confirmed.json["hosts_revoked"], json!(1));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_emergency_tokens_hosts_need_no_confirmation() {
    let at = Running::start().await;
    let token = at.emergency_token.clone().unwrap();
    let (one, two) = (Host::new(), Host::new());
    let first = one.redeem(&at, &token).await;
    let listed = at.admin().get(&format!("{TOKENS}?minter=system&label=emergency*")).await;
    let id = listed.json["items"][0]["id"].clone();
    let path = format!("{TOKENS}/{}", id.as_str().unwrap());
    let second = two.redeem(&at, &token).await;
    let revoked = at.admin().delete(&format!("{path}?confirm=emergency")).await;
    assert_eq!(revoked.json["changed"], json!(true));
    assert_eq!(one.client(&at, &first.json).get("/api/v1/whoami").await.status, 200);

    let together = format!("{TOKENS}/revoke");
    let body = json!({ "ids": [id], "hosts": "revoke", "dry_run": true });
    let counted = at.admin().post(&together, &body).await;
    assert_eq!((&counted.json["count"], &counted.json["hosts"]), (&json!(1), &json!(2)));
    at.admin().delete(&format!("/api/v1/hosts/{}", first.json["host_id"].as_str().unwrap())).await;
    let done = at.admin().post(&together, &json!({ "ids": [id], "hosts": "revoke" })).await;
    assert_eq!((done.status, &done.json["hosts_revoked"]), (200, &json!(1)), "{}", done.text);
    assert_eq!(two.client(&at, &second.json).get("/api/v1/whoami").await.code(), "host_revoked");
    let alone = at.admin().delete(&format!("{path}?hosts=revoke")).await;
    assert_eq!((alone.status, &alone.json["hosts_revoked"]), (200, &json!(0)));
    at.stop().await;
}
