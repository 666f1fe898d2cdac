//! The review after a fault: every answer is asked for again, and the database is compared with the record.

use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::json;

use crate::Fault;
use crate::authority::Authority;
use crate::caller::{Answer, Caller};
use crate::findings::Findings;
use crate::judge::judge;
use crate::load::request;
use crate::record::{Enrolled, Outcome, Record, Revocation};
use crate::rows::Rows;
use crate::site::Site;

/// Requests at the same time.
const AT_ONCE: usize = 8;

/// The part of the record that is asked for again over the network. The database is always compared with all of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Acts since the last review.
    New,
    /// Every act.
    All,
}

/// Reviews a running server. Open redemptions are repeated, and their answers go into the record.
pub(crate) async fn review(
    authority: &Authority,
    site: &Site,
    record: &mut Record,
    scope: Scope,
) -> Result<Findings, Fault> {
    let mut findings = Findings::default();
    let since = if scope == Scope::New { record.reviewed } else { (0, 0) };
    repeat(&authority.caller, record, since.1, &mut findings).await;
    revoked(&authority.caller, record, since.0, &mut findings).await;
    record.reviewed = (record.tokens.len(), record.redemptions.len());
    let judged = judge(record, &Rows::read(&site.data)?);
    findings.merge("database", judged);
    match authority.caller.get("/api/v1/ledger/verification").await {
        Answer::Done(verdict) if verdict["intact"] == json!(true) => {}
        Answer::Done(verdict) => findings.other("ledger", verdict.to_string()),
        answer => findings.other("ledger", answer.described()),
    }
    Ok(findings)
}

/// Sends every redemption again. An enrolled host gets what it got before.
async fn repeat(caller: &Arc<Caller>, record: &mut Record, since: usize, findings: &mut Findings) {
    let again = (since..record.redemptions.len()).map(|number| {
        let redemption = &record.redemptions[number];
        let (token, csr) = (record.tokens[redemption.token].clone(), redemption.csr.clone());
        let (caller, skip) = (Arc::clone(caller), matches!(redemption.outcome, Outcome::Exhausted));
        async move { (number, if skip { None } else { Some(caller.redeem(&token, &csr).await) }) }
    });
    let answers = futures_util::stream::iter(again.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
    for (number, answer) in answers.collect::<Vec<_>>().await {
        if let Some(answer) = answer {
            compare(record, number, answer, findings);
        }
    }
}

fn compare(record: &mut Record, number: usize, answer: Answer<Enrolled>, findings: &mut Findings) {
    let token = &record.tokens[record.redemptions[number].token];
    let before = record.redemptions[number].outcome.clone();
    match (before, answer) {
        (Outcome::Enrolled(before), Answer::Done(after)) if before == after => {}
        (Outcome::Enrolled(before), answer) => {
            let why = format!("its repeat with token {} got {}", token.id, described(&answer));
            findings.lost(&format!("host {}", before.host), why);
        }
        (_, Answer::Done(enrolled)) => record.redemptions[number].outcome = Outcome::Enrolled(enrolled),
        (_, answer) if record.must_succeed(number) => {
            let why = format!("spent without an answer: the repeat got {}", answer.described());
            findings.lost(&format!("token {}", token.id), why);
        }
        (_, Answer::Refused(..)) => record.redemptions[number].outcome = Outcome::Exhausted,
        (_, answer) => findings.other("repeats without an answer", answer.described()),
    }
}

fn described(answer: &Answer<Enrolled>) -> String {
    match answer {
        Answer::Done(enrolled) => format!("host {}", enrolled.host),
        answer => answer.described(),
    }
}

/// Tries every revoked token with a new host.
async fn revoked(caller: &Arc<Caller>, record: &Record, since: usize, findings: &mut Findings) {
    let revoked = record.tokens[since..].iter().filter(|token| token.revocation == Revocation::Acknowledged);
    for token in revoked {
        match caller.redeem(token, &request()).await {
            Answer::Refused(410, _) => {}
            answer => {
                let why = format!("a new host got {}", answer.described());
                findings.lost(&format!("revocation of {}", token.id), why);
            }
        }
    }
}
