//! The filter of a list of hosts, as conditions in SQL.

use crate::id::HostId;
use crate::store::sqlite::read::list_statement::{ListStatement, Tables};
use crate::store::{HostFilter, HostState, NameFilter};

const HOSTS: Tables = Tables {
    all: "hosts AS h JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest",
    walked: "hosts AS h",
    id: "h.host",
    join: "",
};
const ROLES: Tables = Tables {
    all: "host_roles AS r CROSS JOIN hosts AS h JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest",
    walked: "host_roles AS r",
    id: "r.host",
    join: " AND h.host = r.host",
};

/// Selects the hosts of a list, after `after`.
pub(in crate::store::sqlite) fn select(filter: &HostFilter, after: Option<HostId>) -> ListStatement {
    let mut list = ListStatement::new(columns!(), HOSTS, after.map(|after| *after.as_bytes()));
    if let Some(NameFilter::Exact(name)) = &filter.name {
        list.indexed(HOSTS, "h.name", name.clone());
    }
    if let Some(token) = filter.token {
        list.indexed(HOSTS, "h.token", token);
    }
    if let Some(role) = &filter.role {
        list.role(ROLES, role, "EXISTS (SELECT 1 FROM host_roles AS s WHERE s.role = ? AND s.host = h.host)");
    }
    match &filter.states {
        Some(states) if *states == [HostState::Revoked] && !list.is_walked() => {
            list.walk(HOSTS, Some("h.revoked_at IS NOT NULL"));
        }
        Some(states) => list.states(states, filter.now, state),
        None => {}
    }
    list.pattern("h.name", filter.name.as_ref());
    list
}

/// Returns the condition of a state at `now`. [`HostRecord::state`](crate::store::HostRecord::state) does the same for a record.
fn state(state: HostState, now: &str) -> String {
    match state {
        HostState::Live => format!("(h.revoked_at IS NULL AND h.ends_at > {now})"),
        HostState::Expired => format!("(h.revoked_at IS NULL AND h.ends_at <= {now})"),
        HostState::Revoked => "h.revoked_at IS NOT NULL".to_owned(),
    }
}
