//! The command line as a whole: it is well-formed and shows no secret.

use clap::{CommandFactory as _, Parser as _};

use super::*;

fn help(path: &[&str]) -> String {
    let args = std::iter::once("gatepass").chain(path.iter().copied()).chain(["--help"]);
    command_line::command().try_get_matches_from(args).err().unwrap().to_string()
}

#[test]
fn the_command_line_is_well_formed() {
    command_line::command().debug_assert();
}

#[test]
fn help_names_every_verb_and_exit_code() {
    let help = help(&[]);
    for word in [
        "serve",
        "demo",
        "enroll",
        "renew",
        "status",
        "leave",
        "token",
        "host",
        "role",
        "keys",
        "ca",
        "issuer",
        "clock",
        "ledger",
        "login",
        "user",
        "check-config",
        "openapi",
        "completions",
        "Exit codes",
        "74",
        "read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll",
    ] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn no_verb_is_hidden_from_the_help() {
    assert!(Cli::command().get_subcommands().all(|verb| !verb.is_hide_set()));
}

#[test]
fn help_names_the_files_and_variables_of_secrets() {
    assert!(help(&["enroll"]).contains("--token-file") && help(&["enroll"]).contains("GATEPASS_TOKEN"));
    assert!(help(&["login"]).contains("GATEPASS_API_KEY") && help(&["login"]).contains("--password-file"));
    assert!(help(&["serve"]).contains("--admin-password-file"));
}

#[test]
fn no_flag_takes_a_password() {
    fn walk(command: &clap::Command) {
        for argument in command.get_arguments() {
            let name = argument.get_long().unwrap_or_default();
            assert!(!name.contains("password") || name.ends_with("-file"), "{} --{name}", command.get_name());
        }
        command.get_subcommands().for_each(walk);
    }
    walk(&Cli::command());
}

#[test]
fn every_destructive_verb_asks_unless_yes_is_given() {
    const DESTRUCTIVE: [&str; 20] = [
        "accept",
        "approve",
        "delete",
        "deny",
        "disable",
        "enable",
        "export-root",
        "leave",
        "move",
        "release",
        "reset",
        "restore",
        "retire",
        "revoke",
        "rotate",
        "set",
        "set-roles",
        "set-trust-domain",
        "sign-out",
        "uninstall",
    ];
    fn walk(command: &clap::Command, asking: &mut usize) {
        let asks = command.get_arguments().any(|argument| argument.get_id() == "yes");
        assert_eq!(asks, DESTRUCTIVE.contains(&command.get_name()), "{}", command.get_name());
        *asking += usize::from(asks);
        command.get_subcommands().for_each(|below| walk(below, asking));
    }
    let mut asking = 0;
    walk(&Cli::command(), &mut asking);
    assert!(asking >= DESTRUCTIVE.len(), "{asking}");
}

#[test]
fn a_usage_error_does_not_repeat_a_token() {
    let token = "eyJhbGciOiJFZERTQSJ9.eyJzZWNyZXQiOjF9.c2ln";
    for args in [
        ["gatepass", "enroll", token, "--nonsense"].as_slice(),
        &["gatepass", "enroll", "--token", token, "--token-file", "f"],
        &["gatepass", "token", "inspect", token, "--token-file", "f"],
        &["gatepass", "token", "revoke", token, "--nonsense"],
    ] {
        let error = Cli::try_parse_from(args).err().unwrap().to_string();
        assert!(!error.contains("eyJ"), "{error}");
    }
}

#[test]
fn a_token_instead_of_an_id_is_not_repeated() {
    let token = "eyJhbGciOiJFZERTQSJ9.eyJzZWNyZXQiOjF9.c2ln";
    let cli = Cli::try_parse_from(["gatepass", "token", "revoke", "--yes", token]).ok().unwrap();
    let error = run(cli.command, &Environment::default()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(!error.to_string().contains("eyJ"), "{error}");
}

#[test]
fn every_configuration_error_is_reported() {
    let set = ["--set", "tokens.default_ttl=soon", "--set", "server.listen=here", "--set", "no.such=1"];
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gatepass.toml");
    std::fs::write(&file, "").unwrap();
    let args = ["gatepass", "check-config", "--config", file.to_str().unwrap()].into_iter().chain(set);
    let cli = Cli::try_parse_from(args).ok().unwrap();
    let error = run(cli.command, &Environment::default()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    for word in ["tokens.default_ttl", "server.listen", "no.such", "3 mistakes"] {
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_remote_verb_without_server_names_gatepass_serve() {
    let dir = tempfile::tempdir().unwrap();
    let environment = Environment::from_pairs([("XDG_CONFIG_HOME", dir.path().display().to_string())]);
    let cli = Cli::try_parse_from(["gatepass", "token", "list", "--data-dir", "/nonexistent"]).ok().unwrap();
    let error = run(cli.command, &environment).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("gatepass serve"), "{error}");
}

#[test]
fn a_command_names_one_server() {
    let one = ["gatepass", "token", "list", "--data-dir", "d"];
    assert!(Cli::try_parse_from(one).is_ok());
    let two = one.iter().chain(&["--server", "https://gate"]);
    assert_eq!(Cli::try_parse_from(two).err().unwrap().kind(), clap::error::ErrorKind::ArgumentConflict);
}

#[test]
fn an_offline_command_does_not_speak_of_starting() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "correct horse battery").unwrap();
    let (dir, file) = (dir.path().to_str().unwrap(), file.to_str().unwrap());
    let line = ["gatepass", "user", "reset-password", "--data-dir", dir, "--password-file", file];
    let error = run(Cli::try_parse_from(line).ok().unwrap().command, &Environment::default()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("gatepass.db is not there"), "{error}");
    assert!(!error.to_string().contains("did not start"), "{error}");
}

#[test]
fn the_end_of_help_wraps_at_terminal_width() {
    fn walk(command: &clap::Command) {
        let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        let prose = |line: &str| !line.is_empty() && !line.starts_with(' ') && !line.ends_with(':');
        for (above, line) in text.lines().zip(text.lines().skip(1)) {
            let goes_on = prose(above) && prose(line) && !line.starts_with("Exit codes:");
            assert!(!goes_on, "{}: {line}", command.get_name());
        }
        command.get_subcommands().for_each(walk);
    }
    walk(&Cli::command());
}

#[test]
fn a_limit_of_zero_is_refused() {
    for noun in ["token", "host", "ledger", "enrollment"] {
        let list = |limit| Cli::try_parse_from(["gatepass", noun, "list", "--limit", limit]).is_ok();
        assert!(list("1") && !list("0"), "{noun}");
    }
}

#[test]
fn only_known_scopes_are_accepted() {
    for scope in crate::access::Scope::ALL {
        let args = ["gatepass", "api-key", "create", "--scope", scope.as_str()];
        assert!(Cli::try_parse_from(args).is_ok(), "{scope}");
    }
    assert!(Cli::try_parse_from(["gatepass", "api-key", "create", "--scope", "tokens"]).is_err());
}

/// Every command that has no commands below it, with its path.
fn leaves(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
    let path = format!("{path} {}", command.get_name()).trim_start().to_owned();
    match command.has_subcommands() {
        true => command.get_subcommands().flat_map(|below| leaves(below, &path)).collect(),
        false => vec![(path, command.clone())],
    }
}

/// The commands of this program in a line of a shell. Placeholders get a value, and words beside the line go.
fn commands_in(line: &str) -> Vec<Vec<String>> {
    let line = line.trim().split("   ").next().unwrap_or_default();
    let parts = line.split(" | ").flat_map(|part| part.split(" && ")).flat_map(|part| part.split(" > "));
    let starts = parts.filter_map(|part| part.find("gatepass ").map(|start| &part[start..]));
    starts.map(|part| words(part).map(|word| placeholder(&word)).collect()).collect()
}

/// Words between spaces or single quotes.
fn words(part: &str) -> impl Iterator<Item = String> {
    let quoted = part.split('\'').enumerate().map(|(place, text)| (place % 2 == 1, text));
    let words = quoted.flat_map(|(quoted, text)| match quoted {
        true => vec![text.to_owned()],
        false => text.split_whitespace().map(str::to_owned).collect(),
    });
    words.collect::<Vec<_>>().into_iter()
}

fn placeholder(word: &str) -> String {
    match word {
        "ID" => "0190a0b0-0000-7000-8000-000000000000".to_owned(),
        "KID" => "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k".to_owned(),
        "FILE" | "NAME" => "x".to_owned(),
        hex if hex.ends_with('\u{2026}') => "ab".repeat(32),
        other => other.to_owned(),
    }
}

#[test]
fn every_command_has_examples_that_parse() {
    let commands = leaves(&command_line::command(), "");
    assert!(commands.len() > 50, "{} commands", commands.len());
    let mut without = Vec::new();
    for (path, leaf) in commands {
        let text = leaf.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        let examples = text.split("Examples:\n").nth(1).unwrap_or_default();
        let examples = examples.lines().take_while(|line| line.starts_with("  "));
        let examples = examples.flat_map(commands_in).collect::<Vec<_>>();
        for example in &examples {
            let parsed = command_line::command().try_get_matches_from(example);
            assert!(parsed.is_ok(), "{path}: {example:?}: {}", parsed.err().unwrap());
        }
        if !examples.iter().any(|example| example.join(" ").starts_with(&path)) {
            without.push(path);
        }
    }
    assert_eq!(without, Vec::<String>::new(), "commands without an example");
}

#[test]
fn connection_flags_are_one_line_of_the_help() {
    let shown = help(&["host", "list"]);
    assert!(!shown.contains("GATEPASS_CA_FINGERPRINT") && shown.contains("--seen-before"), "{shown}");
    let line = shown.lines().find(|line| line.starts_with("Connection: ")).unwrap();
    let login = help(&["login"]);
    let flags = line.split(' ').filter(|word| word.starts_with("--") && !word.ends_with(')'));
    assert_eq!(flags.filter(|flag| login.contains(*flag)).count(), 7, "{line}");
    assert!(login.contains("GATEPASS_CA_FINGERPRINT") && !login.contains("Connection: "), "{login}");
}

#[test]
fn lists_and_removals_have_short_names() {
    for line in [
        "token ls",
        "host ls --state live",
        "context ls",
        "host rm ID",
        "token rm ID",
        "user rm anna",
        "rule rm ID",
        "policy rm ID",
    ] {
        let words = words(line).map(|word| placeholder(&word));
        let parsed =
            command_line::command().try_get_matches_from([String::from("gatepass")].into_iter().chain(words));
        assert!(parsed.is_ok(), "{line}: {}", parsed.err().unwrap());
    }
}
