//! The command line: signing in once, and out again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::Process;
use crate::support::authority::PASSWORD;
use crate::support::process::gatepass;

/// `gatepass …` of somebody whose configuration is in `home`, with a password in the environment or none.
fn run(home: &Path, password: Option<&str>, args: &[&str]) -> Output {
    let mut command = gatepass();
    command.args(args).current_dir(home).env("XDG_CONFIG_HOME", home);
    if let Some(password) = password {
        command.env("GATEPASS_PASSWORD", password);
    }
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complained(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn login_stores_a_session_and_no_password() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (home, root) = (dir.path().join("home"), server.root.to_string());
    fs::create_dir(&home).unwrap();
    let login = ["login", "--server", &server.url, "--ca-fingerprint", &root];
    let told = said(&run(&home, Some(PASSWORD), &login));
    assert!(told.contains("as admin until 2"), "{told}");
    let profile = home.join("gatepass/profile.toml");
    assert_eq!(fs::metadata(&profile).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = fs::read_to_string(&profile).unwrap();
    assert!(!kept.contains(PASSWORD) && kept.contains("gps_"), "{}", kept.replace("gps_", "…"));

    let shown: Value = serde_json::from_str(&said(&run(&home, None, &["session", "-o", "json"]))).unwrap();
    assert_eq!((&shown["actor"], &shown["kind"]), (&"user:admin".into(), &"bearer".into()));
    assert!(said(&run(&home, None, &["session"])).contains("tokens:write"));
    assert!(said(&run(&home, None, &["token", "create", "--role", "proxy"])).contains("shown once"));

    let secret = kept.split('"').find(|text| text.starts_with("gps_")).unwrap().to_owned();
    assert!(said(&run(&home, None, &["logout"])).contains("signed out"));
    assert_eq!(server.stranger().bearer(&secret).get("/api/v1/roles").await.status, 401);
    assert!(!fs::read_to_string(&profile).unwrap().contains("gps_"));
    assert!(complained(&run(&home, None, &["session"])).contains("gatepass login"));
    assert_eq!(said(&run(&home, None, &["logout"])), "not signed in\n");
    let key = home.join("key");
    fs::write(&key, PASSWORD).unwrap();
    let complaint = complained(&run(&home, None, &[&login[..], &["--api-key-file", "key"]].concat()));
    assert!(complaint.contains("gpk_") && !complaint.contains(PASSWORD), "{complaint}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_a_password_needs_the_current_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (home, root) = (dir.path().join("home"), server.root.to_string());
    fs::create_dir(&home).unwrap();
    said(&run(&home, Some(PASSWORD), &["login", "--server", &server.url, "--ca-fingerprint", &root]));
    fs::write(home.join("new"), "another one of them").unwrap();
    let change = ["user", "change-password", "--password-file", "new"];
    let complaint = complained(&run(&home, None, &change));
    assert!(complaint.contains("GATEPASS_PASSWORD"), "a session is not enough: {complaint}");
    assert!(
        said(&run(&home, Some(PASSWORD), &change))
            .contains("changed the password of admin; every other session")
    );
    assert!(
        said(&run(&home, None, &["session"])).contains("user:admin"),
        "who changed it is still signed in"
    );
    let complaint = complained(&run(&home, Some(PASSWORD), &change));
    assert!(complaint.contains("current: this is not your password"), "the old one is refused: {complaint}");
    said(&run(&home, None, &["logout"]));
    let change = ["user", "change-password", "--user", "admin", "--password-file", "new"];
    let again = said(&run(&home, Some("another one of them"), &change));
    assert!(again.contains("changed the password of admin; every session has ended"), "{again}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_everywhere_ends_the_sessions_of_other_machines() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let root = server.root.to_string();
    let homes = ["one", "other"].map(|name| dir.path().join(name));
    for home in &homes {
        fs::create_dir(home).unwrap();
        said(&run(home, Some(PASSWORD), &["login", "--server", &server.url, "--ca-fingerprint", &root]));
    }
    assert!(said(&run(&homes[0], None, &["logout", "--everywhere"])).contains("everywhere"));
    let complaint = complained(&run(&homes[1], None, &["session"]));
    assert!(complaint.contains("the session is over") && complaint.contains("gatepass login"), "{complaint}");
    assert!(said(&run(&homes[1], None, &["logout"])).contains("signed out"), "what is over can be forgotten");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_login_reuses_user_and_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (home, root) = (dir.path().join("home"), server.root.to_string());
    fs::create_dir(&home).unwrap();
    let alice =
        serde_json::json!({ "username": "alice", "role": "viewer", "password": "staple battery horse" });
    assert_eq!(server.admin().post("/api/v1/users", &alice).await.status, 201);
    let first = ["login", "--server", &server.url, "--ca-fingerprint", &root, "--user", "alice"];
    assert!(said(&run(&home, Some("staple battery horse"), &first)).contains("as alice until"));
    assert!(said(&run(&home, Some("staple battery horse"), &["login"])).contains("as alice until"));
    assert!(said(&run(&home, None, &["session"])).contains("user:alice"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn login_finds_the_data_directorys_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("gatepass-data"), &[]).await;
    fs::write(dir.path().join("new"), "another one of them").unwrap();
    let change = ["user", "change-password", "--user", "admin", "--password-file", "new"];
    let data = ["--data-dir", "gatepass-data"];
    let changed = run(dir.path(), Some(PASSWORD), &[&change[..], &data].concat());
    assert!(said(&changed).contains("changed the password of admin"), "by --data-dir");
    let told = said(&run(dir.path(), Some("another one of them"), &["login"]));
    assert!(told.contains(&server.url), "by the directory that lies here: {told}");
    assert!(
        complained(&run(dir.path(), Some(PASSWORD), &["login"])).contains("401"),
        "Basic, not the directory's owner"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_everywhere_finds_the_data_directorys_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("gatepass-data"), &[]).await;
    let out = ["logout", "--everywhere", "--user", "admin"];
    let wanted = format!("signed out of {} everywhere\n", server.url);
    assert_eq!(said(&run(dir.path(), Some(PASSWORD), &out)), wanted, "by the directory that lies here");
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    let data = [&out[..], &["--data-dir", "../gatepass-data"]].concat();
    assert_eq!(said(&run(&home, Some(PASSWORD), &data)), wanted, "by --data-dir");
    let begun = run(dir.path(), Some(PASSWORD), &["login"]);
    let noted = String::from_utf8_lossy(&begun.stderr).into_owned();
    assert!(noted.contains(&format!("server: {}, found in this directory", server.url)), "{noted}");
    assert_eq!(said(&run(dir.path(), None, &out)), wanted, "with the session that is kept");
    assert!(!fs::read_to_string(dir.path().join("gatepass/profile.toml")).unwrap().contains("gps_"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_ends_the_profiles_session() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = Process::start(&dir.path().join("elsewhere"), &[]).await;
    let here = Process::start(&dir.path().join("gatepass-data"), &[]).await;
    let root = elsewhere.root.to_string();
    let login = ["login", "--server", &elsewhere.url, "--ca-fingerprint", &root];
    said(&run(dir.path(), Some(PASSWORD), &login));
    let other = ["logout", "--everywhere", "--user", "admin", "--data-dir", "gatepass-data"];
    let named = said(&run(dir.path(), Some(PASSWORD), &other));
    assert!(named.contains(&here.url), "a named directory means its server: {named}");
    let profile = dir.path().join("gatepass/profile.toml");
    assert!(fs::read_to_string(&profile).unwrap().contains("gps_"), "the other session is not forgotten");
    let told = said(&run(dir.path(), None, &["logout"]));
    assert_eq!(told, format!("signed out of {}\n", elsewhere.url));
    assert!(!fs::read_to_string(&profile).unwrap().contains("gps_"));
    elsewhere.stop().await;
    here.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_asks_for_the_current_password() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (home, root) = (dir.path().join("home"), server.root.to_string());
    fs::create_dir(&home).unwrap();
    said(&run(&home, Some(PASSWORD), &["login", "--server", &server.url, "--ca-fingerprint", &root]));
    let (new, current) = (home.join("new"), home.join("current"));
    fs::write(&new, "staple battery horse correct").unwrap();
    fs::write(&current, format!("{PASSWORD}\n")).unwrap();
    let file = ["--current-password-file", current.to_str().unwrap()];
    let create = ["user", "create", "boss", "admin", "--password-file", new.to_str().unwrap()];
    let reset = ["user", "set-password", "boss", "--password-file", new.to_str().unwrap()];
    let acts: [&[&str]; 6] = [
        &create,
        &reset,
        &["user", "set-limits", "boss", "--role", "proxy"],
        &["user", "set-role", "eve", "admin"],
        &["user", "enable", "idle"],
        &["api-key", "create", "--scope", "admin", "--quiet"],
    ];
    for (name, role) in [("eve", "viewer"), ("idle", "admin")] {
        server
            .admin()
            .post(
                "/api/v1/users",
                &json!({ "username": name, "password": "staple battery horse correct", "role": role }),
            )
            .await;
    }
    server.admin().patch("/api/v1/users/idle", &json!({ "disabled": true })).await;
    for act in acts {
        let refused = run(&home, None, act);
        let what = complained(&refused);
        assert!(what.contains("--current-password-file"), "{act:?}: {what}");
        let done = run(&home, None, &[act, &file].concat());
        assert!(done.status.success(), "{act:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let wrong = home.join("wrong");
    fs::write(&wrong, "not the password").unwrap();
    let refused =
        run(&home, None, &[&reset[..], &["--current-password-file", wrong.to_str().unwrap()]].concat());
    assert!(complained(&refused).contains("not your password"));
    assert!(
        said(&run(&home, Some(PASSWORD), &["user", "enable", "idle"])).contains("idle"),
        "a password needs no other"
    );
}
