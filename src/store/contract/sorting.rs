//! Sorted lists and searches, each along an index and by sorting few rows.

use strum::VariantArray as _;

use super::world::*;
use crate::id::{HostId, TokenId};
use crate::ledger::Action;
use crate::name::{DnsName, Label};
use crate::store::*;
use crate::wire::HostReport;

/// Numbers of judged rows: few rows are sorted with the first one, none with the second one.
const WAYS: [u32; 2] = [MOST_LOOKED_AT, 3];

/// The tokens of all pages, in the order of the list.
async fn tokens(world: &World, filter: &TokenFilter, limit: u32, look_at: u32) -> Vec<TokenId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let query = PageQuery { after, limit, look_at };
        let page = world.store().list_tokens(filter.clone(), query).await.unwrap();
        found.extend(page.items.into_iter().map(|token| token.mint.token.id));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// The hosts of all pages, in the order of the list.
async fn hosts(world: &World, filter: &HostFilter, limit: u32, look_at: u32) -> Vec<HostId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let query = PageQuery { after, limit, look_at };
        let page = world.store().list_hosts(filter.clone(), query).await.unwrap();
        found.extend(page.items.into_iter().map(|host| host.id));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

async fn minted(world: &mut World, label: &str) -> MintRecord {
    let record = world.persistent(None);
    world.mint(MintRecord { label: Label::parse(label).unwrap(), ..record }).await
}

async fn report(world: &World, host: HostId, hostname: &str, label: Option<&str>) {
    let (hostname, label) = (Some(hostname.to_owned()), label.map(str::to_owned));
    let report = HostReport { hostname, label, ..HostReport::default() };
    let replaces_until = world.now.minus(HOUR);
    world.store().record_report(RecordReport { host, report, at: world.now, replaces_until }).await.unwrap();
}

async fn enroll_named(world: &World, token: &MintRecord, name: Option<&str>) -> HostId {
    let mut redeem = world.redemption(token, new_key());
    redeem.admission.host.name = name.map(|name| DnsName::parse(name).unwrap());
    let id = redeem.admission.certificate.host;
    assert_eq!(world.store().redeem(redeem).await.unwrap(), Redeemed::First);
    id
}

/// Sorts by a value and then by id, in this direction.
fn in_order<Id: Ord, V: Ord>(mut rows: Vec<(V, Id)>, direction: Direction) -> Vec<Id> {
    rows.sort();
    if direction == Direction::Desc {
        rows.reverse();
    }
    rows.into_iter().map(|(_, id)| id).collect()
}

fn every(world: &World) -> TokenFilter {
    TokenFilter::every(TokenType::Enrollment, EndedTokens::All, world.now)
}

fn search(text: &str) -> Option<Search> {
    Some(Search::parse(text).unwrap())
}

/// Nine tokens, some with equal expiries and some without one; and a service token.
pub(in crate::store) async fn tokens_are_sorted_with_equal_expiries(world: &mut World) {
    let key = world.add_service_keys().await;
    let service = world.service(key);
    world.mint(service).await;
    for days in [3, 1, 2] {
        let expires_at = world.now.plus(DAY * days);
        for _ in 0..2 {
            let record = world.persistent(None);
            world.mint(until(record, expires_at)).await;
        }
        minted(world, "never").await;
    }
    let all = world.store().list_tokens(every(world), PageQuery::new(None, 100)).await.unwrap().items;
    assert_eq!(all.len(), 9);
    for (by, direction) in
        TokenSort::VARIANTS.iter().flat_map(|by| [(*by, Direction::Asc), (*by, Direction::Desc)])
    {
        let value = |token: &TokenRecord| match by {
            TokenSort::Created => None,
            TokenSort::Expires => Some(token.mint.terms.expires_at.map_or(i64::MAX, |at| at.millis())),
        };
        let rows = all.iter().map(|token| (value(token), token.mint.token.id)).collect();
        let filter = TokenFilter { sort: Sorting { by, direction }, ..every(world) };
        let expected = in_order(rows, direction);
        for (look_at, limit) in WAYS.into_iter().flat_map(|way| [(way, 2), (way, 100)]) {
            let found = tokens(world, &filter, limit, look_at).await;
            assert_eq!(found, expected, "{by:?} {direction:?} {look_at} {limit}");
        }
    }
}

