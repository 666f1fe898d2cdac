//! Lists are read page by page: each statement walks an index from its cursor, and sorts nothing.

mod sorting;

use rusqlite::StatementStatus;

use super::*;
use crate::id::{ChainId, ShortId};
use crate::store::sqlite::act::NAME_TAKEN;
use crate::store::sqlite::act::deciding::ENDED;
use crate::store::sqlite::act::ending::{MAKE_AWAITED_DUE, MAKE_DUE_OF_POLICY, MAKE_MINTED_DUE};
use crate::store::sqlite::act::redeem::{IS_VOUCHED_FOR, IS_VOUCHED_FOR_BY_FLEET_KEY};
use crate::store::sqlite::read::{
    Way, accounts, enrollments, entries, hosts, opaque_keys, output_keys, outputs, policies, rules, tokens,
};
use crate::store::sqlite::{host_count, open};

/// The plan of a statement in SQLite, a line per step.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get(3).unwrap());
    }
    steps
}

/// A statement, the index that it must walk, and the start of the walk.
fn lists() -> [(&'static str, &'static str, &'static str); 3] {
    [
        (accounts::USERS, "SEARCH users USING", "(name>?)"),
        (accounts::API_KEYS, "SEARCH k USING", "(id<?)"),
        (accounts::API_KEYS_OF_OWNER, "SEARCH k USING INDEX api_keys_by_owner", "(owner=? AND id<?)"),
    ]
}

/// Number of times that SQLite prepared a cached statement again, after runs with several values.
fn prepared_again(connection: &Connection, sql: &str) -> i32 {
    for value in 0..3 {
        let mut statement = connection.prepare_cached(sql).unwrap();
        for index in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(index, value).unwrap();
        }
        let _ = statement.raw_query().next().unwrap();
    }
    connection.prepare_cached(sql).unwrap().get_status(StatementStatus::RePrepare)
}

/// Preparing takes longer than running. SQLite would do it whenever a value is bound that may change the plan.
#[test]
fn a_cached_statement_is_prepared_once() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let writer = open::open_writer(&disk.path, Fuse::Refused, 1024, migrate::MIGRATIONS).unwrap();
    let reader = open::open_reader(&disk.path).unwrap();
    let statements = [
        IS_VOUCHED_FOR,
        NAME_TAKEN,
        tokens::PAIR,
        hosts::REFUSED_KEY,
        enrollments::ENROLLMENT_OF,
        enrollments::ENROLLMENT_BY_ID,
        opaque_keys::OPAQUE_KEY,
    ];
    for sql in statements {
        for connection in [&writer.connection, &reader] {
            assert_eq!(prepared_again(connection, sql), 0, "{sql}");
        }
    }
}

const SHORT: ShortId = ShortId::from_bytes([7; 4]);

#[test]
fn a_start_counts_hosts_by_two_indexes() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let steps = plan(&Connection::open(&disk.path).unwrap(), host_count::LOAD);
    let steps: Vec<_> = steps.iter().filter(|step| step.contains("hosts")).collect();
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert!(steps[0].contains("COVERING INDEX hosts_by_end (ends_at>?)"), "{steps:?}");
    assert!(steps[1].contains("INDEX revoked_hosts"), "{steps:?}");
}

/// A list of outputs has the numbers of its keys, whatever their number.
#[test]
fn keys_are_counted_along_one_index() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let steps = plan(&Connection::open(&disk.path).unwrap(), output_keys::KEY_STATES);
    let walk = "SCAN output_keys USING COVERING INDEX output_keys_by_output";
    assert_eq!(
        steps.iter().filter(|step| step.contains("output_keys")).collect::<Vec<_>>(),
        [walk],
        "{steps:#?}"
    );
}

/// A restore leaves chains of any length behind.
#[test]
fn several_chains_are_read_by_their_key() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    for (sql, walk) in [
        (format!("SELECT l.bytes {}", entries::AFTER), "((chain,seq)>(?,?))"),
        (entries::CHAIN_BEFORE.to_owned(), "(chain<?)"),
    ] {
        expect_walk(&connection, &sql, "SEARCH");
        assert!(plan(&connection, &sql)[0].ends_with(walk), "{:?}", plan(&connection, &sql));
    }
}

/// The charts of the overview read one range of a table, whatever was counted before.
#[test]
fn counters_are_read_by_their_range() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let steps = plan(&Connection::open(&disk.path).unwrap(), entries::COUNTERS);
    assert!(steps[0].contains("SEARCH hourly_counters USING PRIMARY KEY (begin_at>?)"), "{steps:?}");
}

