//! The filter of a list of hosts, as conditions in SQL.

use crate::id::{HostId, TokenId};
use crate::name::Role;
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

/// The condition that chooses the index: the first of these that the filter has.
enum HostWalk<'a> {
    Name(&'a str),
    Token(TokenId),
    Role(&'a Role),
    Revoked,
    All,
}

impl<'a> HostWalk<'a> {
    fn of(filter: &'a HostFilter) -> Self {
        match filter {
            HostFilter { name: Some(NameFilter::Exact(name)), .. } => Self::Name(name),
            HostFilter { token: Some(token), .. } => Self::Token(*token),
            HostFilter { role: Some(role), .. } => Self::Role(role),
            HostFilter { states: Some(states), .. } if *states == [HostState::Revoked] => Self::Revoked,
            _ => Self::All,
        }
    }
}

/// Selects the hosts of a list, after `after`.
pub(in crate::store::sqlite) fn select(filter: &HostFilter, after: Option<HostId>) -> ListStatement {
    let walk = HostWalk::of(filter);
    let tables = if matches!(walk, HostWalk::Role(_)) { ROLES } else { HOSTS };
    let mut selection = ListStatement::new(columns!(), tables, after.map(|after| *after.as_bytes()));
    match walk {
        HostWalk::Name(name) => selection.walk_value("h.name =", name.to_owned()),
        HostWalk::Token(token) => selection.walk_value("h.token =", token),
        HostWalk::Role(role) => selection.walk_value("r.role =", role.clone()),
        HostWalk::Revoked => selection.walk("h.revoked_at IS NOT NULL"),
        HostWalk::All => {}
    }
    judge(filter, &walk, &mut selection);
    selection
}

/// Adds the conditions that the walk does not meet.
fn judge(filter: &HostFilter, walk: &HostWalk<'_>, selection: &mut ListStatement) {
    if let (Some(name), false) = (&filter.name, matches!(walk, HostWalk::Name(_))) {
        selection.only_name("h.name", name);
    }
    if let (Some(token), false) = (filter.token, matches!(walk, HostWalk::Token(_))) {
        selection.only_value("h.token =", token);
    }
    if let (Some(role), false) = (&filter.role, matches!(walk, HostWalk::Role(_))) {
        let role = selection.bind(role.clone());
        selection.only(&format!(
            "EXISTS (SELECT 1 FROM host_roles AS s WHERE s.role = {role} AND s.host = h.host)"
        ));
    }
    if let (Some(states), false) = (&filter.states, matches!(walk, HostWalk::Revoked)) {
        let now = selection.bind(filter.now);
        let states: Vec<String> = states.iter().map(|wanted| state(*wanted, &now)).collect();
        selection.only(&format!("({})", states.join(" OR ")));
    }
}

/// Returns the condition of a state at `now`. [`HostRecord::state`](crate::store::HostRecord::state) does the same for a record.
fn state(state: HostState, now: &str) -> String {
    match state {
        HostState::Live => format!("(h.revoked_at IS NULL AND h.ends_at > {now})"),
        HostState::Expired => format!("(h.revoked_at IS NULL AND h.ends_at <= {now})"),
        HostState::Revoked => "h.revoked_at IS NOT NULL".to_owned(),
    }
}