/// Seven hosts: named ones, reported ones, one without a name; some seen again.
pub(in crate::store) async fn hosts_are_sorted_with_equal_values(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let mut ids = Vec::new();
    for name in [Some("b.example.org"), None, Some("a.example.org"), None, None, None, Some("c.example.org")]
    {
        ids.push(enroll_named(world, &token, name).await);
        if ids.len() % 2 == 0 {
            world.pass(HOUR);
        }
    }
    for (place, hostname) in [(1, "B.example.org"), (3, "zeta"), (4, "\u{c4}ther"), (6, "ignored")] {
        report(world, ids[place], hostname, None).await;
    }
    let contact = HostContact { contact: Contact { at: world.now, from: None }, reached_url: None };
    let contacts = vec![(ids[0], contact.clone()), (ids[2], contact)];
    world.store().record_contacts(RecordContacts { contacts }).await.unwrap();
    let every = HostFilter::every(None, world.now);
    let all = world.store().list_hosts(every.clone(), PageQuery::new(None, 100)).await.unwrap().items;
    for (by, direction) in
        HostSort::VARIANTS.iter().flat_map(|by| [(*by, Direction::Asc), (*by, Direction::Desc)])
    {
        let value = |host: &HostRecord| match by {
            HostSort::Enrolled => (0, String::new()),
            HostSort::Name => {
                let reported = host.reported.as_ref().and_then(|reported| reported.report.hostname.clone());
                let name = host.facts.name.as_ref().map(ToString::to_string).or(reported);
                (0, name.unwrap_or_default().to_ascii_lowercase())
            }
            HostSort::LastSeen => (host.contact.at.millis(), String::new()),
            HostSort::Expires => (host.newest.not_after.millis(), String::new()),
        };
        let expected = in_order(all.iter().map(|host| (value(host), host.id)).collect(), direction);
        let filter = HostFilter { sort: Sorting { by, direction }, ..every.clone() };
        for (look_at, limit) in WAYS.into_iter().flat_map(|way| [(way, 2), (way, 100)]) {
            let found = hosts(world, &filter, limit, look_at).await;
            assert_eq!(found, expected, "{by:?} {direction:?} {look_at} {limit}");
        }
    }
}

/// A list of live tokens and hosts by expiry skips expired ones without judging them.
pub(in crate::store) async fn live_rows_by_expiry_need_one_page(world: &mut World) {
    let mut expected = Vec::new();
    let lasting = world.mint_persistent(None).await;
    for number in 0..12 {
        let record = world.persistent(None);
        let token = world.mint(until(record, world.now.plus(HOUR))).await;
        world.enroll(&lasting, new_key()).await;
        if number >= 10 {
            expected.push(token.token.id);
        }
        world.pass(HOUR / 2);
    }
    let live = Some(TokenState::LIVE.to_vec());
    let sort = Sorting { by: TokenSort::Expires, direction: Direction::Asc };
    let ascending = TokenFilter { states: live, sort, ..every(world) };
    expected = tokens(world, &ascending, 100, MOST_LOOKED_AT).await;
    let query = PageQuery { after: None, limit: 2, look_at: 3 };
    let page = world.store().list_tokens(ascending.clone(), query.clone()).await.unwrap();
    let first: Vec<_> = page.items.iter().map(|token| token.mint.token.id).collect();
    assert_eq!(first, expected[..2], "the first page begins with live tokens");
    for direction in [Direction::Asc, Direction::Desc] {
        let sort = Sorting { by: TokenSort::Expires, direction };
        let filter = TokenFilter { sort, ..ascending.clone() };
        let [whole, walked] =
            [tokens(world, &filter, 2, WAYS[0]).await, tokens(world, &filter, 2, WAYS[1]).await];
        assert!(whole == walked && whole.len() == expected.len(), "{direction:?}");
    }
    let sort = Sorting { by: HostSort::Expires, direction: Direction::Asc };
    let states = Some(HostState::LIVE.to_vec());
    let live = HostFilter { states, sort, ..HostFilter::every(None, world.now) };
    let [whole, walked] = [hosts(world, &live, 2, WAYS[0]).await, hosts(world, &live, 2, WAYS[1]).await];
    assert_eq!(whole, walked);
    let page = world.store().list_hosts(live, PageQuery { after: None, limit: 2, look_at: 3 }).await.unwrap();
    let first: Vec<_> = page.items.iter().map(|host| host.id).collect();
    assert_eq!(first, whole[..whole.len().min(2)], "the first page begins with live hosts");
}