/// Filters of tokens, each with the walk that it must take.
fn token_filters() -> Vec<(TokenFilter, &'static str)> {
    let every = TokenFilter::every(TokenType::Enrollment, EndedTokens::Since(NOW), NOW);
    let label = Some(NameFilter::new("rack".to_owned()));
    let role = crate::name::Role::parse("proxy").ok();
    let states = |states: &[TokenState]| Some(states.to_vec());
    vec![
        (every.clone(), "m USING INDEX enrollment_mints (token"),
        (
            TokenFilter { short_id: Some(SHORT), ..every.clone() },
            "m USING INDEX mints_by_short_id (<expr>=? AND token",
        ),
        (
            TokenFilter { token_type: TokenType::Service, ..every.clone() },
            "m USING INDEX service_mints (token",
        ),
        (TokenFilter { label, ..every.clone() }, "m USING INDEX mints_by_label (<expr>=? AND token"),
        (
            TokenFilter { minter: Some("user:admin".to_owned()), persistent: Some(true), ..every.clone() },
            "m USING INDEX mints_by_minter (minter=? AND token",
        ),
        (
            TokenFilter { kinds: Some(vec![TokenKind::Cluster]), ..every.clone() },
            "m USING INDEX mints_by_kind (kind=? AND token",
        ),
        (
            TokenFilter { batch: Some(crate::id::BatchId::generate(NOW)), ..every.clone() },
            "m USING INDEX mints_by_batch (batch=? AND token",
        ),
        (
            TokenFilter { policy: Some(PolicyId::generate(NOW)), ..every.clone() },
            "m USING INDEX mints_by_policy (policy=? AND token",
        ),
        (TokenFilter { role, ..every.clone() }, "r USING PRIMARY KEY (role=? AND token"),
        (TokenFilter { persistent: Some(true), ..every.clone() }, "m USING INDEX persistent_mints (token"),
        (TokenFilter { persistent: Some(false), ..every.clone() }, "m USING INDEX ephemeral_mints (token"),
        (
            TokenFilter { states: states(&[TokenState::Revoked]), ..every.clone() },
            "m USING INDEX ended_mints (token",
        ),
        (
            TokenFilter { states: states(&[TokenState::Suspended]), ..every.clone() },
            "m USING INDEX suspended_mints (token",
        ),
        (
            TokenFilter { states: states(&[TokenState::Used, TokenState::Exhausted]), ..every.clone() },
            "u USING PRIMARY KEY (token",
        ),
        (
            TokenFilter { states: states(&TokenState::LIVE), unused_since: Some(NOW), ..every },
            "m USING INDEX enrollment_mints (token",
        ),
    ]
}

/// Filters of hosts, each with the walk that it must take.
fn host_filters() -> Vec<(HostFilter, &'static str)> {
    let every = HostFilter::every(None, NOW);
    let with = |texts| HostFilter { texts, ..every.clone() };
    let name = Some(NameFilter::new("node.example.org".to_owned()));
    let label = Some(NameFilter::new("rack".to_owned()));
    let cluster = crate::name::Cluster::parse("eu-1").ok();
    let (token, role) = (Some(crate::id::TokenId::generate(NOW)), crate::name::Role::parse("proxy").ok());
    vec![
        (every.clone(), "h USING PRIMARY KEY (host"),
        (
            HostFilter { short_id: Some(SHORT), ..every.clone() },
            "h USING INDEX hosts_by_short_id (<expr>=? AND host",
        ),
        (with(HostTexts { name, ..HostTexts::ANY }), "h USING INDEX hosts_by_name (name=? AND host"),
        (
            with(HostTexts { hostname: label.clone(), ..HostTexts::ANY }),
            "h USING INDEX hosts_by_hostname (<expr>=? AND host",
        ),
        (with(HostTexts { label, ..HostTexts::ANY }), "h USING INDEX hosts_by_label (<expr>=? AND host"),
        (
            HostFilter { cluster, overdue: true, unseen_since: Some(NOW), ..every.clone() },
            "h USING INDEX hosts_by_cluster (cluster=? AND host",
        ),
        (HostFilter { token, ..every.clone() }, "h USING INDEX hosts_by_token (token=? AND host"),
        (HostFilter { role, ..every.clone() }, "r USING PRIMARY KEY (role=? AND host"),
        (
            HostFilter { states: Some(vec![HostState::Revoked]), ..every.clone() },
            "h USING INDEX revoked_hosts (host",
        ),
    ]
}

fn expect_walk(connection: &Connection, sql: &str, walk: &str) {
    let steps = plan(connection, sql);
    assert!(steps[0].replace("COVERING ", "").starts_with(walk), "{sql}\n{walk}\n{steps:#?}");
    // The one row of `meta` is read whole.
    let slow =
        |step: &&String| (step.starts_with("SCAN ") && *step != "SCAN meta") || step.contains("TEMP B-TREE");
    assert_eq!(steps.iter().find(slow), None, "{sql}");
}

