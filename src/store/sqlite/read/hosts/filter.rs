//! The filter of a list of hosts, as conditions in SQL.

use strum::VariantArray as _;

use crate::clock::Timestamp;
use crate::id::HostId;
use crate::store::sqlite::driver::{self, Sql};
use crate::store::sqlite::read::list_statement::{
    ListStatement, Order, SortedBy, Tables, Way, count_by_state,
};
use crate::store::{HostFilter, HostSort, HostState, HostTexts, NameFilter, Position};

/// The ids of the hosts of a search, by its indexes.
macro_rules! found {
    ($union:literal) => {
        concat!(
            "(SELECT s.host FROM hosts AS s WHERE lower(coalesce(s.label, s.reported_label)) >= ?3 \
             AND lower(coalesce(s.label, s.reported_label)) < ?4 ",
            $union,
            " SELECT s.host FROM hosts AS s WHERE s.name >= ?3 AND s.name < ?4 ",
            $union,
            " SELECT s.host FROM hosts AS s WHERE lower(s.reported_hostname) >= ?3 AND lower(s.reported_hostname) < ?4 ",
            $union,
            " SELECT s.host FROM hosts AS s WHERE substr(s.host, 13) = ?5 ",
            $union,
            " SELECT s.host FROM hosts AS s WHERE s.host = ?6) AS f"
        )
    };
}

/// The rows of hosts, joined.
macro_rules! joined {
    () => {
        "hosts AS h JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest \
         LEFT JOIN checkins AS k ON k.host = h.host LEFT JOIN opaque_keys AS o ON o.host = h.host"
    };
}

const HOSTS: Tables = Tables { all: joined!(), walked: "hosts AS h", id: "h.host", join: "" };
/// The tables that the conditions of states need.
const COUNTED: Tables =
    Tables { all: "hosts AS h JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest", ..HOSTS };
const ROLES: Tables = Tables {
    all: concat!("host_roles AS r CROSS JOIN ", joined!()),
    walked: "host_roles AS r",
    id: "r.host",
    join: " AND h.host = r.host",
};

/// Hosts of a search, whose values are the first ones after the start.
const FOUND: Tables = Tables {
    all: concat!(found!("UNION"), " CROSS JOIN ", joined!()),
    walked: found!("UNION ALL"),
    id: "f.host",
    join: " AND h.host = f.host",
};

/// The condition of a search that judges each host.
const IS_FOUND: &str = "lower(coalesce(h.label, h.reported_label)) >= ?3 AND lower(coalesce(h.label, h.reported_label)) < ?4 \
     OR h.name >= ?3 AND h.name < ?4 OR lower(h.reported_hostname) >= ?3 AND lower(h.reported_hostname) < ?4 \
     OR substr(h.host, 13) = ?5 OR h.host = ?6";

/// The same without the words of the host.
const IS_FOUND_BY_FACTS: &str = "lower(h.label) >= ?3 AND lower(h.label) < ?4 OR h.name >= ?3 AND h.name < ?4 \
     OR substr(h.host, 13) = ?5 OR h.host = ?6";

/// The label of a host: an administrator's, or else its own. An index has this expression.
const LABEL: &str = "coalesce(h.label, h.reported_label)";

/// The time at which a host should renew. [`CertificateRecord::renew_after`](crate::store::CertificateRecord::renew_after)
/// does the same for a record.
const DUE: &str = "coalesce(c.renew_after, (c.issued_at + (h.ends_at - c.issued_at) * 2 / 3) / 1000 * 1000)";

/// The condition of a host that is neither revoked nor in quarantine.
const NOT_SHUT_OUT: &str = "h.revoked_at IS NULL AND h.quarantined_at IS NULL";

/// The order of the list of a filter.
pub(super) fn order(filter: &HostFilter) -> Order {
    let by = match filter.sort.by {
        HostSort::Enrolled => SortedBy::Id,
        HostSort::Name => SortedBy::Text("h.sort_name"),
        HostSort::LastSeen => SortedBy::Moment("h.sort_seen"),
        HostSort::Expires => SortedBy::Moment("h.ends_at"),
    };
    Order { by, direction: filter.sort.direction }
}

/// The start of a list: a list of live hosts by expiry begins with the live ones.
fn start(filter: &HostFilter, after: Option<&Position<HostId>>, way: Way) -> ListStatement {
    let order = order(filter);
    let is_live = |states: &Vec<_>| states.iter().all(|state| HostState::LIVE.contains(state));
    let are_live = filter.sort.by == HostSort::Expires && filter.states.as_ref().is_some_and(is_live);
    let beyond = are_live.then_some(filter.now);
    let start = order.start(after, HostId::as_bytes, beyond);
    let mut list = ListStatement::sorted(columns!(), HOSTS, order, start);
    if let Some(search) = &filter.search {
        list.bind(search.text().to_owned());
        list.bind(search.end());
        list.bind(search.short_id());
        list.bind(HostId::parse(search.text()));
    }
    match (way, beyond) {
        (Way::Condition, _) => {}
        (Way::Search, _) => list.walk(FOUND, None),
        (Way::Order, None) => list.walk(HOSTS, None),
        (Way::Order, Some(beyond)) => {
            let beyond = list.bind(beyond);
            list.walk(HOSTS, Some(&format!("h.ends_at > {beyond}")));
        }
    }
    list
}

