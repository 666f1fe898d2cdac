//! README.md, the guided tour and the drill work as they stand: their commands are run, in order, against the built binary.
//! The output that they show is compared.
//!
//! `GATEPASS_WRITE_PAGES=1` writes the output of this run into the pages.

use std::fs;

use crate::support::terminal::Terminal;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const FLEETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fleets.md");
const TOUR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tour.md");
const DRILL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/drill.md");

/// The output of each command, by its beginning. Commands whose output the page shows are not listed.
const SAYS: &[(&str, &str)] = &[
    ("gatepass token create --role proxy --ttl", ".token"),
    ("gatepass token create --role proxy --persistent", ".token"),
    ("gatepass token create --role proxy --dns-name", ".token"),
    ("gatepass enroll --token-file", "roles        proxy"),
    ("gatepass host revoke --name", "revoked 1 host"),
    ("gatepass token revoke --label", "revoked 1 token"),
    ("(umask 077", ""),
    ("gatepass user create anna", "anna"),
    ("XDG_CONFIG_HOME=\"$PWD/anna\" gatepass login", "anna"),
    ("gatepass api-key create --label ci --scope tokens:read", "in ci.key"),
    ("GATEPASS_API_KEY=\"$(cat ci.key)\" gatepass token list", "limited"),
    ("gatepass backup drill.age", "drill.age"),
    ("gatepass backup restored.age", "restored.age"),
    ("gatepass crl --out consumer.pem", "consumer.pem"),
    ("! openssl verify", "certificate revoked"),
    ("openssl verify", "host.pem: OK"),
    ("kill -9", ""),
    ("rm -rf gatepass-data", ""),
    ("gatepass restore", "restored"),
    ("! gatepass enroll --token-file hosts.token", "token_expired"),
    ("! gatepass enroll --token-file once.token", "token_expired"),
    ("! gatepass enroll --token-file limited.token", "token_suspended"),
    ("! gatepass enroll --token-file ended.token", "token_revoked"),
    ("! gatepass enroll --token-file leaked.token", "token_"),
    ("! gatepass enroll --token-file late.token", "token_"),
    ("! gatepass renew --cert-dir new", "host_unknown"),
    ("! gatepass renew", "host_revoked"),
    ("! XDG_CONFIG_HOME=\"$PWD/anna\" gatepass session", "401"),
    ("! GATEPASS_API_KEY=", "api_key_suspended"),
    ("gatepass ledger list --action restored", "restored"),
    ("gatepass token list --state suspended", "leaked"),
    ("gatepass token release", "released 1 token"),
    ("gatepass user enable", "anna"),
    ("gatepass api-key release", "released 1"),
    ("gatepass token create --role allocator", "in first-host.token"),
    ("gatepass renew", "renew after"),
    ("gatepass ledger list --host", "host_enrolled"),
    ("gatepass ledger list", "host_renewed"),
    ("gatepass ledger verify", "the ledger is intact"),
    ("gatepass leave", "and removed its files"),
    ("rm first-host.token", ""),
    ("read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll", "roles        proxy"),
    ("unset GATEPASS_TOKEN", ""),
    ("gatepass api-key create --label ci", "in ci.key"),
    ("GATEPASS_API_KEY=", "in ci-host.token"),
    ("gatepass api-key list", "tokens:write"),
    ("export CURL_CA_BUNDLE=", ""),
    ("read -rs PASSWORD", ""),
    ("curl -H 'Content-Type: application/json'", "{\"token\":\"eyJ"),
    ("curl -u", "{\"tokens\":[{"),
    ("curl -XDELETE", "{}"),
    ("gatepass serve", "gatepass listens on https://127.0.0.1:"),
    ("gatepass token create --role proxy --cluster", "in edge.token"),
    ("gatepass token create --preset cluster --cluster edge-1", "in edge-1.token"),
    ("gatepass token create --preset rollout", "in web.token"),
    ("export TOKEN=", ""),
    ("gatepass token rotate", "in next.token"),
    ("gatepass token create --count 1000", "edge-1-hosts.tokens"),
    ("gatepass policy create", "in edge-policy.token"),
    ("export HOST=", ""),
    ("gatepass host show", "edge proxies"),
    ("gatepass issuer list", "https://localhost:"),
    ("gatepass issuer retire", "retired https://127.0.0.1:"),
];

/// The commands of a block marked `sh`, without cargo's, which run this test, and the output in the block marked `text` below.
struct Example {
    commands: Vec<String>,
    output: Option<String>,
}

/// The examples of a page, in order.
fn examples(page: &str) -> Vec<Example> {
    let text = fs::read_to_string(page).unwrap();
    let mut examples: Vec<Example> = Vec::new();
    for block in text.split("\n```").skip(1).step_by(2) {
        let (language, lines) = block.split_once('\n').unwrap_or((block, ""));
        match language {
            "sh" => {
                let commands = lines.lines().filter(|line| !line.starts_with("cargo ")).map(str::to_owned);
                examples.push(Example { commands: commands.collect(), output: None });
            }
            "text" => examples.last_mut().unwrap().output = Some(format!("{lines}\n")),
            _ => {}
        }
    }
    examples.retain(|example| !example.commands.is_empty());
    assert!(examples.len() > 5, "{page} lost its commands");
    examples
}

