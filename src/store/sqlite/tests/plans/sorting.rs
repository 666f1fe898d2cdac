//! Sorted lists walk the index of their order. Only few rows are read whole and sorted.

use super::*;
use crate::store::sqlite::read::ListStatement;

/// Sorted lists with the column that each walks, under filters with indexes of their own.
#[test]
fn every_order_walks_its_index_and_sorts_nothing() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    let expect = |list: ListStatement, index: &str, column: &str| {
        for sql in list.statements() {
            expect_walk(&connection, &sql, &format!("SEARCH {index} (({column}"));
        }
    };
    let of_tokens =
        |by, direction, filter: TokenFilter| TokenFilter { sort: Sorting { by, direction }, ..filter };
    let of_hosts =
        |by, direction, filter: HostFilter| HostFilter { sort: Sorting { by, direction }, ..filter };
    let search = Search::parse("rack");
    for direction in [Direction::Asc, Direction::Desc] {
        for (filter, _) in
            token_filters().into_iter().filter(|(filter, _)| filter.token_type == TokenType::Enrollment)
        {
            // The start of live ones is another plan.
            let filter = TokenFilter { states: None, search: search.clone(), ..filter };
            let filter = of_tokens(TokenSort::Expires, direction, filter);
            let list = tokens::select(&filter, None, Way::Order);
            expect(list, "m USING INDEX mints_in_order_of_expiry", "sort_expiry,token)");
        }
        for (by, index, column) in [
            (HostSort::Name, "h USING INDEX hosts_in_order_of_name", "sort_name,host)"),
            (HostSort::LastSeen, "h USING INDEX hosts_in_order_of_contact", "sort_seen,host)"),
            (HostSort::Expires, "h USING INDEX hosts_by_end", "ends_at,host)"),
        ] {
            for (filter, _) in host_filters() {
                let filter = HostFilter { search: search.clone(), ..filter };
                let list = hosts::select(&of_hosts(by, direction, filter), None, Way::Order);
                expect(list, index, column);
            }
        }
    }
}

#[test]
fn live_rows_are_a_range_of_the_expiries() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    let sort = Sorting { by: TokenSort::Expires, direction: Direction::Desc };
    let every = TokenFilter::every(TokenType::Enrollment, EndedTokens::All, NOW);
    let states = Some(TokenState::LIVE.to_vec());
    let live = TokenFilter { states, sort, ..every };
    for sql in tokens::select(&live, None, Way::Order).statements() {
        expect_walk(&connection, &sql, "SEARCH m USING INDEX mints_in_order_of_expiry (");
        assert!(plan(&connection, &sql)[0].contains("(sort_expiry,token)<(?,?)"), "{sql}");
    }
}

/// The rows of a search are counted, and read if they are few. Only those are sorted.
#[test]
fn a_search_walks_the_index_of_each_text() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    let walks = |list: ListStatement, indexes: &[&str]| {
        for sql in list.statements_of_few() {
            let steps = plan(&connection, &sql);
            for index in indexes {
                let walks = |step: &&String| step.starts_with("SEARCH s ") && step.contains(index);
                assert!(steps.iter().any(|step| walks(&step)), "{index}: {steps:#?}");
            }
            let scans = |step: &&String| {
                step.starts_with("SCAN ") && !["SCAN f", "SCAN few"].contains(&step.as_str())
            };
            assert_eq!(steps.iter().find(scans), None, "{sql}");
        }
    };
    let search = Search::parse("rack");
    let sort = Sorting { by: TokenSort::Expires, direction: Direction::Asc };
    let every = TokenFilter::every(TokenType::Enrollment, EndedTokens::All, NOW);
    let filter = TokenFilter { search: search.clone(), sort, minter: Some("user:admin".to_owned()), ..every };
    let list = tokens::select(&filter, None, Way::Search);
    walks(
        list,
        &["mints_by_label (<expr>>? AND <expr><?)", "mints_by_short_id (<expr>=?)", "PRIMARY KEY (token=?)"],
    );
    let sort = Sorting { by: HostSort::LastSeen, direction: Direction::Desc };
    let filter = HostFilter { search, sort, ..HostFilter::every(None, NOW) };
    let indexes = [
        "hosts_by_label (<expr>>? AND <expr><?)",
        "hosts_by_hostname (<expr>>? AND <expr><?)",
        "hosts_by_name (name>? AND name<?)",
        "hosts_by_short_id (<expr>=?)",
        "PRIMARY KEY (host=?)",
    ];
    walks(hosts::select(&filter, None, Way::Search), &indexes);
}

/// Few rows of a condition are read by its index, and then sorted.
#[test]
fn few_rows_are_read_by_the_conditions_index() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let connection = Connection::open(&disk.path).unwrap();
    for (filter, walk) in host_filters().into_iter().skip(1) {
        let sort = Sorting { by: HostSort::Expires, direction: Direction::Asc };
        let [read, count] =
            hosts::select(&HostFilter { sort, ..filter }, None, Way::Condition).statements_of_few();
        let walk = format!("SEARCH {walk}").replace(" AND host", "");
        for sql in [read, count] {
            let steps = plan(&connection, &sql);
            let walked = |step: &String| step.replace("COVERING ", "").starts_with(&walk);
            let whole = |step: &String| walk.contains("revoked_hosts") && step.contains("revoked_hosts");
            assert!(steps.iter().any(|step| walked(step) || whole(step)), "{walk}\n{sql}\n{steps:#?}");
        }
    }
}
