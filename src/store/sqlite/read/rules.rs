//! Reads of auto-approve rules.

use crate::admission::{Rule, RuleCluster, RuleTerms};
use crate::clock::Timestamp;
use crate::id::RuleId;
use crate::name::Cluster;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::{self, Row, params};
use crate::store::sqlite::value::Json;
use crate::store::{RuleReads, RuleRecord, StoreFuture};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT rule, cluster, label, allowed_roles, max_nodes, addresses, names, examples, created_at, created_by, \
             revision, policies FROM rules ",
            $rest
        )
    };
}

/// Counts the hosts of a rule that hold a slot.
pub(in crate::store::sqlite) const ADMITTED_BY_RULE: &str = "SELECT count(*) FROM hosts \
     WHERE rule = ?1 AND rule IS NOT NULL AND revoked_at IS NULL AND ends_at > ?2";

/// Counts the hosts of every rule that hold a slot.
pub(in crate::store::sqlite) const ADMITTED_BY_RULES: &str = "SELECT rule, count(*) FROM hosts \
     WHERE rule IS NOT NULL AND revoked_at IS NULL AND ends_at > ?1 GROUP BY rule ORDER BY rule";

fn rule(row: &Row<'_>) -> driver::Result<RuleRecord> {
    let terms = RuleTerms {
        cluster_id: RuleCluster::from(row.get::<_, Option<Cluster>>(1)?),
        label: row.get(2)?,
        allowed_roles: row.get::<_, Json<_>>(3)?.0,
        max_nodes: row.get(4)?,
        addresses: row.get::<_, Json<_>>(5)?.0,
        names: row.get::<_, Json<_>>(6)?.0,
        examples: row.get::<_, Json<_>>(7)?.0,
    };
    let policies = row.get::<_, Option<Json<_>>>(11)?.map(|policies| policies.0);
    let rule = Rule { id: row.get(0)?, revision: row.get(10)?, policies, terms };
    Ok(RuleRecord { rule, created_at: row.get(8)?, created_by: row.get(9)? })
}

impl RuleReads for SqliteStore {
    fn rules(&self) -> StoreFuture<'_, Vec<RuleRecord>> {
        self.list(|sql| sql.all(select!("ORDER BY rule"), [], rule))
    }

    fn rule(&self, id: RuleId) -> StoreFuture<'_, Option<RuleRecord>> {
        self.point(move |sql| sql.one(select!("WHERE rule = ?1"), [id], rule))
    }

    fn admitted_by_rule(&self, id: RuleId, now: Timestamp) -> StoreFuture<'_, u64> {
        let count = move |row: &Row<'_>| row.get(0);
        self.point(move |sql| Ok(sql.one(ADMITTED_BY_RULE, params![id, now], count)?.unwrap_or(0)))
    }

    fn admitted_by_rules(&self, now: Timestamp) -> StoreFuture<'_, Vec<(RuleId, u64)>> {
        self.list(move |sql| sql.all(ADMITTED_BY_RULES, [now], |row| Ok((row.get(0)?, row.get(1)?))))
    }
}
