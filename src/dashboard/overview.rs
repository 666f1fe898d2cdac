//! `/`: the overview. It begins with the tasks of an operator.

use super::chart::{Chart, Unit};
use super::dialect::sentence;
use super::frame::{self, Frame};
use super::ledger::{self, EntryRow};
use super::parts::{Icon, Mark, Tone, grouped, length};
use crate::access::Permission;
use crate::admission::Capacity;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::tls::ServedAs;
use crate::service::overview::{Activity, Acts, StateCounts};
use crate::store::{EntryFilter, Waiting};

/// Number of entries in the list of the newest decisions.
const NEWEST: u32 = 8;

#[derive(askama::Template)]
#[template(path = "overview.html")]
struct OverviewPage<'a> {
    frame: Frame<'a>,
    tasks: Vec<Task>,
    steps: Vec<Step>,
    counts: Vec<Count>,
    charts: [Chart; 2],
    entries: Option<Vec<EntryRow>>,
}

/// Something that needs attention, with the step that settles it.
struct Task {
    mark: Mark,
    text: String,
    step: Option<(&'static str, &'static str)>,
}

/// A step of a first run that is still to be done.
struct Step {
    name: &'static str,
    advice: String,
}

/// A number with its name.
struct Count {
    name: &'static str,
    number: String,
    note: String,
    path: Option<&'static str>,
}

/// Shows the overview.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let frame = Frame::of(&call, "Overview", "/").await?;
    let authority = &call.authority;
    let (counts, capacity) = (authority.overview.recent_count().await?, authority.capacity.show().await?);
    let waiting = authority.enrollment.count_waiting().await?;
    let activity = authority.overview.activity().await?;
    let Activity { hours, days } = activity.as_ref();
    let refusals = frame.may.read_ledger.then(|| hours.iter().map(|acts: &Acts| acts.refusals).sum());
    let entries = match frame.may.read_ledger {
        true => Some(ledger::newest(&call, EntryFilter::default(), NEWEST).await?),
        false => None,
    };
    frame::ok(&OverviewPage {
        tasks: tasks(&call, &frame, &counts, &capacity, waiting),
        steps: steps(&call).await,
        counts: numbers(&frame, &counts, &capacity, refusals),
        charts: [(Unit::Hour, hours), (Unit::Day, days)]
            .map(|(unit, acts)| Chart::new(unit, acts, frame.may.read_ledger)),
        entries,
        frame,
    })
}

/// The tasks, the most urgent first.
fn tasks(
    call: &Call,
    frame: &Frame<'_>,
    counts: &StateCounts,
    capacity: &Capacity,
    waiting: Waiting,
) -> Vec<Task> {
    let task = |tone, word, text, step| Task { mark: Mark(tone, word), text, step };
    let failed = call.authority.health.checks().into_iter().filter(|check| !check.detail.is_empty());
    let mut tasks = failed
        .map(|check| {
            let (tone, word) = if check.ok { (Tone::Warn, "warning") } else { (Tone::Bad, "failed") };
            task(tone, word, format!("{}: {}", check.name.replace('_', " "), check.detail), None)
        })
        .collect::<Vec<_>>();
    let hosts = |state: &str| counts.hosts.get(state).copied().unwrap_or(0);
    if let (1.., Some(oldest)) = (waiting.count, waiting.oldest) {
        let since = length(call.authority.time.now().since(oldest));
        let text = format!("{} for approval, the first one for {since}.", wait(waiting.count));
        tasks.push(task(Tone::Wait, "waiting", text, Some(("/approvals", "Review"))));
    }
    let quarantined = hosts("quarantined");
    if quarantined > 0 {
        let text = format!("{} in quarantine: two machines share an identity.", are(quarantined, "host"));
        tasks.push(task(Tone::Bad, "quarantine", text, Some(("/hosts?state=quarantined", "Show hosts"))));
    }
    if let Some(warning) = capacity.warning() {
        tasks.push(task(Tone::Warn, "capacity", sentence(&warning), None));
    }
    if counts.tokens_expiring_soon > 0 {
        let text = match counts.tokens_expiring_soon {
            1 => "1 token in use expires within 30 days.".to_owned(),
            tokens => format!("{} tokens in use expire within 30 days.", grouped(tokens)),
        };
        tasks.push(task(
            Tone::Warn,
            "expiring",
            text,
            Some(("/tokens?kind=cluster,policy&sort=expires", "Show tokens")),
        ));
    }
    let lapsed = hosts("lapsed");
    if lapsed > 0 {
        let text = format!("{} lapsed: the certificate has expired.", have(lapsed, "host"));
        tasks.push(task(Tone::Warn, "lapsed", text, Some(("/hosts?state=lapsed", "Show hosts"))));
    }
    let offered = |step: &(&str, &str)| match step.0.starts_with("/hosts") || step.0 == "/approvals" {
        true => frame.may.read_hosts,
        false => frame.may.read_tokens,
    };
    for task in &mut tasks {
        task.step = task.step.filter(offered);
    }
    tasks
}

