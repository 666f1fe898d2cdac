//! `gatepass overview`: the state of the authority on one page.

use clap::Args;
use serde_json::{Value, json};

use super::capacity::warn_of;
use super::error::CliError;
use super::output::{self, Format, note};
use super::outputs::key_states;
use super::remote::Remote;
use super::together::count;
use crate::clock::Timestamp;
use crate::config::Environment;
use crate::text::printable;

/// The route that shows the state of the authority.
pub(super) const OVERVIEW: &str = "/api/v1/overview";

/// Show the state of the authority on one page
///
/// Version, URL and readiness. In a browser, the URL leads to the dashboard. Hosts and tokens by state; hosts that wait for
/// approval; keys of hosts at outputs; keys and CA with their dates. Then root key, clock, newest backup and disk, and secrets of the first start that still lie in the data directory.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass overview
  gatepass overview --data-dir /var/lib/gatepass
  gatepass overview -o json

`gatepass doctor` names the remedy of each problem.

Exit codes: 0 ready; 1 not ready, or the server was not reached; 2 usage")]
pub(crate) struct OverviewCommand {
    #[command(flatten)]
    remote: Remote,
}

const ROWS: &[(&str, &str)] = &[
    ("version", "version"),
    ("URL", "url"),
    ("ready", "ready"),
    ("hosts", "hosts"),
    ("capacity", "capacity"),
    ("waiting hosts", "waiting"),
    ("tokens", "tokens"),
    ("keys at outputs", "output_keys"),
    ("keys to invalidate", "to_invalidate"),
    ("enrollment key made", "keys.enrollment"),
    ("service key made", "keys.service"),
    ("access key made", "keys.access"),
    ("status list key made", "keys.status_list"),
    ("root expires", "ca.root.expires_at"),
    ("issuing CA expires", "ca.issuing.0.expires_at"),
    ("TLS certificate expires", "ca.server.expires_at"),
    ("root key", "root_key"),
    ("clock", "clock"),
    ("newest backup", "backup.newest_at?none"),
    ("disk", "disk"),
    ("first secrets", "first_secrets?none left here"),
];

/// The values of the keys of hosts at outputs.
const KEYS_AT_OUTPUTS: [&str; 2] = ["output_keys", "to_invalidate"];

impl OverviewCommand {
    /// Prints the overview.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let found = self.remote.connect(environment)?.get(OVERVIEW).await?;
        if self.remote.output == Format::Json {
            output::json(&found)?;
        } else {
            output::text(&shown(&page(&found)))?;
            remarks(&found);
        }
        match found["status"].as_str() {
            Some("ready") => Ok(()),
            _ => Err(CliError::Code(1)),
        }
    }
}

/// The page. An authority without keys at outputs has no rows for them.
fn shown(page: &Value) -> String {
    let unused = |place: &str| {
        KEYS_AT_OUTPUTS.contains(&place)
            && KEYS_AT_OUTPUTS.iter().all(|keys| page[*keys].is_null() || page[*keys] == "none")
    };
    let rows = ROWS.iter().filter(|(_, place)| !unused(place)).copied().collect::<Vec<_>>();
    output::lines(page, &rows)
}

/// The values of the page. Times stay as they are: the page formats them.
fn page(found: &Value) -> Value {
    json!({
        "version": found["version"],
        "url": found["url"],
        "ready": found["status"] == "ready",
        "hosts": by_state(&found["hosts"]),
        "capacity": capacity(&found["capacity"]),
        "waiting": waiting(&found["enrollments"]),
        "tokens": by_state(&found["tokens"]),
        "output_keys": key_states::by_state(&found["output_keys"]),
        "to_invalidate": key_states::to_invalidate(&found["output_keys"]),
        "keys": current_keys(&found["signing_keys"]),
        "ca": found["ca"],
        "root_key": if found["ca"]["root"]["key"] == "here" { "on the server" } else { "not on the server" },
        "clock": found["clock"]["state"],
        "backup": found["backup"],
        "disk": disk(&found["disk"]),
        "first_secrets": found["first_secrets"],
    })
}

/// The numbers of the states that have any.
fn by_state(counts: &Value) -> String {
    let states = counts.as_object().into_iter().flatten();
    let some = states.filter(|(_, number)| number.as_u64() != Some(0));
    let told = some.map(|(state, number)| format!("{number} {}", printable(state))).collect::<Vec<_>>();
    if told.is_empty() { String::from("none") } else { told.join(", ") }
}

/// The number of hosts against the node limit.
fn capacity(capacity: &Value) -> Value {
    match (capacity["enrolled"].as_u64(), capacity["node_limit"].as_u64()) {
        (Some(enrolled), Some(limit)) => json!(format!("{enrolled} of {limit} hosts enrolled")),
        (Some(enrolled), None) => json!(format!("{} enrolled, no limit", count(enrolled, "host"))),
        (None, _) => Value::Null,
    }
}

