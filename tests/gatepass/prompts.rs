//! Passwords typed at a terminal: tries, rules, and the terminal after each end.

use std::path::Path;

use rustix::process::Signal;
use serde_json::json;

use crate::support::authority::PASSWORD;
use crate::support::process::gatepass;
use crate::support::{AtTerminal, Process};

/// `gatepass login` of the admin at a terminal, with a profile in `home`.
fn login(server: &Process, home: &Path) -> AtTerminal {
    let mut command = gatepass();
    command.args(["login", "--server", &server.url, "--ca-fingerprint", &server.root.to_string()]);
    AtTerminal::start(command.env("XDG_CONFIG_HOME", home), 100)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_prompt_puts_the_terminal_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    for keys in ["\u{3}", "half a secret\u{3}", "\u{4}", "\u{1c}", "half\u{4}\u{3}"] {
        let mut at = login(&server, dir.path());
        at.asks("password of admin: ").await;
        assert!(!at.is_usual(), "the prompt hides what is typed");
        at.types(keys);
        assert_eq!(at.ends().await, (Some(1), true), "{keys:?}");
        let screen = at.screen().await;
        assert!(screen.ends_with("gatepass: cancelled: nothing was done"), "{keys:?}: {screen}");
        assert!(!screen.contains("half"), "{keys:?}: {screen}");
    }
    for stop in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut at = login(&server, dir.path());
        at.asks("password of admin: ").await;
        at.signal(stop);
        assert_eq!(at.ends().await, (Some(1), true), "{stop:?}");
    }
    assert!(!dir.path().join("gatepass").exists(), "no profile was written");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_password_can_be_typed_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let mut at = login(&server, dir.path());
    let before = at.asks("password of admin: ").await;
    let root = format!("verified by the root {}", server.root);
    assert!(before.contains(&format!("server: {}", server.url)) && before.contains(&root), "{before}");
    at.types("not the password\n");
    let again = at.asks("password of admin: ").await;
    assert!(again.contains("the password of admin is wrong, or there is no such user: try again"), "{again}");
    at.types(&format!("{PASSWORD}\n"));
    assert_eq!(at.ends().await, (Some(0), true));
    let screen = at.screen().await;
    assert!(screen.contains("signed in to") && !screen.contains(PASSWORD), "{screen}");

    let mut at = login(&server, &dir.path().join("other"));
    for _ in 0..3 {
        at.asks("password of admin: ").await;
        at.types("not the password\n");
    }
    assert_eq!(at.ends().await, (Some(1), true));
    let screen = at.screen().await;
    assert!(screen.contains("refused the user admin (401 unauthenticated)"), "{screen}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_typed_for_an_unverified_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let mut command = gatepass();
    command.args(["login", "--server", &server.url, "--ca-fingerprint", &"00".repeat(32)]);
    let mut at = AtTerminal::start(command.env("XDG_CONFIG_HOME", dir.path()), 100);
    assert_eq!(at.ends().await, (Some(1), true));
    let screen = at.screen().await;
    assert!(!screen.contains("password") && screen.contains("root"), "{screen}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_states_the_rules_of_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let mut at = AtTerminal::start(&mut server.command(&["user", "create", "anna", "viewer"]), 100);
    at.asks("new password of anna, 12 to 128 characters: ").await;
    at.types("short\n");
    let again = at.asks("new password of anna, 12 to 128 characters: ").await;
    assert!(again.contains("the password is shorter than 12 characters"), "{again}");
    at.types("staple battery horse\n");
    at.asks("again: ").await;
    at.types("staple battery house\n");
    let again = at.asks("new password of anna, 12 to 128 characters: ").await;
    assert!(again.contains("the two passwords differ"), "{again}");
    at.types("staple battery horse\n");
    at.asks("again: ").await;
    at.types("staple battery horse\n");
    assert_eq!(at.ends().await, (Some(0), true));
    let own = server.stranger().basic("anna", "staple battery horse");
    assert_eq!(own.get("/api/v1/session").await.json["user"]["role"], json!("viewer"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_takes_yes_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let id = server.json(&["token", "create", "--label", "rack 7"])["token_id"].as_str().unwrap().to_owned();
    let state = || server.json(&["token", "show", &id])["state"].clone();
    for (answer, code, after) in
        [("\n", 1, "pending"), ("n\n", 1, "pending"), ("\u{4}", 1, "pending"), ("y\n", 0, "revoked")]
    {
        let mut at = AtTerminal::start(&mut server.command(&["token", "revoke", &id]), 200);
        at.asks("(rack 7)? No host can enroll with it; no host has enrolled with it. [y/N] ").await;
        at.types(answer);
        assert_eq!(at.ends().await, (Some(code), true), "{answer:?}");
        assert_eq!(state(), json!(after), "{answer:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_command_after_its_prompt() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let root = server.root.to_string();
    let connection = ["--server", &server.url, "--ca-fingerprint", &root, "--user", "admin"];
    let minted = server.json(&["token", "create"]);
    let revoke = ["token", "revoke", minted["token_id"].as_str().unwrap()];
    for (words, shown) in [
        (&["host", "list", "--watch"][..], "EXPIRES"),
        (&["ledger", "list", "--follow"], "token_created"),
        (&revoke, "[y/N]"),
    ] {
        for (stop, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let mut command = gatepass();
            command.args(words).args(connection).env("XDG_CONFIG_HOME", dir.path());
            let mut at = AtTerminal::start(&mut command, 100);
            at.asks("password of admin").await;
            at.types(&format!("{PASSWORD}\n"));
            let screen = at.shows(shown).await;
            assert_eq!(screen.matches("password of admin").count(), 1, "{screen}");
            at.signal(stop);
            assert_eq!(at.ends().await, (Some(code), true), "{words:?} {stop:?}");
        }
    }
    assert_eq!(server.json(&["token", "show", revoke[2]])["state"], "pending", "nothing was done");
    server.stop().await;
}
