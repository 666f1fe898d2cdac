//! The page of a first start: the password and the next steps first, the emergency token last.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::served::{complaint, gatepass, run, serve};

/// A first start whose output is a pipe, and the page up to its last line.
struct FirstStart {
    server: Child,
    page: Vec<String>,
}

impl FirstStart {
    fn read(data: &Path, flags: &[&str]) -> Self {
        let mut serve = serve(data);
        serve.args(flags).env_remove("GATEPASS_ADMIN_PASSWORD").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = serve.spawn().unwrap();
        let mut page = Vec::new();
        for line in BufReader::new(server.stdout.take().unwrap()).lines() {
            page.push(line.unwrap());
            if page.last().is_some_and(|line| line.contains("emergency.token")) {
                break;
            }
        }
        Self { server, page }
    }

    /// The number of the first line that begins with `start`.
    fn place(&self, start: &str) -> usize {
        let found = self.page.iter().position(|line| line.trim_start().starts_with(start));
        found.unwrap_or_else(|| panic!("no {start:?} in {:#?}", self.page))
    }
}

impl Drop for FirstStart {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A line of the page as a command.
fn typed(line: &str) -> Command {
    let mut command = gatepass();
    command.args(line.trim().strip_prefix("gatepass ").unwrap().split(' '));
    command
}

#[test]
fn the_page_begins_with_password_and_next_steps() {
    let dir = tempfile::tempdir().unwrap();
    let data = fs::canonicalize(dir.path()).unwrap().join("data");
    let first = FirstStart::read(&data, &[]);
    let starts = [
        "user ",
        "password ",
        "next, in another terminal",
        "gatepass overview",
        "gatepass token create",
        "gatepass login",
        "gatepass listens on https://127.0.0.1:",
        "dashboard         https://127.0.0.1:",
        "version ",
        "root fingerprint ",
        "data directory ",
        "first roles token: admits any number of hosts, without roles",
        "emergency token: admits any number of hosts with every role except allocator",
        "keep it in a safe",
    ];
    let places = starts.map(|start| first.place(start));
    assert!(places.is_sorted(), "{places:?} in {:#?}", first.page);
    assert_eq!(places[..3], [0, 1, 3]);
    let whole = data.display().to_string();
    assert!(first.page[first.place("data directory ")].ends_with(&whole), "{:#?}", first.page);
    assert!(first.page[1].contains(&format!("{whole}/admin.password")), "{:#?}", first.page);

    for line in &first.page[places[3]..places[5]] {
        let ended = run(&mut typed(line));
        assert!(ended.status.success(), "{line}: {}", complaint(&ended));
    }
    let mut login = typed(&first.page[places[5]]);
    login.arg("--password-file").arg(data.join("admin.password")).env("XDG_CONFIG_HOME", dir.path());
    let ended = run(&mut login);
    assert!(ended.status.success(), "{}", complaint(&ended));
}

#[test]
fn a_first_start_without_roles_token_mints_none() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let first = FirstStart::read(&data, &["--no-roles-token"]);
    assert!(!first.page.iter().any(|line| line.contains("roles token")), "{:#?}", first.page);
    assert!(data.join("emergency.token").exists() && !data.join("first-roles.token").exists());
    let listed = run(gatepass().args(["token", "list", "-o", "json", "--data-dir"]).arg(&data));
    let tokens: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let tokens = tokens.as_array().unwrap();
    assert!(tokens.len() == 1 && tokens[0]["emergency"] == true, "{tokens:?}");
}