/// The number of hosts that wait for approval, and the beginning of the oldest wait.
fn waiting(enrollments: &Value) -> Value {
    let oldest = enrollments["oldest_began_at"].as_str().and_then(Timestamp::parse_rfc3339);
    match (enrollments["waiting"].as_u64(), oldest) {
        (Some(0), _) => json!("none"),
        (Some(hosts), Some(oldest)) => json!(format!("{}, the oldest since {oldest}", count(hosts, "host"))),
        _ => Value::Null,
    }
}

/// The time at which each current key was made, by use.
fn current_keys(keys: &Value) -> Value {
    let keys = keys.as_array().into_iter().flatten().filter(|key| key["state"] == "current");
    keys.filter_map(|key| Some((key["use"].as_str()?.to_owned(), key["created_at"].clone()))).collect()
}

fn disk(disk: &Value) -> Value {
    let bytes = |name: &str| disk[name].as_u64();
    match (bytes("free_bytes"), bytes("size_bytes")) {
        (Some(free), Some(size)) => json!(format!("{} free of {}", size_of(free), size_of(size))),
        _ => Value::Null,
    }
}

/// A number of bytes in MiB, or from 10 GiB in GiB.
pub(super) fn size_of(bytes: u64) -> String {
    match bytes >> 20 {
        mebi if mebi >= 10 << 10 => format!("{} GiB", mebi >> 10),
        mebi => format!("{mebi} MiB"),
    }
}

/// Notes about checks that failed or warn, and about secrets of the first start.
fn remarks(found: &Value) {
    for check in found["checks"].as_array().into_iter().flatten() {
        if let Some(detail) = check["detail"].as_str().filter(|detail| !detail.is_empty()) {
            note(format!("{}: {}", printable(check["name"].as_str().unwrap_or_default()), printable(detail)));
        }
    }
    let expiring = found["tokens_expiring_soon"].as_u64().unwrap_or_default();
    if expiring > 0 {
        let tokens = count(expiring, "token");
        note(format!(
            "{tokens} that many hosts use will expire within 30 days: `gatepass token list` names them"
        ));
    }
    if found["enrollments"]["waiting"].as_u64().is_some_and(|hosts| hosts > 0) {
        let url = printable(found["url"].as_str().unwrap_or_default());
        note(format!("hosts wait for approval: `gatepass enrollment list` and {url}/approvals show them"));
    }
    let failing = key_states::failing(&found["output_keys"]);
    if failing > 0 {
        let keys = count(failing, "key");
        note(format!("clusters did not make {keys} of hosts: `gatepass output list` shows their outputs"));
    }
    warn_of(Format::Table, &found["capacity"]);
    let left = found["first_secrets"].as_array().map_or(0, Vec::len);
    if left > 0 {
        let files = count(left as u64, "secret");
        note(format!("{files} in the data directory: move the files to a safe, away from the server"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_without_members_are_left_out() {
        assert_eq!(by_state(&json!({ "active": 2, "expiring": 0, "revoked": 1 })), "2 active, 1 revoked");
        assert_eq!(by_state(&json!({ "active": 0 })), "none");
    }

    #[test]
    fn only_an_authority_with_outputs_has_their_rows() {
        let shown = |keys: Value| shown(&page(&json!({ "output_keys": keys })));
        let rows = ["keys at outputs", "keys to invalidate"];
        assert!(rows.iter().all(|row| !shown(json!({ "ready": 0, "to_invalidate": 0 })).contains(row)));
        for keys in [json!({ "ready": 1, "to_invalidate": 0 }), json!({ "ready": 0, "to_invalidate": 1 })] {
            let page = shown(keys);
            assert!(rows.iter().all(|row| page.contains(row)), "{page}");
        }
    }

    #[test]
    fn the_limit_stands_beside_the_number() {
        let shown = |limit: Value| capacity(&json!({ "enrolled": 93, "node_limit": limit }));
        assert_eq!(shown(json!(100)), "93 of 100 hosts enrolled");
        assert_eq!(shown(Value::Null), "93 hosts enrolled, no limit");
        assert_eq!(capacity(&Value::Null), Value::Null);
    }

    #[test]
    fn the_oldest_wait_stands_beside_the_number() {
        let queue = json!({ "waiting": 3, "oldest_began_at": "2026-11-30T08:00:00.307Z" });
        assert_eq!(waiting(&queue), "3 hosts, the oldest since 2026-11-30T08:00:00Z");
        assert_eq!(waiting(&json!({ "waiting": 0, "oldest_began_at": null })), "none");
        assert_eq!(waiting(&Value::Null), Value::Null, "an older server");
    }

    #[test]
    fn a_size_has_a_suitable_unit() {
        assert_eq!(size_of(3 << 20), "3 MiB");
        assert_eq!((size_of((10 << 30) - 1), size_of(10 << 30)), ("10239 MiB".into(), "10 GiB".into()));
        assert_eq!(disk(&Value::Null), Value::Null);
    }

    #[test]
    fn only_current_keys_have_a_row() {
        let keys = json!([
            { "use": "service", "state": "current", "created_at": "a" },
            { "use": "service", "state": "prepared", "created_at": "b" },
        ]);
        assert_eq!(current_keys(&keys), json!({ "service": "a" }));
    }
}