/// Runs the examples of a page. Returns each output that the page shows, with the one of this run.
fn run(page: &str, is_run: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let (mut terminal, mut compared) = (Terminal::open(), Vec::new());
    for Example { commands, output } in examples(page) {
        let mut said = String::new();
        for command in commands.iter().filter(|command| is_run(command)) {
            let one = terminal.type_in(command);
            if output.is_none() {
                let says = SAYS.iter().find(|(begins, _)| command.starts_with(begins));
                let (_, says) =
                    says.unwrap_or_else(|| panic!("{command} shows no output, and is not listed"));
                assert!(one.contains(says), "{command}\nshould say {says:?}, and says:\n{one}");
            }
            said += &one;
        }
        compared.extend(output.map(|output| (output, terminal.as_shown(&said))));
    }
    terminal.close();
    compared
}

#[expect(clippy::disallowed_methods, reason = "a switch of the tests, as for the tables")]
fn is_written() -> bool {
    std::env::var_os("GATEPASS_WRITE_PAGES").is_some()
}

/// Compares the outputs in a page with those of this run, or writes these into it.
fn check(page: &str, is_run: impl Fn(&str) -> bool) {
    let compared = run(page, is_run);
    if is_written() {
        let text = fs::read_to_string(page).unwrap();
        let block = |output: &str| format!("```text\n{}```", output.trim_start_matches('\n'));
        let text =
            compared.iter().fold(text, |text, (shown, said)| text.replacen(&block(shown), &block(said), 1));
        fs::write(page, text).unwrap();
        return;
    }
    for (shown, said) in compared {
        assert_eq!(shape(&said), shape(&shown), "{page} shows\n{shown}\nand the command says\n{said}");
    }
}

/// A text without the values that differ from run to run: ids, secrets, times and the widths that follow from them.
fn shape(text: &str) -> String {
    text.lines()
        .map(|line| line.split_whitespace().map(shape_of).collect::<Vec<_>>().join(" ") + "\n")
        .collect()
}

/// The shape of a word: ids and secrets are one word, digits are zeros, and times and sizes have one unit.
fn shape_of(word: &str) -> String {
    if let Some((name, value)) = word.split_once('=') {
        return format!("{name}={}", shape_of(value));
    }
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let is_hex = bare.len() >= 8 && bare.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if is_hex || bare.starts_with("eyJ") {
        return word.replace(bare, "ID");
    }
    let span = word.strip_suffix(['s', 'm', 'h', 'd']).unwrap_or_default();
    if !span.is_empty() && span.chars().all(|c| c.is_ascii_digit()) {
        return "SPAN".to_owned();
    }
    if word == "MiB" {
        return "GiB".to_owned();
    }
    let mut shape = word.replace(|c: char| c.is_ascii_digit(), "0");
    while shape.contains("00") {
        shape = shape.replace("00", "0");
    }
    shape
}

#[test]
fn every_command_of_the_readme_works_as_it_stands() {
    check(README, |command| !command.starts_with("curl "));
}

#[test]
fn the_guided_tour_works_as_it_stands() {
    check(TOUR, |_| true);
}

#[test]
fn the_drill_of_a_restore_works_as_it_stands() {
    check(DRILL, |command| !command.contains("openssl "));
}

/// "Scope cluster tokens to the smallest cluster identity that makes sense. […] Use `max_nodes` on cluster tokens for any
/// deployment where the expected node count is bounded. […] Rotate tokens on a schedule for long-lived DaemonSet deployments. […]
/// Never bake tokens into machine images."
#[test]
fn the_rollout_of_a_fleet_works_as_it_stands() {
    let text = fs::read_to_string(FLEETS).unwrap();
    let opening = text.split("\n## ").next().unwrap();
    let mut advice = opening.lines().filter_map(|line| line.strip_prefix("- **")).map(str::to_lowercase);
    for word in ["smallest cluster", "cap", "shortest life", "schedule", "image"] {
        assert!(
            advice.next().is_some_and(|line| line.contains(word)),
            "the page opens with the advice about {word}"
        );
    }
    check(FLEETS, |_| true);
}

#[test]
fn only_values_that_differ_are_left_out() {
    assert_eq!(shape("a  0190a0b0-0000-7000 in 14m 3 left"), "a ID in SPAN 0 left\n");
    assert_eq!(shape("5935618d"), "ID\n", "an id can look like a span");
    assert_ne!(shape("active"), shape("revoked"));
    assert_ne!(shape("1 host"), shape("no host"));
}

#[test]
fn every_setting_that_the_readme_names_exists() {
    let example = gatepass::config::example();
    let text = fs::read_to_string(README).unwrap();
    let mut named = 0;
    for word in text.split('`').skip(1).step_by(2) {
        // A path such as `./gatepass-data` names no section.
        let Some((section, key)) = word.split_once('.').filter(|(section, _)| !section.is_empty()) else {
            continue;
        };
        let Some(rest) = example.split(&format!("[{section}]\n")).nth(1) else { continue };
        let fields = rest.split("\n[").next().unwrap();
        assert!(fields.contains(&format!("# {key} = ")), "there is no setting {word}");
        named += 1;
    }
    assert!(named >= 8, "{named} settings were found");
}

/// The tests that need curl or openssl.
#[cfg(feature = "outside")]
mod outside {
    use super::{DRILL, README, check, examples};

    #[test]
    fn an_offline_verifier_refuses_after_a_restore() {
        check(DRILL, |_| true);
    }

    #[test]
    fn the_curl_lines_of_ece_work_unchanged() {
        let examples = examples(README);
        let curl =
            examples.iter().flat_map(|example| &example.commands).filter(|line| line.starts_with("curl "));
        assert_eq!(curl.count(), 4);
        check(README, |_| true);
    }
}
