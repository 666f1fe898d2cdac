//! Pages of a long list: nothing is shown twice or left out, and a cursor is good for one query only.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::support::{Running, database, inside};

const TOKENS: &str = "/api/v1/enrollment-tokens";
const MANY: i64 = 20_000;

/// Writes records of ephemeral tokens beside the server, like its newest one, each a millisecond before the next.
fn write_records(at: &Running, count: i64) {
    let connection = Connection::open(database::file(at.data_dir())).unwrap();
    connection.busy_timeout(Duration::from_secs(120)).unwrap();
    let sql = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1) \
               INSERT INTO mints (token, kid, issuer, label, roles, persistent, kind, minter, created_at, \
               expires_at, max_uses, dns_names, list, idx) \
               SELECT unhex(printf('%012x70008000%012x', ?2 - n, n)), kid, issuer, 'written ' || (n % 1000), roles, 0, 'one-time', \
               'user:admin', ?2 - n, ?2 + 900000, 1, dns_names, list, 100000 + n FROM number, \
               (SELECT * FROM mints ORDER BY token DESC LIMIT 1)";
    let now = at.clock_reading().millis();
    assert_eq!(connection.execute(sql, params![count, now]).unwrap() as i64, count);
}

/// Every id that the pages of `query` show, and how many pages there were.
async fn walk(at: &Running, query: &str) -> (Vec<String>, usize) {
    walk_and(at, query, async || ()).await
}

/// The same; `between` happens after each page, before the next.
async fn walk_and(at: &Running, query: &str, mut between: impl AsyncFnMut()) -> (Vec<String>, usize) {
    let (admin, mut ids, mut pages) = (at.admin(), Vec::new(), 0);
    let mut cursor = String::new();
    loop {
        let said = admin.get(&format!("{TOKENS}?{query}{cursor}")).await;
        assert_eq!(said.status, 200, "{}", said.text);
        pages += 1;
        for item in said.json["items"].as_array().unwrap() {
            ids.push(item["id"].as_str().unwrap().to_owned());
        }
        between().await;
        match said.json["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (ids, pages),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_every_token_exactly_once() {
    let at = Running::start().await;
    write_records(&at, MANY);
    let (before, _) = walk(&at, "limit=1000").await;
    assert_eq!(before.len() as i64, MANY + 2);
    let mut minted = 0;
    let mint = async || {
        for _ in 0..3 {
            at.clock.advance(Duration::from_millis(2));
            inside::mint(&at.authority, json!({})).await.unwrap();
            minted += 1;
        }
    };
    let (ids, pages) = walk_and(&at, "limit=250", mint).await;
    let once: BTreeSet<_> = ids.iter().cloned().collect();
    assert_eq!(once.len(), ids.len(), "nothing is shown twice");
    assert!(before.iter().all(|id| once.contains(id)), "nothing is left out");
    assert!(pages >= 80, "{pages}");
    let (after, _) = walk(&at, "limit=1000").await;
    assert_eq!((after.len() as i64, minted), (MANY + 2 + minted, 3 * pages as i64));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_gives_short_pages() {
    let at = Running::start().await;
    write_records(&at, 2 * MANY + 10);
    let (ids, pages) = walk(&at, "label=*ten%20777").await;
    assert_eq!((ids.len(), pages), (40, 3));
    let (ids, pages) = walk(&at, "label=nowhere*").await;
    assert_eq!((ids.len(), pages), (0, 3), "empty pages lead to the end too");
    let (ids, pages) = walk(&at, "label=written%20777").await;
    assert_eq!((ids.len(), pages), (40, 1), "an index finds a whole name");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_query_or_list_is_400() {
    let at = Running::start().await;
    let admin = at.admin();
    for _ in 0..3 {
        at.mint(json!({ "label": "a" })).await;
    }
    let cursor = async |path: &str| -> String {
        let said = admin.get(path).await;
        said.json["next"].as_str().expect("a page follows").to_owned()
    };
    let plain = cursor(&format!("{TOKENS}?limit=1")).await;
    let labelled = cursor(&format!("{TOKENS}?limit=1&label=a")).await;
    let ledger = cursor("/api/v1/ledger?limit=1").await;
    for (path, status) in [
        (format!("{TOKENS}?cursor={plain}"), 200),
        (format!("{TOKENS}?limit=7&cursor={plain}"), 200),
        (format!("{TOKENS}?label=a&cursor={labelled}"), 200),
        (format!("{TOKENS}?label=b&cursor={labelled}"), 400),
        (format!("{TOKENS}?cursor={labelled}"), 400),
        (format!("{TOKENS}?ended=true&cursor={plain}"), 400),
        (format!("/api/v1/service-tokens?cursor={plain}"), 400),
        (format!("/api/v1/hosts?cursor={plain}"), 400),
        (format!("/api/v1/ledger?cursor={plain}"), 400),
        (format!("/api/v1/ledger?cursor={ledger}"), 200),
        (format!("{TOKENS}?cursor={ledger}"), 400),
    ] {
        let said = admin.get(&path).await;
        assert_eq!(said.status, status, "{path}: {}", said.text);
        if status == 400 {
            assert_eq!(said.json["fields"][0]["field"], Value::from("cursor"));
        }
    }
    at.stop().await;
}
