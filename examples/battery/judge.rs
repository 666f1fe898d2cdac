//! The record against the rows: a pure comparison, so that a control can give it a doctored record.

use crate::findings::Findings;
use crate::record::{Record, Revocation, digits};
use crate::rows::Rows;

/// Compares acknowledged acts with the rows.
pub(crate) fn judge(record: &Record, rows: &Rows) -> Findings {
    let mut findings = Findings::default();
    tokens(record, rows, &mut findings);
    for (token, enrolled) in record.enrolled() {
        if !rows.pairs.contains(&(digits(&token.id), digits(&enrolled.host))) {
            findings
                .lost(&format!("host {}", enrolled.host), "it was enrolled and has no pair in the database");
        }
    }
    let used = rows.used.values().sum::<u32>();
    let counts = [rows.hosts, rows.pairs.len() as u32, used, rows.enrolled_entries];
    if counts.iter().any(|count| *count != counts[0]) {
        let [hosts, pairs, used, entries] = counts;
        let why = format!("{hosts} hosts, {pairs} pairs, {used} uses and {entries} entries of enrollments");
        findings.other("sums of the tables", why);
    }
    findings
}

fn tokens(record: &Record, rows: &Rows, findings: &mut Findings) {
    let acknowledged = record.uses();
    for token in &record.tokens {
        let (id, subject) = (digits(&token.id), format!("token {}", token.id));
        if !rows.mints.contains(&id) {
            findings.lost(&subject, "it was minted and is not in the database");
        }
        if token.revocation == Revocation::Acknowledged && !rows.revoked.contains(&id) {
            findings.lost(&format!("revocation of {}", token.id), "it is not in the database");
        }
        let stored = rows.used.get(&id).copied().unwrap_or(0);
        let used = stored.max(acknowledged.get(token.id.as_str()).copied().unwrap_or(0));
        if used > token.max_uses {
            findings.over_used(&subject, format!("{used} uses of {}", token.max_uses));
        }
    }
}