fn wait(hosts: u64) -> String {
    if hosts == 1 { "1 host waits".to_owned() } else { format!("{} hosts wait", grouped(hosts)) }
}

fn are(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun} is") } else { format!("{} {noun}s are", grouped(number)) }
}

fn have(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun} has") } else { format!("{} {noun}s have", grouped(number)) }
}

/// The steps of a first run that are still to be done. An administrator sees them.
async fn steps(call: &Call) -> Vec<Step> {
    if !call.may(Permission::Administer) {
        return Vec::new();
    }
    let left = call.authority.overview.data_directory().await.first_secrets;
    let issuers = call.authority.trust.issuers();
    let mut steps = Vec::new();
    let host = issuers.current().strip_prefix("https://").unwrap_or_default();
    // Browsers use a name with a certificate of its own. No host does.
    if !host.eq_ignore_ascii_case(call.head.host()) && call.head.peer.served_as != ServedAs::Named {
        let advice = format!(
            "This page is at {}, but hosts use {host}. Open the dashboard there to check that address.",
            call.head.host()
        );
        steps.push(Step { name: "External URL", advice });
    }
    let advice = |file: &str| match file {
        "admin.password" => {
            ("Own password", "Change your password on the account page, then delete the file.")
        }
        "emergency.token" => ("Emergency token", "Move the file to a safe place off this machine."),
        _ => ("First roles token", "Use the token, or revoke it. Then delete the file."),
    };
    steps.extend(left.into_iter().map(|file| {
        let (name, text) = advice(file);
        Step { name, advice: format!("{text} It is {file} in the data directory.") }
    }));
    if call.authority.backups.times().backed_up_at.is_none() {
        let advice = "Run gatepass backup FILE --with-keys on this machine. Administration shows the age of the newest one.";
        steps.push(Step { name: "Backup", advice: advice.to_owned() });
    }
    if call.authority.ca.root_key_here() {
        let advice = "Move it offline with gatepass ca export-root --key-to FILE --remove.".to_owned();
        steps.push(Step { name: "Root key", advice });
    }
    steps
}

fn numbers(
    frame: &Frame<'_>,
    counts: &StateCounts,
    capacity: &Capacity,
    refusals: Option<u64>,
) -> Vec<Count> {
    let host = |state: &str| counts.hosts.get(state).copied().unwrap_or(0);
    let token = |state: &str| counts.tokens.get(state).copied().unwrap_or(0);
    let path = |may: bool, path| may.then_some(path);
    let hosts = frame.may.read_hosts;
    let mut numbers = vec![
        Count {
            name: "Active hosts",
            number: grouped(host("active")),
            note: format!("{} revoked", grouped(host("revoked"))),
            path: path(hosts, "/hosts?state=active"),
        },
        Count {
            name: "Expiring hosts",
            number: grouped(host("expiring")),
            note: format!("{} lapsed", grouped(host("lapsed"))),
            path: path(hosts, "/hosts?state=expiring"),
        },
        Count {
            name: "Live tokens",
            number: grouped(token("active") + token("pending")),
            note: format!("{} for one host", grouped(token("pending"))),
            path: path(frame.may.read_tokens, "/tokens"),
        },
    ];
    if let Some(refusals) = refusals {
        numbers.push(Count {
            name: "Refusals",
            number: grouped(refusals),
            note: "in the last 24 h".to_owned(),
            path: Some("/ledger?outcome=refused&since=1d"),
        });
    }
    let limit = capacity.node_limit.map(u64::from);
    numbers.push(Count {
        name: "Node limit",
        number: limit.map_or_else(
            || "none".to_owned(),
            |limit| format!("{} %", capacity.enrolled * 100 / limit.max(1)),
        ),
        note: match limit {
            Some(limit) => format!("{} of {}", grouped(capacity.enrolled), grouped(limit)),
            None => format!("{} enrolled", grouped(capacity.enrolled)),
        },
        path: None,
    });
    numbers
}
