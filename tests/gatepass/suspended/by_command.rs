//! The commands that release tokens and API keys, and enable users.

use super::suspend;
use crate::support::Process;

#[tokio::test(flavor = "multi_thread")]
async fn commands_release_what_a_restore_suspended() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    server.told(&["token", "create", "--persistent", "--label", "plain", "--quiet"]);
    server.told(&["token", "create", "--persistent", "--label", "rack", "--max-uses", "5", "--quiet"]);
    server.told(&["api-key", "create", "--label", "ci", "--scope", "tokens:read"]);
    suspend(&server.data_dir);
    assert_eq!(server.json(&["token", "list", "--state", "suspended"]).as_array().unwrap().len(), 2);
    let (code, why) = server.fails(&["token", "release", "--all"]);
    assert!(code != 0 && why.contains("--yes"), "{why}");
    let partly = server.command(&["token", "release", "--all", "--yes"]).output().unwrap();
    let (said, why) = (String::from_utf8_lossy(&partly.stdout), String::from_utf8_lossy(&partly.stderr));
    assert!(said.contains("released 1 token") && why.contains("--uses-left N"), "{said}{why}");
    assert_eq!(partly.status.code(), Some(1));
    let (_, why) = server.fails(&["token", "release", "--label", "plain", "--yes"]);
    assert!(why.contains("no suspended token matches"), "{why}");
    let said = server.told(&["token", "release", "--all", "--uses-left", "2", "--yes"]);
    assert!(said.contains("released 1 token"), "{said}");
    let rack = &server.json(&["token", "list", "--label", "rack"])[0];
    assert_eq!((&rack["state"], &rack["uses_left"]), (&"active".into(), &2.into()), "{rack}");

    assert!(server.told(&["api-key", "list"]).contains("suspended"));
    let released = server.json(&["api-key", "release", "--all", "--yes"]);
    assert_eq!(released["released"], 1, "{released}");
    let (_, why) = server.fails(&["api-key", "release", "--all", "--yes"]);
    assert!(why.contains("no API key is suspended"), "{why}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_enables_every_disabled_user() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let file = dir.path().join("password");
    std::fs::write(&file, crate::support::authority::PASSWORD).unwrap();
    for name in ["anna", "bob"] {
        let file = file.to_str().unwrap();
        server.told(&["user", "create", name, "viewer", "--password-file", file]);
        server.told(&["user", "disable", name, "--yes"]);
    }
    assert!(server.told(&["user", "enable", "anna"]).contains("anna"));
    let enabled = server.json(&["user", "enable", "--all", "--yes"]);
    assert_eq!((enabled.as_array().unwrap().len(), &enabled[0]["id"]), (1, &"bob".into()), "{enabled}");
    let (_, why) = server.fails(&["user", "enable", "--all", "--yes"]);
    assert!(why.contains("no user is disabled"), "{why}");
    server.stop().await;
}