/// A page begins after a position, even if the row of the position has moved or is gone.
pub(in crate::store) async fn a_page_begins_after_its_position(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        world.pass(HOUR);
        ids.push(world.enroll(&token, new_key()).await.id);
    }
    let sort = Sorting { by: HostSort::LastSeen, direction: Direction::Asc };
    let filter = HostFilter { sort, ..HostFilter::every(None, world.now) };
    for look_at in WAYS {
        let query = PageQuery { after: None, limit: 2, look_at };
        let page = world.store().list_hosts(filter.clone(), query).await.unwrap();
        let after = page.next.unwrap();
        let seen = world.host(ids[1]).await.contact.at.millis();
        assert_eq!(after, Position { id: ids[1], value: Some(SortValue::Moment(seen)) });
        let gone = Position { id: HostId::from_bytes([0xff; 16]), ..after };
        let query = PageQuery { after: Some(gone), limit: 9, look_at: MOST_LOOKED_AT };
        let page = world.store().list_hosts(filter.clone(), query).await.unwrap();
        assert_eq!(page.items.iter().map(|host| host.id).collect::<Vec<_>>(), ids[2..]);
        assert_eq!(page.next, None);
    }
}

pub(in crate::store) async fn a_search_finds_labels_and_ids(world: &mut World) {
    let mut ids = Vec::new();
    for label in ["Rack 7", "rack 70", "RACK", "attic", "50%_off*", "50 off", "\u{c4}ther", ""] {
        world.pass(HOUR / 60);
        ids.push(minted(world, label).await.token.id);
    }
    world.pass(HOUR / 60);
    let (whole, upper) = (ids[3].to_string(), ids[3].to_string().to_uppercase());
    let short = &whole[28..];
    let cases: [(&str, &[usize]); 15] = [
        ("rack", &[2, 1, 0]),
        (" RACK 7 ", &[1, 0]),
        ("rack 70", &[1]),
        ("ack", &[]),
        ("50%", &[4]),
        ("50%_off*", &[4]),
        ("%", &[]),
        ("_", &[]),
        ("*", &[]),
        ("50_", &[]),
        ("\u{c4}t", &[6]),
        (&whole, &[3]),
        (&upper, &[3]),
        (short, &[3]),
        (&short[1..], &[]),
    ];
    for (text, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|place| ids[*place]).collect();
        let filter = TokenFilter { search: search(text), ..every(world) };
        for look_at in WAYS {
            assert_eq!(tokens(world, &filter, 1, look_at).await, expected, "{text:?} {look_at}");
        }
    }
}

