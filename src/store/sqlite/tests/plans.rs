//! Lists of any length are read page by page: each statement walks an index from its cursor on, and sorts nothing.

use super::*;
use crate::store::sqlite::act::ending::MAKE_MINTED_DUE;
use crate::store::sqlite::act::redeem::IS_VOUCHED_FOR;
use crate::store::sqlite::read::{accounts, entries, hosts, tokens};

/// How SQLite goes about it, a line for each step.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get(3).unwrap());
    }
    steps
}

/// A statement; the table and the index that it has to walk, and from where.
fn lists() -> [(&'static str, &'static str, &'static str); 9] {
    [
        (tokens::listing(TokenKind::Enrollment, false), "SEARCH m USING PRIMARY KEY", "(token<?)"),
        (
            tokens::listing(TokenKind::Enrollment, true),
            "SEARCH m USING INDEX mints_by_minter",
            "(minter=? AND token<?)",
        ),
        (tokens::listing(TokenKind::Service, false), "SEARCH m USING INDEX service_mints", "(token<?)"),
        (hosts::listing(false), "SEARCH h USING PRIMARY KEY", "(host<?)"),
        (hosts::listing(true), "SEARCH h USING INDEX hosts_by_token", "(token=? AND host<?)"),
        // The key of a table with row ids is an index beside it.
        (entries::NEWEST, "SEARCH ledger USING", "(chain=? AND seq<?)"),
        (accounts::USERS, "SEARCH users USING", "(name>?)"),
        (accounts::API_KEYS, "SEARCH k USING", "(id<?)"),
        (accounts::API_KEYS_OF_OWNER, "SEARCH k USING INDEX api_keys_by_owner", "(owner=? AND id<?)"),
    ]
}

#[test]
fn every_list_walks_an_index_from_its_cursor_and_sorts_nothing() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    for (sql, walk, from) in lists() {
        let steps = plan(&connection, sql);
        assert!(steps[0].starts_with(walk) && steps[0].ends_with(from), "{sql}\n{walk}\n{steps:#?}");
        // The one row of `meta` is read whole.
        let slow = |step: &&String| {
            (step.starts_with("SCAN ") && *step != "SCAN meta") || step.contains("TEMP B-TREE")
        };
        assert_eq!(steps.iter().find(slow), None, "{sql}");
    }
}

#[test]
fn what_is_due_and_what_somebody_minted_is_found_by_an_index() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    let due = plan(&connection, tokens::NEXT_DUE);
    assert!(due[0].contains("mints_to_revoke"), "{due:#?}");
    let vouched = plan(&connection, IS_VOUCHED_FOR);
    assert!(
        vouched.iter().all(|step| !step.contains("SCAN") || step.starts_with("SCAN CONSTANT")),
        "{vouched:#?}"
    );
    assert!(
        vouched.iter().any(|step| step.starts_with("SEARCH m") && step.contains("(token=?)")),
        "{vouched:#?}"
    );
    let minted = plan(&connection, MAKE_MINTED_DUE);
    for index in ["mints_by_minter (minter=?)", "mints_by_owner (owner=?)"] {
        assert!(
            minted.iter().any(|step| step.starts_with("SEARCH mints") && step.contains(index)),
            "{minted:#?}"
        );
    }
    assert!(!minted.iter().any(|step| step.starts_with("SCAN")), "{minted:#?}");
}
