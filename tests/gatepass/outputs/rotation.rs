//! `gatepass keys rotate --use seal`.

use std::fs;

use super::*;
use crate::support::database;
use crate::support::fleet::{Member, POLICY};

const ROTATE: &str = "/api/v1/signing-keys/rotate";

/// The files of the seal's keys.
fn files(at: &Running) -> Vec<String> {
    let names = fs::read_dir(at.data_dir().join("keys")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("seal")).collect()
}

/// The sealed secrets of the database, with the numbers of their keys.
fn sealed(at: &Running) -> Vec<(u32, Vec<u8>)> {
    let reader = database::reader(at.data_dir());
    let mut rows = reader.prepare("SELECT seal, sealed FROM output_secrets ORDER BY output, field").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_seals_every_secret_again() {
    let at = Running::start().await;
    let outputs = [create(&at, &kafka("events", "hunter2")).await, create(&at, &kafka("other", "x")).await];
    let ids = outputs.map(|output| output["id"].clone());
    let edge = at.admin().post("/api/v1/policies", &json!({ "name": "edge", "outputs": ids })).await.json;
    let member = Member::of(&at, &edge).await;
    let before = (member.client.get(POLICY).await.json, sealed(&at));
    assert_eq!(files(&at), ["seal-1.key"]);
    let said = at.admin().post(ROTATE, &json!({ "use": "seal" })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let keys = said.json["items"].as_array().unwrap().iter().filter(|key| key["use"] == "seal");
    let keys = keys.map(|key| (key["id"].clone(), key["state"].clone())).collect::<Vec<_>>();
    assert_eq!(keys, [(json!("seal-2"), json!("current"))]);
    assert_eq!(files(&at), ["seal-2.key"]);
    let after = sealed(&at);
    assert!(
        before
            .1
            .iter()
            .zip(&after)
            .all(|(before, after)| before.0 == 1 && after.0 == 2 && before.1 != after.1)
    );
    assert_eq!(member.client.get(POLICY).await.json, before.0, "hosts notice nothing");
    let ledger = at.ledger().await;
    let entry = ledger.iter().find(|entry| entry["action"] == "key_rotated").unwrap();
    assert_eq!((&entry["detail"]["seal_key"], &entry["detail"]["secrets"]), (&json!("seal-2"), &json!(2)));
    let at = at.restart().await;
    assert_eq!(sealed(&at), after);
    // New secrets are sealed with the new key.
    create(&at, &kafka("third", "y")).await;
    assert!(sealed(&at).iter().all(|(key, _)| *key == 2));
    at.stop().await;
}

/// A row of the database that somebody moved, or a lost key, is noticed and repaired by setting the secret again.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_does_not_open_is_reported() {
    let at = Running::start().await;
    let events = create(&at, &kafka("events", "hunter2")).await;
    let other = create(&at, &kafka("other", "correct horse")).await;
    let edge = json!({ "name": "edge", "outputs": [events["id"]] });
    let edge = at.admin().post("/api/v1/policies", &edge).await.json;
    let member = Member::of(&at, &edge).await;
    let hex = |output: &Value| output["id"].as_str().unwrap().replace('-', "");
    let (one, another) = (hex(&events), hex(&other));
    let exchange = format!(
        "UPDATE output_secrets SET sealed = (SELECT sealed FROM output_secrets WHERE output = x'{another}') \
         WHERE output = x'{one}'"
    );
    database::execute(at.data_dir(), &exchange);
    for said in [member.client.get(POLICY).await, at.admin().post(ROTATE, &json!({ "use": "seal" })).await] {
        assert_eq!((said.status, said.code()), (503, "keys_unavailable"), "{}", said.text);
        assert!(
            said.text.contains(events["id"].as_str().unwrap()) && !said.text.contains("horse"),
            "{}",
            said.text
        );
    }
    assert_eq!(files(&at), ["seal-1.key"], "the new key is destroyed");
    let said = at.admin().patch(&at_id(&events), &json!({ "password": "again" })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(member.client.get(POLICY).await.json["outputs"][0]["password"], "again");
    assert_eq!(at.admin().post(ROTATE, &json!({ "use": "seal" })).await.status, 200);
    at.stop().await;
}
