//! Every metric with its labels and its help, written once. The documents and the examples are compared with it.

/// A row of the list.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The kind, which decides how it is read.
    pub kind: MetricKind,
    /// The name in a scrape and in queries.
    pub name: &'static str,
    /// The labels, with their values where they are known.
    pub labels: Labels,
    /// The meaning, for people.
    pub help: &'static str,
}

/// The kind of a metric, as Prometheus names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum MetricKind {
    /// A number that only grows.
    Counter,
    /// A number of the moment.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

/// The labels of a metric.
#[derive(Clone, Copy, Debug)]
pub enum Labels {
    /// No label: one series.
    None,
    /// One label with these values.
    Each(&'static str, &'static [&'static str]),
    /// Labels whose values come from elsewhere: routes, codes, timers, certificates.
    Open(&'static [&'static str]),
}

/// Labels of operations: `done` or the code of the error.
const OUTCOME: Labels = Labels::Open(&["outcome"]);
/// Labels of background work.
const DONE_OR_FAILED: Labels = Labels::Each("outcome", &["done", "failed"]);

const fn counter(name: &'static str, labels: Labels, help: &'static str) -> Metric {
    Metric { kind: MetricKind::Counter, name, labels, help }
}

const fn gauge(name: &'static str, labels: Labels, help: &'static str) -> Metric {
    Metric { kind: MetricKind::Gauge, name, labels, help }
}

const fn histogram(name: &'static str, labels: Labels, help: &'static str) -> Metric {
    Metric { kind: MetricKind::Histogram, name, labels, help }
}

/// Every metric, in the order of the documents.
#[rustfmt::skip]
pub const METRICS: &[Metric] = &[
    gauge("gatepass_build_info", Labels::Open(&["version"]), "1, with the version of the program"),
    counter("gatepass_requests_total", Labels::Open(&["method", "route", "status"]), "requests; route is the template or empty, status is gone if the client left before its answer"),
    histogram("gatepass_request_seconds", Labels::Open(&["route"]), "time until the answer"),
    counter("gatepass_mints_total", OUTCOME, "minted tokens: done, or the code of the error"),
    counter("gatepass_service_mints_total", OUTCOME, "minted service tokens"),
    counter("gatepass_redemptions_total", OUTCOME, "redemptions; waiting: each answer to a host that waits for approval"),
    counter("gatepass_renewals_total", OUTCOME, "renewals"),
    counter("gatepass_checkins_total", Labels::None, "check-ins of hosts"),
    counter("gatepass_access_tokens_total", OUTCOME, "access tokens of hosts"),
    counter("gatepass_emergency_token_uses_total", Labels::None, "hosts admitted by the emergency token"),
    counter("gatepass_lineage_conflicts_total", Labels::None, "renewals with a superseded certificate"),
    counter("gatepass_superseded_certificates_total", Labels::None, "other refused requests with a superseded certificate"),
    gauge("gatepass_hosts", Labels::Each("state", &["active", "expiring", "lapsed", "quarantined", "revoked"]), "hosts by state, counted once a minute"),
    gauge("gatepass_hosts_overdue", Labels::None, "hosts that have not renewed although it was time: expiring and lapsed"),
    gauge("gatepass_hosts_enrolled", Labels::None, "hosts that are neither revoked nor lapsed, counted once a minute"),
    gauge("gatepass_node_limit", Labels::None, "maximum number of enrolled hosts; 0: unlimited"),
    gauge("gatepass_enrollments_waiting", Labels::None, "hosts that wait for a decision, counted once a minute"),
    gauge("gatepass_enrollments_oldest_waiting_seconds", Labels::None, "time since the oldest of them began to wait; 0: none waits"),
    counter("gatepass_enrollment_decisions_total", Labels::Each("decision", &["approved", "denied"]), "decisions about waiting hosts"),
    gauge("gatepass_tokens", Labels::Each("state", &["pending", "active", "used", "exhausted", "expired", "suspended", "revoked"]), "enrollment tokens by state, counted once a minute"),
    gauge("gatepass_output_keys", Labels::Each("state", &["ready", "preparing", "unreachable", "refused", "invalid"]), "keys of hosts at Elasticsearch outputs by state, counted once a minute"),
    gauge("gatepass_output_keys_to_invalidate", Labels::None, "keys that are to be invalidated at their clusters, counted once a minute"),
    gauge("gatepass_output_keys_to_invalidate_oldest_seconds", Labels::None, "time since the oldest of them waits; 0: none waits"),
    counter("gatepass_output_calls_total", Labels::Open(&["call", "outcome"]), "calls to clusters of outputs: create, check, invalidate; done, unreachable, refused"),
    gauge("gatepass_tokens_expiring_soon", Labels::None, "tokens of clusters and policies that hosts use and that expire within 30 days"),
    gauge("gatepass_check_passed", Labels::Each("check", &["store", "clock", "crl", "ca", "status_lists", "ledger_mark", "expiry", "backup"]), "1 while this check of /readyz passes"),
    counter("gatepass_panics_total", Labels::None, "requests that panicked"),
    gauge("gatepass_backup_age_seconds", Labels::None, "time since the newest backup, or since the founding if none was made"),
    gauge("gatepass_clock_in_doubt", Labels::None, "1 while the clock is in doubt"),
    gauge("gatepass_certificate_expiry_seconds", Labels::Open(&["certificate"]), "time left of root, issuing <ski>, server"),
    gauge("gatepass_revoked_tokens", Labels::None, "revoked tokens in memory"),
    gauge("gatepass_revoked_certificates", Labels::None, "revoked certificates in memory"),
    gauge("gatepass_status_lists", Labels::None, "published lists; each counts once per external URL"),
    gauge("gatepass_status_lists_age_seconds", Labels::None, "time since the oldest list was signed"),
    counter("gatepass_status_list_signings_total", DONE_OR_FAILED, "signed lists; failed counts rounds"),
    counter("gatepass_status_events_total", Labels::None, "pushed events"),
    gauge("gatepass_event_streams", Labels::None, "open event streams of status lists"),
    gauge("gatepass_page_streams", Labels::None, "open event streams of dashboard pages"),
    counter("gatepass_event_streams_dropped_total", Labels::None, "streams dropped because the client read too slowly"),
    counter("gatepass_event_streams_refused_total", Labels::None, "streams over the limit"),
    histogram("gatepass_commit_batch_size", Labels::None, "commands in a commit"),
    histogram("gatepass_commit_seconds", Labels::None, "time of a commit"),
    gauge("gatepass_wal_bytes", Labels::None, "size of the write-ahead log of the database"),
    counter("gatepass_checkpoints_total", DONE_OR_FAILED, "moves of that log into the database"),
    gauge("gatepass_connections", Labels::None, "open connections"),
    counter("gatepass_connections_refused_total", Labels::Each("cap", &["all", "awaited", "address"]), "connections over a cap"),
    counter("gatepass_sign_ins_total", Labels::Each("outcome", &["proven", "remembered", "refused", "put_off", "failed"]), "sign-ins by name and password; remembered ones are of the last minute, put_off ones got 429"),
    counter("gatepass_rate_limited_total", Labels::Each("limit", &["address", "refused_address", "actor", "sign_in_site", "sign_in_account", "refused_token", "unknown_tokens", "redemptions"]), "requests answered 429"),
    counter("gatepass_overloaded_total", Labels::Each("budget", &["answers", "bodies_of_strangers", "bodies_of_callers"]), "requests without memory left"),
    counter("gatepass_handshake_failures_total", Labels::Each("reason", &["timeout", "proxy_header", "disconnected", "plain_http", "client_certificate", "refused_by_client", "incompatible", "malformed"]), "failed TLS handshakes"),
    counter("gatepass_timer_runs_total", Labels::Open(&["timer", "outcome"]), "runs of the periodic work of the server"),
    counter("gatepass_timer_restarts_total", Labels::Open(&["timer"]), "restarts of background work after a panic"),
    counter("gatepass_log_lines_dropped_total", Labels::None, "log lines that standard error could not take"),
    counter("gatepass_collected_total", Labels::None, "deleted rows"),
    counter("process_cpu_seconds_total", Labels::None, "time of the processors in user and system mode"),
    gauge("process_start_time_seconds", Labels::None, "start of the process since 1970"),
    gauge("process_resident_memory_bytes", Labels::None, "resident memory"),
    gauge("process_virtual_memory_bytes", Labels::None, "virtual memory"),
    gauge("process_threads", Labels::None, "threads"),
    gauge("process_open_fds", Labels::None, "open file descriptors"),
    gauge("process_max_fds", Labels::None, "limit of open file descriptors"),
];

impl Metric {
    /// Gives the recorder the help, and a counter its series at 0: an increase from nothing is no increase. A gauge without
    /// labels begins too.
    pub(super) fn begin(&self) {
        match self.kind {
            MetricKind::Counter => metrics::describe_counter!(self.name, self.help),
            MetricKind::Gauge => metrics::describe_gauge!(self.name, self.help),
            MetricKind::Histogram => metrics::describe_histogram!(self.name, self.help),
        }
        match (self.kind, self.labels) {
            (MetricKind::Counter, Labels::None) => metrics::counter!(self.name).increment(0),
            (MetricKind::Counter, Labels::Each(label, values)) => {
                values.iter().for_each(|value| metrics::counter!(self.name, label => *value).increment(0));
            }
            (MetricKind::Gauge, Labels::None) => metrics::gauge!(self.name).increment(0.0),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;
    use crate::store::{HostState, OutputState, TokenState};

    #[test]
    fn the_states_are_those_of_the_store() {
        let hosts = HostState::VARIANTS.iter().map(|state| (*state).into()).collect::<Vec<&str>>();
        let tokens = TokenState::VARIANTS.iter().map(|state| (*state).into()).collect::<Vec<&str>>();
        let keys = OutputState::VARIANTS.iter().map(|state| state.as_str()).collect::<Vec<&str>>();
        let all = [("gatepass_hosts", hosts), ("gatepass_tokens", tokens), ("gatepass_output_keys", keys)];
        for (name, mut states) in all {
            let metric = METRICS.iter().find(|metric| metric.name == name).unwrap();
            let Labels::Each("state", listed) = metric.labels else { panic!("{name}") };
            let mut listed = listed.to_vec();
            listed.sort_unstable();
            states.sort_unstable();
            assert_eq!(listed, states, "{name}");
        }
    }
}
