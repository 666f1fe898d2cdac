//! Values that a shell completes: roles, states, settings, contexts, and ids that the server lists.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Arg, Command, Parser};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use serde_json::Value;
use strum::VariantArray as _;

use super::context::ContextName;
use super::output::text_at;
use super::remote::Remote;
use crate::config::Environment;
use crate::server::{enrollment_states, host_states, token_kinds, token_states};
use crate::span::Setting;

/// Longest wait for the server: a shell waits for the values.
const PATIENCE: Duration = Duration::from_secs(2);
/// Maximum number of listed values.
const MOST: usize = 100;

/// A list of the server: its path, the value, and the words that describe it.
struct Listed(&'static str, &'static str, &'static str);

const ROLES: Listed = Listed("/api/v1/roles", "id", "description");
const TOKENS: Listed = Listed("/api/v1/enrollment-tokens", "id", "label");
const HOSTS: Listed = Listed("/api/v1/hosts", "id", "name|label|reported.hostname");
const POLICIES: Listed = Listed("/api/v1/policies", "name", "id");
const OUTPUTS: Listed = Listed("/api/v1/outputs", "name", "id");
const RULES: Listed = Listed("/api/v1/auto-approve-rules", "id", "label");
/// Those that wait.
const ENROLLMENTS: Listed = Listed("/api/v1/enrollments", "id", "name|token_label|code");
const KEYS: Listed = Listed("/api/v1/signing-keys", "id", "state");
const API_KEYS: Listed = Listed("/api/v1/api-keys", "id", "label");
const USERS: Listed = Listed("/api/v1/users", "username", "role");
const ISSUERS: Listed = Listed("/api/v1/issuers", "id", "since");

/// Adds the candidates of each argument of a command below `noun`.
pub(super) fn add(noun: &str, command: Command) -> Command {
    command.mut_args(|argument| match of_argument(noun, argument.get_id().as_str()) {
        Some(candidates) => Arg::add(argument, candidates),
        None => argument,
    })
}

fn of_argument(noun: &str, argument: &str) -> Option<ArgValueCandidates> {
    let listed = |list: &'static Listed| Some(ArgValueCandidates::new(move || list.candidates()));
    match (noun, argument) {
        (_, "context") | ("context", "name") => Some(ArgValueCandidates::new(contexts)),
        ("token" | "host" | "user" | "api-key" | "rule" | "policy" | "enrollment", "role" | "roles") => {
            listed(&ROLES)
        }
        ("token", "state") => Some(ArgValueCandidates::new(|| words(token_states()))),
        ("token", "kind") => Some(ArgValueCandidates::new(|| words(token_kinds()))),
        ("host", "state") => Some(ArgValueCandidates::new(|| words(host_states()))),
        ("enrollment", "state") => Some(ArgValueCandidates::new(|| words(enrollment_states()))),
        ("settings", "keys") => Some(ArgValueCandidates::new(|| settings(""))),
        ("settings", "pairs") => Some(ArgValueCandidates::new(|| settings("="))),
        ("token", "id" | "ids") | ("host" | "ledger" | "enrollment", "token") => listed(&TOKENS),
        ("host", "id" | "ids") | ("ledger", "host") => listed(&HOSTS),
        ("rule", "id") => listed(&RULES),
        ("policy" | "token" | "host", "policy") | ("host", "with_policy") => listed(&POLICIES),
        ("user" | "api-key", "policies") => listed(&POLICIES),
        ("output", "given") | ("policy", "outputs") => listed(&OUTPUTS),
        ("enrollment", "id" | "ids") => listed(&ENROLLMENTS),
        ("keys", "id") => listed(&KEYS),
        ("api-key", "id") => listed(&API_KEYS),
        ("user", "name") => listed(&USERS),
        ("issuer", "url") => listed(&ISSUERS),
        _ => None,
    }
}

fn words(all: impl Iterator<Item = &'static str>) -> Vec<CompletionCandidate> {
    all.map(CompletionCandidate::new).collect()
}

fn settings(end: &str) -> Vec<CompletionCandidate> {
    Setting::VARIANTS.iter().map(|one| CompletionCandidate::new(format!("{}{end}", one.as_str()))).collect()
}

fn contexts() -> Vec<CompletionCandidate> {
    let names = ContextName::all(&Environment::of_process()).unwrap_or_default();
    names.iter().map(|name| CompletionCandidate::new(name.to_string())).collect()
}

impl Listed {
    /// The newest values. Nothing is asked, printed or waited for long: a shell is in the middle of a line.
    fn candidates(&self) -> Vec<CompletionCandidate> {
        let Self(_, value, help) = self;
        let candidate = |item: &Value| {
            let help = Some(text_at(item, help)).filter(|help| help != "-");
            CompletionCandidate::new(text_at(item, value)).help(help.map(Into::into))
        };
        self.items().unwrap_or_default().iter().map(candidate).collect()
    }

    fn items(&self) -> Option<Vec<Value>> {
        let words = std::env::args_os().skip_while(|word| word != "--");
        let remote = ConnectionLine::try_parse_from(connection_words(words)).ok()?.remote;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        runtime.block_on(async {
            let api = remote.connect_silently(&Environment::of_process())?;
            tokio::time::timeout(PATIENCE, api.list(self.0, MOST)).await.ok()?.ok()
        })
    }
}

#[derive(Parser)]
#[command(no_binary_name = true)]
struct ConnectionLine {
    #[command(flatten)]
    remote: Remote,
}

/// The connection flags among the words of an unfinished line, with their values.
fn connection_words(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    const FLAGS: [&str; 6] = ["--context", "--server", "--ca", "--ca-fingerprint", "--user", "--data-dir"];
    let (mut kept, mut takes_value) = (Vec::new(), false);
    for word in words {
        let text = word.to_string_lossy();
        let flag = text.split('=').next().unwrap_or_default();
        let is_flag = FLAGS.contains(&flag);
        if takes_value || is_flag || flag == "--outside-tls" {
            takes_value = is_flag && !text.contains('=') && !takes_value;
            kept.push(word);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_flags_are_found_in_an_unfinished_line() {
        let line = "-- gatepass host show --data-dir d --server=https://a --outside-tls -o json --na";
        let kept = connection_words(line.split(' ').map(OsString::from));
        assert_eq!(kept, ["--data-dir", "d", "--server=https://a", "--outside-tls"]);
    }
}
