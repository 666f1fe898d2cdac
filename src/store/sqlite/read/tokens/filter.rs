//! The filter of a list of tokens, as conditions in SQL.

use strum::VariantArray as _;

use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::store::sqlite::driver::{self, Sql};
use crate::store::sqlite::read::list_statement::{ListStatement, Tables, count_by_state, cursor};
use crate::store::{EXPIRY_WARNING, EndedTokens, NameFilter, TokenFilter, TokenState, TokenType};

const MINTS: Tables = Tables {
    all: "mints AS m LEFT JOIN uses AS u ON u.token = m.token",
    walked: "mints AS m",
    id: "m.token",
    join: "",
};
const ROLES: Tables = Tables {
    all: "mint_roles AS r CROSS JOIN mints AS m LEFT JOIN uses AS u ON u.token = m.token",
    walked: "mint_roles AS r",
    id: "r.token",
    join: " AND m.token = r.token",
};
const USES: Tables = Tables {
    all: "uses AS u CROSS JOIN mints AS m",
    walked: "uses AS u",
    id: "u.token",
    join: " AND m.token = u.token",
};

/// Selects the tokens of a list, after `after`.
pub(in crate::store::sqlite) fn select(filter: &TokenFilter, after: Option<TokenId>) -> ListStatement {
    let mut list = ListStatement::new(columns!(), MINTS, cursor(after.as_ref().map(TokenId::as_bytes)));
    if let Some(short) = filter.short_id {
        list.indexed(MINTS, "substr(m.token, 13)", short);
    }
    if let Some(batch) = filter.batch {
        list.indexed(MINTS, "m.batch", batch);
    }
    if let Some(policy) = filter.policy {
        list.indexed(MINTS, "m.policy", policy);
    }
    if let Some(NameFilter::Exact(label)) = &filter.label {
        list.indexed(MINTS, "m.label", label.clone());
    }
    if let Some(minter) = &filter.minter {
        list.indexed(MINTS, "m.minter", minter.clone());
    }
    if let Some(role) = &filter.role {
        list.role(
            ROLES,
            role,
            "EXISTS (SELECT 1 FROM mint_roles AS s WHERE s.role = ? AND s.token = m.token)",
        );
    }
    if let Some([kind]) = filter.kinds.as_deref() {
        list.indexed(MINTS, "m.kind", *kind);
    }
    walk_by_state_or_type(filter, &mut list);
    if let Some(kinds @ ([] | [_, _, ..])) = filter.kinds.as_deref() {
        let kinds: Vec<_> = kinds.iter().map(|kind| list.bind(*kind)).collect();
        list.only(&format!("m.kind IN ({})", kinds.join(", ")));
    }
    list.pattern("m.label", filter.label.as_ref());
    judge_times(filter, &mut list);
    list
}

/// Counts the enrollment tokens in each state at `now`.
pub(super) fn count(sql: Sql<'_>, now: Timestamp) -> driver::Result<Vec<(TokenState, u64)>> {
    count_by_state(sql, (MINTS, "m.audience IS NULL"), TokenState::VARIANTS, now, state)
}

/// Counts the tokens that many hosts share, are in use, and expire soon after `now`. An index has the kinds.
pub(super) fn count_expiring(sql: Sql<'_>, now: Timestamp) -> driver::Result<u64> {
    let live = TokenState::LIVE.map(|live| state(live, "?1")).join(" OR ");
    let text = format!(
        "SELECT count(*) FROM mints AS m JOIN uses AS u ON u.token = m.token \
         WHERE m.kind IN ('cluster', 'policy') AND m.expires_at <= ?2 AND m.replaced_by IS NULL AND u.used > 0 AND ({live})"
    );
    Ok(sql.one(&text, [now, now.plus(EXPIRY_WARNING)], |row| row.get(0))?.unwrap_or_default())
}

/// Walks by state, else by type and whether the tokens are persistent.
fn walk_by_state_or_type(filter: &TokenFilter, list: &mut ListStatement) {
    let of_type = match filter.token_type {
        TokenType::Enrollment => "m.audience IS NULL",
        TokenType::Service => "m.audience IS NOT NULL",
    };
    let only = |states: &[TokenState]| {
        filter.states.as_ref().is_some_and(|wanted| wanted.iter().all(|state| states.contains(state)))
    };
    match (filter.persistent, filter.token_type) {
        _ if list.is_walked() => {}
        _ if only(&[TokenState::Used, TokenState::Exhausted]) => list.walk(USES, None),
        _ if only(&[TokenState::Revoked]) => {
            list.walk(MINTS, Some("(m.revoked_at IS NOT NULL OR m.revoke_at IS NOT NULL)"));
        }
        (Some(true), TokenType::Enrollment) => list.walk(MINTS, Some("m.persistent = 1")),
        (Some(false), TokenType::Enrollment) => {
            list.walk(MINTS, Some("m.persistent = 0 AND m.audience IS NULL"));
        }
        _ => list.walk(MINTS, Some(of_type)),
    }
    list.only(of_type);
    if let Some(persistent) = filter.persistent {
        list.only(if persistent { "m.persistent = 1" } else { "m.persistent = 0" });
    }
}

fn judge_times(filter: &TokenFilter, list: &mut ListStatement) {
    if let EndedTokens::Since(since) = filter.ended {
        let since = list.bind(since);
        for end in ["m.revoked_at", "m.expires_at", "u.spent_at"] {
            list.only(&format!("({end} IS NULL OR {end} > {since})"));
        }
    }
    if let Some(since) = filter.unused_since {
        let since = list.bind(since);
        // A use of an unknown moment counts as recent.
        list.only(&format!(
            "m.created_at <= {since} AND (u.last_at <= {since} OR (u.last_at IS NULL AND coalesce(u.used, 0) = 0))"
        ));
    }
    if let Some(states) = &filter.states {
        list.states(states, filter.now, state);
    }
}

/// Returns the condition of a token that admits hosts at `now`.
pub(in crate::store::sqlite::read) fn is_live(now: &str) -> String {
    let live = TokenState::LIVE.map(|live| state(live, now)).join(" OR ");
    format!("({live})")
}

/// Returns the condition of a state at `now`. [`TokenRecord::state`](crate::store::TokenRecord::state) does the same for a record.
fn state(state: TokenState, now: &str) -> String {
    let spent = "(m.max_uses IS NOT NULL AND coalesce(u.used, 0) >= m.max_uses)";
    let expired = format!("(m.expires_at IS NOT NULL AND m.expires_at <= {now})");
    let due = format!("(m.revoke_at IS NOT NULL AND m.revoke_at <= {now})");
    let live = format!("m.revoked_at IS NULL AND NOT {spent} AND NOT {expired} AND NOT {due}");
    let once = "(m.max_uses IS NOT NULL AND m.max_uses = 1)";
    match state {
        TokenState::Pending => format!("({live} AND {once})"),
        TokenState::Active => format!("({live} AND NOT {once})"),
        TokenState::Used => format!("(m.revoked_at IS NULL AND {spent} AND {once})"),
        TokenState::Exhausted => format!("(m.revoked_at IS NULL AND {spent} AND NOT {once})"),
        TokenState::Expired => format!("(m.revoked_at IS NULL AND NOT {spent} AND {expired})"),
        TokenState::Revoked => {
            format!("(m.revoked_at IS NOT NULL OR (NOT {spent} AND NOT {expired} AND {due}))")
        }
    }
}