pub(in crate::store) async fn a_search_combines_with_order_and_filters(world: &mut World) {
    let mut ids = Vec::new();
    for (number, days) in [(0, 4), (1, 2), (2, 3), (3, 1)] {
        let record = until(world.persistent(None), world.now.plus(DAY * days));
        let minter = if number == 2 { "user:anna" } else { "user:admin" };
        let label = Label::parse(&format!("Rack {number}")).unwrap();
        ids.push(world.mint(MintRecord { minter: minter.to_owned(), label, ..record }).await.token.id);
        minted(world, "other").await;
    }
    let sort = Sorting { by: TokenSort::Expires, direction: Direction::Asc };
    let sorted = TokenFilter { search: search("rack"), sort, ..every(world) };
    let minter = Some("user:admin".to_owned());
    let label = Some(NameFilter::new("*0".to_owned()));
    let role = roles(&["proxy"]).pop();
    let cases: [(TokenFilter, &[usize]); 4] = [
        (sorted.clone(), &[3, 1, 2, 0]),
        (TokenFilter { minter: minter.clone(), ..sorted.clone() }, &[3, 1, 0]),
        (TokenFilter { label, ..sorted.clone() }, &[0]),
        (TokenFilter { role, minter, persistent: Some(true), ..sorted }, &[3, 1, 0]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|place| ids[*place]).collect();
        for look_at in WAYS {
            assert_eq!(tokens(world, &filter, 2, look_at).await, expected, "{filter:?} {look_at}");
        }
    }
}

pub(in crate::store) async fn a_search_finds_hosts_by_their_texts(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let mut ids = Vec::new();
    for name in [Some("web-1.example.org"), None, None, None] {
        world.pass(HOUR);
        ids.push(enroll_named(world, &token, name).await);
    }
    report(world, ids[1], "WEB-2", None).await;
    report(world, ids[2], "db", Some("Web of db")).await;
    report(world, ids[3], "db", Some("web hidden")).await;
    let entry = world.draft(Action::HostLabelChanged);
    let label = Label::parse("Web rack").ok();
    let set = SetLabel { host: ids[3], revision: None, label, entry };
    world.store().set_label(set).await.unwrap();
    let short = ids[0].to_string()[28..].to_owned();
    let cases: [(&str, bool, &[usize]); 8] = [
        ("web", true, &[3, 2, 1, 0]),
        ("web", false, &[3, 0]),
        ("WEB-", true, &[1, 0]),
        ("web-", false, &[0]),
        ("web hidden", true, &[]),
        ("db", true, &[3, 2]),
        ("db", false, &[]),
        (&short, false, &[0]),
    ];
    for (text, reported_words, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|place| ids[*place]).collect();
        let texts = HostTexts { reported_words, ..HostTexts::ANY };
        let every = HostFilter::every(None, world.now);
        let filter = HostFilter { search: search(text), texts, ..every };
        for look_at in WAYS {
            assert_eq!(hosts(world, &filter, 2, look_at).await, expected, "{text:?} {look_at}");
        }
        let sort = Sorting { by: HostSort::Expires, direction: Direction::Desc };
        let sorted = HostFilter { sort, ..filter };
        for look_at in WAYS {
            assert_eq!(hosts(world, &sorted, 2, look_at).await, expected, "{text:?} {look_at} by expiry");
        }
    }
}

/// A filter with an index and an order: the same hosts in the same order, whether its rows are few or not.
pub(in crate::store) async fn a_filter_keeps_the_order(world: &mut World) {
    let (one, other) = (world.mint_persistent(None).await, world.mint_persistent(None).await);
    let mut expected = Vec::new();
    for number in 0..8 {
        let token = if number % 2 == 0 { &one } else { &other };
        let host = world.enroll(token, new_key()).await.id;
        if number % 2 == 0 {
            expected.push(host);
        }
        world.pass(HOUR);
    }
    let gone = expected.remove(1);
    world.revoke_host(gone).await;
    for by in [HostSort::LastSeen, HostSort::Expires] {
        let sort = Sorting { by, direction: Direction::Asc };
        let of_one = HostFilter { sort, ..HostFilter::every(Some(one.token.id), world.now) };
        let states = Some(HostState::NOT_REVOKED.to_vec());
        let role = roles(&["proxy"]).pop();
        let filter = HostFilter { states, role, ..of_one };
        for look_at in WAYS {
            assert_eq!(hosts(world, &filter, 2, look_at).await, expected, "{by:?} {look_at}");
        }
    }
}
