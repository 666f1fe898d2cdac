//! README.md works as it stands: its commands are run, in order, against the built binary.

use std::fs;

use crate::support::terminal::Terminal;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

/// The output of each command, by its beginning. A command that is not listed fails the test.
const SAYS: &[(&str, &str)] = &[
    ("gatepass serve", "gatepass listens on https://127.0.0.1:"),
    ("gatepass token create --role allocator", "in first-host.token"),
    ("gatepass enroll --token-file", "enrolled: first-host holds this host's identity"),
    ("gatepass status", "knows this host"),
    ("gatepass renew", "renew after"),
    ("gatepass token list", "used"),
    ("gatepass host list", "live"),
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
];

/// The command lines of the code blocks marked `sh`, without cargo's, which run this test.
fn commands() -> Vec<String> {
    let text = fs::read_to_string(README).unwrap();
    let mut commands = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(language) => inside = language == "sh" && !inside,
            None if inside && !line.starts_with("cargo ") => commands.push(line.to_owned()),
            None => {}
        }
    }
    assert!(commands.len() > 15, "README.md lost its commands: {commands:?}");
    commands
}

fn run(commands: impl Iterator<Item = String>) {
    let mut terminal = Terminal::open();
    for command in commands {
        let (_, says) = SAYS.iter().find(|(begins, _)| command.starts_with(begins)).expect(&command);
        let said = terminal.type_in(&command);
        assert!(said.contains(says), "{command}\nshould say {says:?}, and says:\n{said}");
    }
    terminal.close();
}

#[test]
fn every_command_of_the_readme_works_as_it_stands() {
    run(commands().into_iter().filter(|command| !command.starts_with("curl ")));
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

/// The tests that need curl.
#[cfg(feature = "outside")]
mod outside {
    use super::{commands, run};

    #[test]
    fn the_curl_lines_of_ece_work_unchanged() {
        assert_eq!(commands().iter().filter(|command| command.starts_with("curl ")).count(), 4);
        run(commands().into_iter());
    }
}
