//! The command line in a shell: completions, manual pages, short names, and the command for a new host.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::Process;
use crate::support::process::gatepass;
use crate::support::terminal::Terminal;

/// Completes the last word of a line in bash, by the script that `gatepass completions bash` prints.
fn complete(home: &Path, line: &[&str]) -> Vec<String> {
    let script = "source <(gatepass completions bash); COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                  _clap_complete_gatepass gatepass \"${!#}\" ''; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let binary = Path::new(env!("CARGO_BIN_EXE_gatepass")).parent().unwrap();
    let mut bash = Command::new("bash");
    bash.args(["-c", script, "bash", "gatepass"]).args(line).env_clear().current_dir(home);
    bash.env("PATH", format!("{}:/usr/bin:/bin", binary.display())).env("HOME", home);
    let ended = bash.output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success() && said.is_empty(), "{line:?}: {said}");
    String::from_utf8(ended.stdout)
        .unwrap()
        .lines()
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_completes_roles_states_settings_and_ids() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let data = server.data_dir.display().to_string();
    let data = data.as_str();
    let complete = |line: &[&str]| complete(dir.path(), line);
    assert_eq!(complete(&["token", "rev"]), ["revoke"]);
    assert_eq!(complete(&["token", "create", "--data-dir", data, "--role", "pr"]), ["proxy"]);
    let states = complete(&["token", "list", "--state", ""]);
    assert!(states.contains(&"pending".into()) && states.contains(&"revoked".into()), "{states:?}");
    assert!(complete(&["host", "list", "--state", "rev"]).contains(&"revoked".into()));
    assert_eq!(complete(&["settings", "reset", "def"]), ["default_ttl"]);
    let mut ids = complete(&["token", "show", "--data-dir", data, ""]);
    ids.retain(|word| !word.starts_with('-'));
    let items =
        server.admin().get("/api/v1/enrollment-tokens").await.json["items"].as_array().unwrap().clone();
    let mut listed = items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    ids.sort();
    listed.sort();
    assert_eq!(ids, listed);
    server.stop().await;
    let none = complete(&["token", "create", "--data-dir", data, "--role", ""]);
    assert_eq!(none, Vec::<String>::new(), "without a server nothing is known");
}

#[test]
fn every_command_has_a_manual_page() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("man1");
    let ended = gatepass().args(["man", "-o", "json", "--out"]).arg(&out).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let told: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let pages = fs::read_dir(&out).unwrap().map(|page| page.unwrap().path()).collect::<Vec<_>>();
    assert_eq!(told["pages"], json!(pages.len()));
    assert!(pages.len() > 60, "{} pages", pages.len());
    assert!(pages.iter().all(|page| fs::read_to_string(page).unwrap().contains(".TH ")));
    let page = fs::read_to_string(out.join("gatepass-token-create.1")).unwrap();
    assert!(page.contains(r"\-\-print\-command") && page.contains("Examples"), "{page}");
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = gatepass().args(["man", "--out"]).arg(&file).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let nowhere = gatepass().args(["man", "--out", "-"]).current_dir(dir.path()).output().unwrap();
    assert_eq!((nowhere.status.code(), dir.path().join("-").exists()), (Some(2), false));
}

#[test]
fn the_version_is_a_command_and_a_flag() {
    let said = |argument: &str| String::from_utf8(gatepass().arg(argument).output().unwrap().stdout).unwrap();
    assert_eq!(said("version"), format!("gatepass {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(said("version"), said("--version"));
}

#[test]
fn the_printed_command_enrolls_a_host() {
    let mut terminal = Terminal::open();
    terminal.type_in("gatepass serve");
    let line = terminal.type_in("gatepass token create --role proxy --print-command");
    assert!(line.starts_with(" GATEPASS_TOKEN=eyJ") && line.lines().count() == 1, "{line}");
    let enrolled = terminal.type_in(line.trim_end());
    assert!(enrolled.contains("roles        proxy"), "{enrolled}");
    assert!(terminal.type_in("gatepass host ls").contains("proxy"));
    assert!(terminal.type_in("gatepass token ls").contains("used"));
    terminal.close();
}
