//! Reads of outputs, their sealed secrets, and the keys of the seal.

use crate::id::{OutputId, PolicyId};
use crate::seal::Sealed;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::{self, Row};
use crate::store::sqlite::value::Json;
use crate::store::{
    ListedOutput, Output, OutputReads, OutputSecret, SealKeyRecord, SecretField, StoreFuture, WholeOutput,
};

macro_rules! columns {
    () => {
        "o.output, o.revision, o.name, o.kind, o.settings, o.created_at, o.created_by, o.updated_at, o.updated_by"
    };
}

/// The number of columns of an output.
const COLUMNS: usize = 9;

macro_rules! listed {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", (SELECT count(*) FROM policy_outputs AS p WHERE p.output = o.output), s.field FROM outputs AS o \
             LEFT JOIN output_secrets AS s ON s.output = o.output ",
            $condition,
            " ORDER BY o.output, s.field"
        )
    };
}

/// One statement reads an output with its secrets: they are of one moment, so no secret is sent to a later address.
macro_rules! whole {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), ", s.field, s.version, s.seal, s.sealed FROM ", $rest)
    };
}

/// Finds the outputs of a policy, in its order.
pub(in crate::store::sqlite) const OUTPUTS_OF_POLICY: &str = whole!(
    "policy_outputs AS p JOIN outputs AS o ON o.output = p.output LEFT JOIN output_secrets AS s ON s.output = o.output \
     WHERE p.policy = ?1 ORDER BY p.position, s.field"
);

/// Counts the policies of an output.
pub(in crate::store::sqlite) const POLICIES_OF_OUTPUT: &str =
    "SELECT count(*) FROM policy_outputs WHERE output = ?1";

/// Adds up the revisions of a policy's outputs.
pub(in crate::store::sqlite) const OUTPUTS_REVISION: &str = "SELECT coalesce(sum(o.revision), 0) FROM policy_outputs AS p \
     JOIN outputs AS o ON o.output = p.output WHERE p.policy = ?1";

const KEYS: &str = "SELECT number, created_at FROM seal_keys WHERE retired_at IS NULL ORDER BY number";

impl OutputReads for SqliteStore {
    fn outputs(&self) -> StoreFuture<'_, Vec<ListedOutput>> {
        self.list(|sql| Ok(listed(sql.all(listed!(""), [], listed_row)?)))
    }

    fn output(&self, id: OutputId) -> StoreFuture<'_, Option<ListedOutput>> {
        let sql = listed!("WHERE o.output = ?1");
        self.point(move |driver| Ok(listed(driver.all(sql, [id], listed_row)?).pop()))
    }

    fn whole_output(&self, id: OutputId) -> StoreFuture<'_, Option<WholeOutput>> {
        let sql = whole!(
            "outputs AS o LEFT JOIN output_secrets AS s ON s.output = o.output WHERE o.output = ?1 ORDER BY s.field"
        );
        self.point(move |driver| Ok(whole(driver.all(sql, [id], whole_row)?).pop()))
    }

    fn outputs_of_policy(&self, policy: PolicyId) -> StoreFuture<'_, Vec<WholeOutput>> {
        self.point(move |sql| Ok(whole(sql.all(OUTPUTS_OF_POLICY, [policy], whole_row)?)))
    }

    fn outputs_revision(&self, policy: PolicyId) -> StoreFuture<'_, u64> {
        self.point(move |sql| Ok(sql.one(OUTPUTS_REVISION, [policy], |row| row.get(0))?.unwrap_or(0)))
    }

    fn seal_keys(&self) -> StoreFuture<'_, Vec<SealKeyRecord>> {
        self.point(|sql| {
            sql.all(KEYS, [], |row| Ok(SealKeyRecord { id: row.get(0)?, created_at: row.get(1)? }))
        })
    }
}

fn output(row: &Row<'_>) -> driver::Result<Output> {
    Ok(Output {
        id: row.get(0)?,
        revision: row.get(1)?,
        name: row.get(2)?,
        kind: row.get(3)?,
        settings: row.get::<_, Json<_>>(4)?.0,
        created_at: row.get(5)?,
        created_by: row.get(6)?,
        updated_at: row.get(7)?,
        updated_by: row.get(8)?,
    })
}

fn listed_row(row: &Row<'_>) -> driver::Result<(Output, u64, Option<SecretField>)> {
    Ok((output(row)?, row.get(COLUMNS)?, row.get(COLUMNS + 1)?))
}

/// A row for each secret of an output becomes one output with its secrets.
fn listed(rows: Vec<(Output, u64, Option<SecretField>)>) -> Vec<ListedOutput> {
    let mut outputs = Vec::<ListedOutput>::new();
    for (output, policies, secret) in rows {
        match outputs.last_mut().filter(|last| last.output.id == output.id) {
            Some(last) => last.secrets.extend(secret),
            None => outputs.push(ListedOutput { output, secrets: secret.into_iter().collect(), policies }),
        }
    }
    outputs
}

fn whole_row(row: &Row<'_>) -> driver::Result<(Output, Option<OutputSecret>)> {
    let field = row.get::<_, Option<SecretField>>(COLUMNS)?;
    let secret = field.map(|field| secret(row, field, COLUMNS + 1)).transpose()?;
    Ok((output(row)?, secret))
}

fn whole(rows: Vec<(Output, Option<OutputSecret>)>) -> Vec<WholeOutput> {
    let mut outputs = Vec::<WholeOutput>::new();
    for (output, secret) in rows {
        match outputs.last_mut().filter(|last| last.output.id == output.id) {
            Some(last) => last.secrets.extend(secret),
            None => outputs.push(WholeOutput { output, secrets: secret.into_iter().collect() }),
        }
    }
    outputs
}

/// Reads the columns version, seal and sealed, from `first` on.
fn secret(row: &Row<'_>, field: SecretField, first: usize) -> driver::Result<OutputSecret> {
    let sealed = Sealed { key: row.get(first + 1)?, bytes: row.get(first + 2)? };
    Ok(OutputSecret { field, version: row.get(first)?, sealed })
}
