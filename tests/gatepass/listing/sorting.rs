//! Order and search of lists, in the API and on the command line.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::process::gatepass;
use crate::support::{Host, Process, Running};

const TOKENS: &str = "/api/v1/enrollment-tokens";
const HOSTS: &str = "/api/v1/hosts";

/// This member of the items of all pages.
async fn listed(at: &Running, list: &str, query: &str, member: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let said = at.admin().get(&format!("{list}?{query}{cursor}")).await;
        assert_eq!(said.status, 200, "{query}: {}", said.text);
        found.extend(said.json["items"].as_array().unwrap().iter().map(|item| item[member].clone()));
        match said.json["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_sorted_and_searched() {
    let at = Running::start().await;
    for (label, ttl) in [("Rack 1", "3h"), ("rack 2", "1h"), ("attic", "2h"), ("rack_3", "1h")] {
        at.mint(json!({ "label": label, "ttl": ttl })).await;
        at.clock.advance(Duration::from_secs(1));
    }
    let ephemeral = "persistent=false&limit=1";
    for (query, expected) in [
        ("", ["rack_3", "attic", "rack 2", "Rack 1"]),
        ("sort=-created", ["rack_3", "attic", "rack 2", "Rack 1"]),
        ("sort=created", ["Rack 1", "rack 2", "attic", "rack_3"]),
        ("sort=expires", ["rack 2", "rack_3", "attic", "Rack 1"]),
        ("sort=expires&state=pending", ["rack 2", "rack_3", "attic", "Rack 1"]),
        ("sort=-expires&state=pending,active", ["Rack 1", "attic", "rack_3", "rack 2"]),
    ] {
        assert_eq!(listed(&at, TOKENS, &format!("{query}&{ephemeral}"), "label").await, expected, "{query}");
    }
    let last = listed(&at, TOKENS, "sort=expires&limit=2", "expires_at").await;
    assert!(last.len() == 6 && last[5].is_null() && last[4].is_null(), "{last:?}");
    assert_eq!(
        listed(&at, TOKENS, "search=RACK&sort=expires&limit=2", "label").await,
        ["rack 2", "rack_3", "Rack 1"]
    );
    assert_eq!(listed(&at, TOKENS, "search=rack_", "label").await, ["rack_3"]);
    assert_eq!(listed(&at, TOKENS, "search=%25", "label").await, Vec::<Value>::new());
    let id = listed(&at, TOKENS, "search=attic", "id").await.remove(0);
    let id = id.as_str().unwrap();
    for search in [id, &id[28..], &id.to_uppercase()] {
        assert_eq!(listed(&at, TOKENS, &format!("search={search}"), "label").await, ["attic"], "{search}");
    }
    at.stop().await;
}

/// A cursor holds a position of one order.
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_order_is_refused() {
    let at = Running::start().await;
    for _ in 0..3 {
        at.mint(json!({})).await;
    }
    let first = at.admin().get(&format!("{TOKENS}?limit=1&sort=expires")).await;
    let cursor = first.json["next"].as_str().unwrap().to_owned();
    let page = at.admin().get(&format!("{TOKENS}?limit=2&sort=expires&cursor={cursor}")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    for other in ["", "sort=created", "sort=-expires", "sort=expires&search=rack"] {
        let said = at.admin().get(&format!("{TOKENS}?{other}&cursor={cursor}")).await;
        assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("cursor")), "{other}");
    }
    let long = "x".repeat(129);
    let wrong = [
        (format!("{TOKENS}?sort=label"), "sort"),
        (format!("{TOKENS}?sort=last_seen"), "sort"),
        (format!("{HOSTS}?sort=created"), "sort"),
        (format!("{HOSTS}?order=asc"), "order"),
        (format!("{HOSTS}?sort=--name"), "sort"),
        (format!("{HOSTS}?search=%20"), "search"),
        (format!("{TOKENS}?search={long}"), "search"),
        (String::from("/api/v1/service-tokens?sort=created"), "sort"),
    ];
    for (path, field) in wrong {
        let said = at.admin().get(&path).await;
        assert_eq!(
            (said.status, &said.json["fields"][0]["field"]),
            (400, &json!(field)),
            "{path}: {}",
            said.text
        );
    }
    let faults = at.admin().get(&format!("{HOSTS}?sort=x&search=%20&state=z")).await;
    assert_eq!(faults.json["fields"].as_array().map(Vec::len), Some(3), "{}", faults.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_sorted_and_searched() {
    let at = Running::start().await;
    let token = token_of(&at.mint(json!({ "max_uses": null, "ttl": "24h" })).await);
    let mut ids = Vec::new();
    for label in ["Web 1", "db", "web 2"] {
        at.clock.advance(Duration::from_secs(60));
        let enrolled = Host::new().redeem(&at, &token).await.json;
        let id = enrolled["host_id"].as_str().unwrap().to_owned();
        let changed = at.admin().patch(&format!("{HOSTS}/{id}"), &json!({ "label": label })).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        ids.push(id);
    }
    let newest_last = ["Web 1", "db", "web 2"];
    for (query, expected) in [
        ("sort=enrolled", newest_last),
        ("sort=last_seen", newest_last),
        ("sort=expires&state=live", newest_last),
        ("sort=name", newest_last),
    ] {
        assert_eq!(listed(&at, HOSTS, &format!("{query}&limit=2"), "label").await, expected, "{query}");
    }
    let found = listed(&at, HOSTS, "search=WEB&sort=-last_seen&limit=1", "label").await;
    assert_eq!(found, ["web 2", "Web 1"]);
    assert_eq!(listed(&at, HOSTS, &format!("search={}", &ids[1][28..]), "label").await, ["db"]);
    let csv = at.admin().get(&format!("{HOSTS}?format=csv&sort=last_seen&search=web&limit=1")).await;
    assert!(csv.text.contains("Web 1") && !csv.text.contains("web 2"), "{}", csv.text);
    let link = csv.headers["link"].to_str().unwrap();
    assert!(link.contains("sort=last_seen&search=web"), "{link}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_sort_and_search() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    for (label, ttl) in [("rack 1", "2h"), ("attic", "3h"), ("Rack 2", "1h")] {
        server.told(&["token", "create", "--label", label, "--ttl", ttl, "--quiet"]);
    }
    let labels = |args: &[&str]| {
        let list = server.told(&[&["token", "list", "--ephemeral", "-o", "json"], args].concat());
        let items: Value = serde_json::from_str(&list).unwrap();
        let items = items.as_array().unwrap().iter();
        items.map(|item| item["label"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(labels(&["--sort", "expires"]), ["Rack 2", "rack 1", "attic"]);
    assert_eq!(labels(&["--sort", "-expires", "--limit", "1"]), ["attic"]);
    assert_eq!(labels(&["--search", "rack", "--sort", "created"]), ["rack 1", "Rack 2"]);
    let none = server.told(&["host", "list", "--search", "web", "--sort", "name", "-o", "json"]);
    assert_eq!(none.trim(), "[]");
    for wrong in [
        &["token", "list", "--service", "--search", "x"][..],
        &["host", "list", "--watch", "--sort", "name"],
        &["host", "list", "--sort", "colour"],
    ] {
        let mut command = gatepass();
        let output = command.args(wrong).arg("--data-dir").arg(&server.data_dir).output().unwrap();
        assert!(!output.status.success(), "{wrong:?}");
    }
    server.stop().await;
}