/// Selects the hosts of a list, after `after`.
pub(in crate::store::sqlite) fn select(
    filter: &HostFilter,
    after: Option<&Position<HostId>>,
    way: Way,
) -> ListStatement {
    let HostTexts { name, label, hostname, reported_words } = &filter.texts;
    let mut list = start(filter, after, way);
    if let Some(short) = filter.short_id {
        list.indexed(HOSTS, "substr(h.host, 13)", short);
    }
    if let Some(NameFilter::Exact(name)) = name {
        list.indexed(HOSTS, "h.name", name.clone());
    }
    if let Some(token) = filter.token {
        list.indexed(HOSTS, "h.token", token);
    }
    if let Some(policy) = filter.policy {
        list.indexed(HOSTS, "h.policy", policy);
    }
    if let Some(NameFilter::Exact(label)) = label {
        list.exactly(HOSTS, LABEL, label);
    }
    if let Some(NameFilter::Exact(hostname)) = hostname {
        list.exactly(HOSTS, "h.reported_hostname", hostname);
    }
    if let Some(cluster) = &filter.cluster {
        list.indexed(HOSTS, "h.cluster", cluster.clone());
    }
    if let Some(role) = &filter.role {
        list.role(ROLES, role, "EXISTS (SELECT 1 FROM host_roles AS s WHERE s.role = ? AND s.host = h.host)");
    }
    match &filter.states {
        Some(states) if *states == [HostState::Revoked] && !list.is_walked() => {
            list.walk(HOSTS, Some("h.revoked_at IS NOT NULL"));
        }
        Some(states) if *states == [HostState::Quarantined] && !list.is_walked() => {
            list.walk(HOSTS, Some("h.quarantined_at IS NOT NULL"));
            list.only("h.revoked_at IS NULL");
        }
        Some(states) => list.states(states, filter.now, state),
        None => {}
    }
    match (&filter.search, reported_words) {
        (Some(_), false) => list.only(IS_FOUND_BY_FACTS),
        (Some(_), true) if way != Way::Search => list.only(IS_FOUND),
        _ => {}
    }
    list.pattern("h.name", name.as_ref());
    list.pattern(LABEL, label.as_ref());
    list.pattern("h.reported_hostname", hostname.as_ref());
    if !reported_words {
        ignore_reported_words(&filter.texts, &mut list);
    }
    times(filter, &mut list);
    list
}

/// Counts the hosts in each state at `now`.
pub(super) fn count(sql: Sql<'_>, now: Timestamp) -> driver::Result<Vec<(HostState, u64)>> {
    count_by_state(sql, (COUNTED, "true"), HostState::VARIANTS, now, state)
}

/// Adds the conditions under which a host's own words match nothing.
fn ignore_reported_words(texts: &HostTexts, list: &mut ListStatement) {
    if texts.label.is_some() {
        list.only("h.label IS NOT NULL");
    }
    if texts.hostname.is_some() {
        // Together with the condition on the text, no row passes.
        list.only("h.reported_hostname IS NULL");
    }
}

/// Adds the conditions on the last contact and on the newest certificate.
fn times(filter: &HostFilter, list: &mut ListStatement) {
    if let Some(since) = filter.unseen_since {
        let since = list.bind(since);
        list.only(&format!("coalesce(h.seen_at, h.enrolled_at) < {since}"));
    }
    if let Some(by) = filter.expires_by {
        let (now, by) = (list.bind(filter.now), list.bind(by));
        list.only(&format!("(h.revoked_at IS NULL AND h.ends_at > {now} AND h.ends_at <= {by})"));
    }
    if filter.overdue {
        let now = list.bind(filter.now);
        list.only(&format!("({NOT_SHUT_OUT} AND {DUE} <= {now})"));
    }
}

/// Returns the condition of a state at `now`. [`HostRecord::state`](crate::store::HostRecord::state) does the same for a record.
fn state(state: HostState, now: &str) -> String {
    match state {
        HostState::Active => format!("({NOT_SHUT_OUT} AND h.ends_at > {now} AND {DUE} > {now})"),
        HostState::Expiring => format!("({NOT_SHUT_OUT} AND h.ends_at > {now} AND {DUE} <= {now})"),
        HostState::Lapsed => format!("({NOT_SHUT_OUT} AND h.ends_at <= {now})"),
        HostState::Quarantined => "(h.revoked_at IS NULL AND h.quarantined_at IS NOT NULL)".to_owned(),
        HostState::Revoked => "h.revoked_at IS NOT NULL".to_owned(),
    }
}
