//! `/approvals`: hosts that wait for a decision.

use super::dialect::sentence;
use super::form::Choice;
use super::frame::{self, Frame};
use super::grant;
use super::list::{self, Listing, Rows};
use super::parts::{Icon, Mark, Moment, Tone, grouped};
use crate::access::Permission;
use crate::admission::Applicant;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::request::{EnrollmentWords, MOST_DECISIONS, denial_reason};
use crate::id::EnrollmentId;
use crate::service::Verdict;
use crate::service::labels::ActorLabels;
use crate::store::{Decision, EnrollmentRecord, EnrollmentState};

/// The prefix of the fields that choose enrollments.
const CHOSEN: &str = "id.";

/// The states that the list can be filtered by, each with the word of the API.
const STATES: [(&str, &str); 5] = [
    ("", "Waiting"),
    ("approved", "Approved"),
    ("denied", "Denied"),
    ("expired", "Expired"),
    ("ended", "Ended with their token"),
];

#[derive(askama::Template)]
#[template(path = "approvals.html")]
struct ApprovalsPage<'a> {
    frame: Frame<'a>,
    waiting: String,
    words: Listing,
    states: Vec<Choice>,
    rows: Vec<EnrollmentRow>,
    next: Option<String>,
    faults: Vec<String>,
    /// True if a host in the list waits.
    waits: bool,
}

/// An enrollment, in the list and on its own page.
struct EnrollmentRow {
    id: EnrollmentId,
    name: String,
    code: String,
    state: Mark,
    waits: bool,
    cluster: Option<String>,
    roles: String,
    address: String,
    token: String,
    token_label: String,
    minter: String,
    began: Moment,
    expires: Moment,
    decision: Option<(String, Moment, String)>,
    host: Option<String>,
}

impl EnrollmentRow {
    fn new(call: &Call, record: &EnrollmentRecord) -> Self {
        let (now, labels) = (call.authority.time.now(), ActorLabels::default());
        let moment = |at| Moment::new(at, now);
        let text = |value: Option<String>| value.unwrap_or_else(|| "not known".to_owned());
        let decided = |decision: &Decision| {
            let reason = decision.reason.clone().unwrap_or_default();
            (grant::actor(&decision.by, &labels), moment(decision.at), reason)
        };
        let roles = record.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Self {
            id: record.id,
            name: record.name.as_ref().map_or_else(|| "no DNS name".to_owned(), ToString::to_string),
            code: record.code.clone(),
            state: mark(record.state),
            waits: record.state == EnrollmentState::Waiting,
            cluster: record.cluster.as_ref().map(ToString::to_string),
            roles: if roles.is_empty() { "none".to_owned() } else { roles },
            address: text(record.address.map(|address| address.to_string())),
            token: record.token.to_string(),
            token_label: record
                .token_label
                .as_ref()
                .map(ToString::to_string)
                .filter(|label| !label.is_empty())
                .unwrap_or_else(|| grant::short(&record.token.to_string())),
            minter: text(record.minter.as_deref().map(|minter| grant::actor(minter, &labels))),
            began: moment(record.began_at),
            expires: moment(record.expires_at),
            decision: record.decision.as_ref().map(decided),
            host: record.host.map(|host| host.to_string()),
        }
    }
}

const fn mark(state: EnrollmentState) -> Mark {
    match state {
        EnrollmentState::Waiting => Mark(Tone::Wait, "waiting"),
        EnrollmentState::Approved => Mark(Tone::Good, "approved"),
        EnrollmentState::Denied => Mark(Tone::Bad, "denied"),
        EnrollmentState::Expired => Mark(Tone::Plain, "expired"),
        EnrollmentState::Ended => Mark(Tone::Plain, "ended"),
    }
}

/// Shows the queue.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    queue(&call, &[]).await
}

