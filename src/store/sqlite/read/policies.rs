//! Reads of policies.

use crate::admission::{PolicyTerms, RenewAt};
use crate::clock::Timestamp;
use crate::id::PolicyId;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::{self, Row, Sql, params};
use crate::store::sqlite::value::{Json, Millis, damaged};
use crate::store::{Policy, PolicyReads, StoreFuture};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT policy, revision, name, description, certificate_lifetime, renew_at, roles, approval, labels, ephemeral_hosts, \
             settings, settings_schema, audiences, outputs, created_at, created_by, updated_at, updated_by, api_key_credential FROM ",
            $rest
        )
    };
}

/// Counts the hosts of a policy that are not revoked.
pub(in crate::store::sqlite) const HOSTS_OF_POLICY: &str =
    "SELECT count(*) FROM hosts WHERE policy = ?1 AND policy IS NOT NULL AND revoked_at IS NULL";

/// Counts the tokens of a policy that can admit a host.
pub(in crate::store::sqlite) const TOKENS_OF_POLICY: &str = "SELECT count(*) FROM mints WHERE policy = ?1 AND policy IS NOT NULL AND revoked_at IS NULL \
     AND (expires_at IS NULL OR expires_at > ?2) \
     AND NOT EXISTS (SELECT 1 FROM uses AS u WHERE u.token = mints.token AND u.spent_at IS NOT NULL)";

fn policy(row: &Row<'_>) -> driver::Result<Policy> {
    let renew_at = RenewAt::of_hundredths(row.get(5)?);
    let terms = PolicyTerms {
        name: row.get(2)?,
        description: row.get(3)?,
        certificate_lifetime: row.get::<_, Option<Millis>>(4)?.map(|Millis(span)| span),
        renew_at: renew_at.ok_or_else(|| damaged("a policy renews outside of its range"))?,
        roles: row.get::<_, Json<_>>(6)?.0,
        approval: row.get(7)?,
        labels: row.get::<_, Json<_>>(8)?.0,
        ephemeral_hosts: row.get(9)?,
        api_key_credential: row.get(18)?,
        settings: row.get::<_, Json<_>>(10)?.0,
        schema: row.get::<_, Option<Json<_>>>(11)?.map(|Json(schema)| schema),
        audiences: row.get::<_, Json<_>>(12)?.0,
        outputs: row.get::<_, Json<_>>(13)?.0,
    };
    Ok(Policy {
        id: row.get(0)?,
        revision: row.get(1)?,
        terms,
        created_at: row.get(14)?,
        created_by: row.get(15)?,
        updated_at: row.get(16)?,
        updated_by: row.get(17)?,
    })
}

fn hosts(sql: &Sql<'_>, policy: PolicyId) -> driver::Result<u64> {
    Ok(sql.one(HOSTS_OF_POLICY, [policy], |row| row.get(0))?.unwrap_or(0))
}

impl PolicyReads for SqliteStore {
    fn policies(&self) -> StoreFuture<'_, Vec<Policy>> {
        self.list(|sql| sql.all(select!("policies ORDER BY policy"), [], policy))
    }

    fn policy(&self, id: PolicyId) -> StoreFuture<'_, Option<Policy>> {
        self.point(move |sql| sql.one(select!("policies WHERE policy = ?1"), [id], policy))
    }

    fn policy_revisions(&self, id: PolicyId) -> StoreFuture<'_, Vec<Policy>> {
        let sql = select!("policy_revisions WHERE policy = ?1 ORDER BY revision DESC");
        self.list(move |driver| driver.all(sql, [id], policy))
    }

    fn policy_revision(&self, id: PolicyId, revision: u64) -> StoreFuture<'_, Option<Policy>> {
        let sql = select!("policy_revisions WHERE policy = ?1 AND revision = ?2");
        self.point(move |driver| driver.one(sql, params![id, revision], policy))
    }

    fn hosts_of_policy(&self, id: PolicyId) -> StoreFuture<'_, u64> {
        self.point(move |sql| hosts(&sql, id))
    }

    fn hosts_of_policies(&self, policies: Vec<PolicyId>) -> StoreFuture<'_, Vec<u64>> {
        self.list(move |sql| policies.iter().map(|policy| hosts(&sql, *policy)).collect())
    }

    fn tokens_of_policies(&self, policies: Vec<PolicyId>, now: Timestamp) -> StoreFuture<'_, Vec<u64>> {
        let tokens = move |sql: &Sql<'_>, policy: &PolicyId| -> driver::Result<u64> {
            Ok(sql.one(TOKENS_OF_POLICY, params![policy, now], |row| row.get(0))?.unwrap_or(0))
        };
        self.list(move |sql| policies.iter().map(|policy| tokens(&sql, policy)).collect())
    }
}
