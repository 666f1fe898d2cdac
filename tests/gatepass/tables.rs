//! Lists at a terminal: columns that fit, colour, short ids, and a list of hosts that goes on.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::process::gatepass;
use crate::support::pty::AtTerminal;
use crate::support::{Process, database};

fn at(server: &Process, args: &[&str]) -> Command {
    let mut command = gatepass();
    command.args(args).arg("--data-dir").arg(&server.data_dir);
    command
}

async fn mint(server: &Process, label: &str) -> String {
    let body = json!({ "label": label, "roles": ["proxy", "director"], "persistent": true });
    let minted = server.admin().post("/api/v1/enrollment-tokens", &body).await;
    minted.json["token_id"].as_str().unwrap().to_owned()
}

/// The screen of a command at a terminal of so many columns.
async fn screen(server: &Process, args: &[&str], columns: u16, variables: &[(&str, &str)]) -> String {
    let mut command = at(server, args);
    AtTerminal::start(command.envs(variables.iter().copied()), columns).screen().await
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_fit_terminals_of_every_width() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let id = mint(&server, &"rack 7, ".repeat(12)).await;
    let every =
        ["ID", "STATE", "LABEL", "KIND", "ROLES", "USED", "OF", "HOSTS", "LAST USED", "EXPIRES", "MINTER"];
    let mut shown = Vec::new();
    for columns in [40, 80, 120, 200] {
        for args in [&["token", "list"][..], &["ledger", "list"], &["keys", "list"]] {
            let screen = screen(&server, args, columns, &[]).await;
            let widest = screen.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= usize::from(columns), "{columns} {args:?}:\n{screen}");
        }
        let screen = screen(&server, &["token", "list"], columns, &[]).await;
        let line = screen.lines().find(|line| line.starts_with(&id[28..])).unwrap().to_owned();
        assert!(line.contains("rack") && !screen.contains(&id), "{columns}:\n{screen}");
        let headings = screen.lines().next().unwrap().to_owned();
        shown.push(every.iter().filter(|heading| headings.contains(**heading)).count());
    }
    assert!(shown.is_sorted() && shown[0] < shown[1] && shown[3] == every.len(), "{shown:?}");
    let wide = screen(&server, &["token", "list", "--wide"], 80, &[]).await;
    assert!(wide.replace('\n', "").contains(&id) && wide.contains("MINTER"), "{wide}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_terminal_gets_colours() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let list = ["token", "list"];
    let green = "\u{1b}[32mactive\u{1b}[0m";
    assert!(screen(&server, &list, 120, &[("TERM", "xterm")]).await.contains(green));
    for plain in [&[("TERM", "xterm"), ("NO_COLOR", "1")][..], &[("TERM", "dumb")], &[]] {
        let screen = screen(&server, &list, 120, plain).await;
        assert!(screen.contains("active") && !screen.contains('\u{1b}'), "{plain:?}: {screen}");
    }
    let piped = at(&server, &list).env("TERM", "xterm").output().unwrap();
    let piped = String::from_utf8(piped.stdout).unwrap();
    assert!(piped.contains("MINTER") && !piped.contains('\u{1b}'), "{piped}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_printed_for_scripts() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let id = mint(&server, "=cmd|' /C calc'!A0, \"x\"").await;
    let list = |form: &str| {
        let output = at(&server, &["token", "list", "--minter", "admin", "-o", form]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(list("id"), format!("{id}\n"));
    assert_eq!(list("name"), "=cmd|' /C calc'!A0, \"x\"\n");
    let csv = list("csv");
    let (headings, line) = csv.split_once('\n').unwrap();
    assert_eq!(headings, "id,state,label,kind,roles,used,of,hosts,last_used,expires,minter");
    let begins = format!("{id},active,\"'=cmd|' /C calc'!A0, \"\"x\"\"\",custom,\"");
    assert!(line.starts_with(&begins) && line.ends_with(",0,unlimited,0,never,never,user:admin\n"), "{line}");
    let refused = at(&server, &["token", "show", &id, "-o", "csv"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "one token is no list");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ambiguous_short_id_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (one, two) = (mint(&server, "rack 7").await, mint(&server, "rack 8").await);
    let short = &one[28..];
    let run = |args: &[&str]| {
        let output = at(&server, args).output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        (output.status.code(), text)
    };
    let (code, text) = run(&["token", "show", short]);
    assert!(code == Some(0) && text.contains(&one) && text.contains("rack 7"), "{text}");
    let twin = format!("{}{short}", &two[..28]);
    let bytes = |id: &str| id.replace('-', "");
    let sql = format!("UPDATE mints SET token = x'{}' WHERE token = x'{}'", bytes(&twin), bytes(&two));
    database::execute(&server.data_dir, &sql);
    for args in [&["token", "show", short][..], &["token", "revoke", short, "--yes"]] {
        let (code, text) = run(args);
        assert_eq!(code, Some(2), "{args:?}: {text}");
        for word in [one.as_str(), &twin, "rack 7", "rack 8", "nothing was done"] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
    let shown = server.admin().get(&format!("/api/v1/enrollment-tokens/{one}")).await;
    assert_eq!(shown.json["state"], "active");
    let (code, text) = run(&["token", "revoke", "00000000", "--yes"]);
    assert!(code == Some(1) && text.contains("no token has an id"), "{text}");
    let (code, text) = run(&["keys", "list", "-o", "id"]);
    let key = text.lines().next().unwrap();
    let (_, text) = run(&["keys", "retire", &key[35..]]);
    assert!(code == Some(0) && text.contains(key), "{text}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watched_hosts_are_shown_when_they_change() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let enroll = |name: &str| {
        let token = at(&server, &["token", "create", "--label", name, "--quiet"]).output().unwrap();
        let token = String::from_utf8(token.stdout).unwrap();
        let mut command = gatepass();
        command.args(["enroll", "--cert-dir"]).arg(dir.path().join(name)).env("GATEPASS_TOKEN", token.trim());
        assert!(command.output().unwrap().status.success());
    };
    enroll("first");
    let mut watching = at(&server, &["host", "list", "--watch", "-o", "json"]);
    let mut watching = watching.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || -> [Value; 3] {
        let host: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        ["token_label", "state", "id"].map(|member| host[member].clone())
    };
    let [label, state, id] = next();
    assert_eq!((label, state), (json!("first"), json!("active")));
    enroll("second");
    assert_eq!(next()[0], "second");
    let id = id.as_str().unwrap();
    assert_eq!(server.admin().delete(&format!("/api/v1/hosts/{id}")).await.status, 200);
    // The second host is shown again when its certificate was seen.
    let changed = std::iter::repeat_with(next).find(|[label, ..]| label == "first").unwrap();
    assert_eq!(changed[1], "revoked");
    watching.kill().unwrap();
    watching.wait().unwrap();
    server.stop().await;
}