#[test]
fn every_list_walks_an_index_and_sorts_nothing() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    for (sql, walk, from) in lists() {
        expect_walk(&connection, sql, walk);
        assert!(plan(&connection, sql)[0].ends_with(from), "{sql}");
    }
}

#[test]
fn every_filter_walks_the_index_of_its_rarest_condition() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    for after in [None, Some(7)] {
        let filter = EntryFilter { after, actor: Some("user:admin".to_owned()), ..EntryFilter::default() };
        for sql in entries::select(&filter, ChainId::generate(NOW), None).statements() {
            // The key of a table with row ids is an index beside it.
            expect_walk(&connection, &sql, "SEARCH l USING");
            assert!(plan(&connection, &sql)[0].contains("(chain=? AND seq"), "{sql}");
        }
    }
    for (filter, walk) in token_filters() {
        for sql in tokens::select(&filter, None, Way::Condition).statements() {
            expect_walk(&connection, &sql, &format!("SEARCH {walk}"));
        }
    }
    for (filter, walk) in host_filters() {
        for sql in hosts::select(&filter, None, Way::Condition).statements() {
            expect_walk(&connection, &sql, &format!("SEARCH {walk}"));
        }
    }
}

#[test]
fn the_hosts_of_rules_are_counted_by_an_index() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    expect_walk(
        &connection,
        rules::ADMITTED_BY_RULE,
        "SEARCH hosts USING INDEX hosts_by_rule (rule=? AND ends_at>?)",
    );
    let all = plan(&connection, rules::ADMITTED_BY_RULES);
    assert!(all.len() == 1 && all[0].contains("USING COVERING INDEX hosts_by_rule"), "{all:?}");
}

#[test]
fn indexes_find_hosts_and_tokens_of_policies() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    let one = "SEARCH hosts USING INDEX hosts_by_policy (policy=?)";
    expect_walk(&connection, policies::HOSTS_OF_POLICY, one);
    for sql in [MAKE_DUE_OF_POLICY, policies::TOKENS_OF_POLICY] {
        let tokens = plan(&connection, sql);
        assert!(tokens[0].contains("SEARCH mints USING INDEX mints_by_policy (policy=?)"), "{tokens:#?}");
        assert!(!tokens.iter().any(|step| step.starts_with("SCAN")), "{tokens:#?}");
    }
}

#[test]
fn indexes_find_the_outputs_of_a_policy() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    for sql in [outputs::OUTPUTS_OF_POLICY, outputs::OUTPUTS_REVISION, outputs::POLICIES_OF_OUTPUT] {
        let steps = plan(&connection, sql);
        assert!(steps.iter().all(|step| !step.contains("SCAN")), "{steps:#?}");
    }
}

#[test]
fn due_tokens_and_those_of_a_minter_are_indexed() {
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
    let by_key = plan(&connection, IS_VOUCHED_FOR_BY_FLEET_KEY);
    assert!(
        by_key.iter().all(|step| !step.contains("SCAN") || step.starts_with("SCAN CONSTANT")),
        "{by_key:#?}"
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

/// Filters of enrollments, each with the walk that it must take.
fn enrollment_filters() -> Vec<(EnrollmentFilter, &'static str)> {
    let of = |states: &[EnrollmentState]| EnrollmentFilter {
        short_id: None,
        states: Some(states.to_vec()),
        token: None,
        cluster: crate::name::Cluster::parse("eu-1").ok(),
        role: crate::name::Role::parse("proxy").ok(),
        now: NOW,
    };
    vec![
        (of(&[EnrollmentState::Waiting]), "e USING INDEX enrollments_by_state (state=? AND enrollment"),
        (of(&[EnrollmentState::Denied]), "e USING INDEX enrollments_by_state (state=? AND enrollment"),
        (of(&[EnrollmentState::Ended, EnrollmentState::Expired]), "e USING PRIMARY KEY (enrollment"),
    ]
}

#[test]
fn enrollments_are_found_by_an_index() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    let found = plan(&connection, enrollments::ENROLLMENT_OF);
    assert!(found[0].contains("INDEX enrollments_by_key (key=?)"), "{found:#?}");
    for sql in [ENDED, MAKE_AWAITED_DUE, enrollments::WAITING, enrollments::ENROLLMENT_OF] {
        let steps = plan(&connection, sql);
        assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{sql}\n{steps:#?}");
    }
    for (filter, walk) in enrollment_filters() {
        for sql in enrollments::select(&filter, Some(crate::id::EnrollmentId::generate(NOW))).statements() {
            expect_walk(&connection, &sql, &format!("SEARCH {walk}"));
        }
    }
}