async fn queue(call: &Call, faults: &[String]) -> Result<Reply, Problem> {
    let words = Listing::of(call)?;
    let frame = Frame::of(call, "Approvals", "/approvals").await?;
    let waiting = call.authority.enrollment.count_waiting().await?.count;
    let Rows { rows, next, fault, status } = rows(call).await.into();
    let faults = faults.iter().cloned().chain(fault).collect();
    let page = ApprovalsPage {
        waiting: grouped(waiting),
        states: words.choices("state", STATES),
        next: next.map(|cursor| words.after(&cursor)),
        faults,
        waits: rows.iter().any(|row| row.waits),
        frame,
        words,
        rows,
    };
    frame::page(status, &page)
}

async fn rows(call: &Call) -> Result<(Vec<EnrollmentRow>, Option<String>), Problem> {
    let (paging, words) = list::paging::<EnrollmentWords>(call, "enrollments")?;
    let filter = words.judge(call.authority.time.now())?;
    let page = call.authority.enrollment.list_enrollments(filter, paging.query()?).await?;
    let rows = page.items.iter().map(|record| EnrollmentRow::new(call, record)).collect();
    Ok((rows, paging.cursor_at(page.next)))
}

#[derive(askama::Template)]
#[template(path = "approval.html")]
struct ApprovalPage<'a> {
    frame: Frame<'a>,
    row: EnrollmentRow,
    rules: Option<Vec<RuleLine>>,
}

/// A rule with the reasons why it does not admit the host; without reasons it does.
struct RuleLine {
    label: String,
    reasons: String,
}

/// Shows one enrollment, with the reasons of every rule.
pub(super) async fn show_one(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "enrollment", EnrollmentId::parse)?;
    let record = call.authority.enrollment.show_enrollment(id).await?;
    let rules = match call.may(Permission::ReadPolicies) {
        true => Some(rules(&call, &record).await?),
        false => None,
    };
    let row = EnrollmentRow::new(&call, &record);
    let frame = Frame::of(&call, format!("Approve {}", row.code), "/approvals").await?;
    frame::ok(&ApprovalPage { row, rules, frame })
}

/// Each rule with its reasons about the host, as of now.
async fn rules(call: &Call, record: &EnrollmentRecord) -> Result<Vec<RuleLine>, Problem> {
    let token = call.authority.tokens.show_token(record.token).await.ok();
    let cluster = token.and_then(|token| token.mint.terms.bindings.cluster);
    let applicant = Applicant {
        cluster,
        roles: record.roles.clone(),
        address: record.address,
        name: record.name.clone(),
    };
    let decision = call.authority.rules.test_rules(&applicant, record.policy).await?;
    let admits = decision.rule.map(|rule| RuleLine { label: rule.label.to_string(), reasons: String::new() });
    let others = decision.others.into_iter().map(|other| RuleLine {
        label: other.rule.label.to_string(),
        reasons: other.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    });
    Ok(admits.into_iter().chain(others).collect())
}

/// Decides about the chosen hosts, each for itself.
pub(super) async fn decide(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    let verdict = match form.get("decision") {
        Some("approve") => Verdict::Approve { roles: None },
        Some("deny") => Verdict::Deny {
            reason: denial_reason(form.get("reason").unwrap_or("").trim().to_owned())?,
            keep_use: form.get("keep_use").is_some(),
        },
        _ => return Err(Problem::bad_request("select approve or deny")),
    };
    let pairs = form.into_pairs();
    let ids = pairs.iter().filter_map(|(name, _)| EnrollmentId::parse(name.strip_prefix(CHOSEN)?));
    let ids = ids.collect::<Vec<_>>();
    if ids.len() > MOST_DECISIONS {
        return Err(Problem::bad_request(format!("select at most {MOST_DECISIONS} hosts")));
    }
    if ids.is_empty() {
        return queue(&call, &["Select at least one host.".to_owned()]).await;
    }
    let decided = call.authority.enrollment.decide_many(&call.caller, &ids, &verdict).await;
    let faults = ids.iter().zip(decided).filter_map(|(id, outcome)| {
        let problem = Problem::from(outcome.err()?);
        Some(format!("{}: {}", grant::short(&id.to_string()), sentence(&problem.detail)))
    });
    let faults = faults.collect::<Vec<_>>();
    match faults.is_empty() {
        true => Ok(Reply::see_other("/approvals")),
        false => queue(&call, &faults).await,
    }
}
