//! The working directory: what merely lies there may be the work of somebody else.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gatepass::service::vault::write_private;

use crate::support::authority::PASSWORD;
use crate::support::served::{Served, gatepass, run, serve};

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// A directory with a running server in `gatepass-data`, and a file with a password.
fn beside_a_server() -> (tempfile::TempDir, Served) {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(serve(&dir.path().join("gatepass-data")));
    write_private(&dir.path().join("pw"), b"a long enough password\n").unwrap();
    (dir, server)
}

/// A command run in `dir`, by a user whose home is `home`.
fn here(dir: &Path, home: &Path) -> Command {
    let mut command = gatepass();
    command.current_dir(dir).env("HOME", home).env_remove("XDG_CONFIG_HOME");
    command
}

fn create(dir: &Path, home: &Path, user: &str) -> Command {
    let mut command = here(dir, home);
    command.args(["user", "create", user, "viewer", "--password-file", "pw"]);
    command
}

/// Lets other users write to a directory, and if root runs the test, gives it to one of them.
fn opened_ways(dir: &Path) -> Vec<Box<dyn Fn() + '_>> {
    let mode = move |mode| fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
    let mut ways: Vec<Box<dyn Fn() + '_>> =
        vec![Box::new(move || mode(0o777)), Box::new(move || mode(0o1777))];
    if rustix::process::geteuid().is_root() {
        ways.push(Box::new(move || {
            mode(0o755);
            chown(dir, Some(65_533), None).unwrap();
        }));
    }
    ways
}

#[test]
fn a_server_that_lies_about_gets_no_password() {
    let (dir, server) = beside_a_server();
    let (home, data) = (tempfile::tempdir().unwrap(), dir.path().join("gatepass-data"));
    let own = run(&mut create(dir.path(), home.path(), "own"));
    assert!(own.status.success(), "{}", text(&own));
    assert!(
        text(&own).contains(&format!("server: {}, found in this directory", server.url)),
        "{}",
        text(&own)
    );
    for (number, open) in opened_ways(dir.path()).iter().enumerate() {
        open();
        let user = format!("user-{number}");
        let refused = run(&mut create(dir.path(), home.path(), &user));
        let said = text(&refused);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("is not used") && said.contains("--data-dir ./gatepass-data"), "{said}");
        let consent = run(create(dir.path(), home.path(), &user).arg("--data-dir").arg(&data));
        assert!(consent.status.success(), "no user had been made before: {}", text(&consent));
    }
    assert!(server.stop().success());
}

#[test]
fn a_profile_wins_over_a_server_in_the_directory() {
    let (dir, found) = beside_a_server();
    let (other, known) = beside_a_server();
    let home = tempfile::tempdir().unwrap();
    let mut login = here(other.path(), home.path());
    let fingerprint = known.root.to_string();
    login
        .args(["login", "--server", &known.url, "--ca-fingerprint", &fingerprint])
        .env("GATEPASS_PASSWORD", PASSWORD);
    let login = run(&mut login);
    assert!(login.status.success(), "{}", text(&login));
    let made = run(&mut create(dir.path(), home.path(), "bob"));
    assert!(made.status.success(), "{}", text(&made));
    assert!(text(&made).contains(&format!("server: {}\n", known.url)), "{}", text(&made));
    let users = |data: PathBuf| {
        let mut list = here(dir.path(), home.path());
        text(&run(list.args(["user", "list", "--data-dir"]).arg(data)))
    };
    assert!(users(other.path().join("gatepass-data")).contains("bob"));
    assert!(!users(dir.path().join("gatepass-data")).contains("bob"));
    assert!(found.stop().success() && known.stop().success());
}

#[test]
fn a_refused_credential_names_the_server() {
    let (dir, server) = beside_a_server();
    let home = tempfile::tempdir().unwrap();
    let mut list = here(dir.path(), home.path());
    list.args(["token", "list"]).env("GATEPASS_API_KEY", "gpk_0000000000000000000000000000000000000000");
    let refused = run(&mut list);
    assert!(
        text(&refused).contains(&format!("the server at {} refused (401", server.url)),
        "{}",
        text(&refused)
    );
    assert!(server.stop().success());
}

#[test]
fn a_database_that_lies_about_gets_no_password() {
    let (dir, server) = beside_a_server();
    assert!(server.stop().success());
    let reset = |more: &[&str]| {
        let mut command = here(dir.path(), dir.path());
        command.args(["user", "reset-password", "admin", "--password-file", "pw"]).args(more);
        run(&mut command)
    };
    assert!(reset(&[]).status.success());
    for open in opened_ways(dir.path()) {
        open();
        let refused = reset(&[]);
        let said = text(&refused);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("give --data-dir with its whole path"), "{said}");
        let consent = reset(&["--data-dir", dir.path().join("gatepass-data").to_str().unwrap()]);
        assert!(consent.status.success(), "{}", text(&consent));
    }
}

#[test]
fn a_configuration_that_lies_about_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("gatepass.toml"), "[tokens]\ndefault_ttl = \"7m\"\n").unwrap();
    let check = |more: &[&str]| run(here(dir.path(), dir.path()).arg("check-config").args(more));
    assert!(text(&check(&[])).contains("default_ttl = \"7m\""));
    for open in opened_ways(dir.path()) {
        open();
        let refused = check(&[]);
        let said = text(&refused);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("give --config gatepass.toml") && !said.contains("7m"), "{said}");
        assert!(text(&check(&["--config", "gatepass.toml"])).contains("default_ttl = \"7m\""));
    }
}

#[test]
fn paths_of_a_configuration_begin_at_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let (work, etc) = (dir.path().join("work"), dir.path().join("etc"));
    fs::create_dir(&work).unwrap();
    fs::create_dir(&etc).unwrap();
    fs::write(etc.join("gatepass.toml"), "[server]\ndata_dir = \"data\"\nlisten = \"127.0.0.1:0\"\n")
        .unwrap();
    let serve_there = || {
        let mut command = here(&work, &work);
        command.args(["serve", "--config", "../etc/gatepass.toml"]);
        command
    };
    // As an earlier version left it.
    assert!(Served::start(serve(&work.join("data"))).stop().success());
    let refused = run(&mut serve_there());
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("../etc/data") && said.contains(work.join("data").to_str().unwrap()), "{said}");
    assert!(!etc.join("data").exists(), "no second authority");
    let mut flag = serve_there();
    flag.args(["--data-dir", "data"]);
    assert!(Served::start(flag).stop().success(), "a flag has the last word");

    fs::rename(work.join("data"), etc.join("data")).unwrap();
    assert!(Served::start(serve_there()).stop().success());
    assert!(!work.join("data").exists());
    fs::remove_dir_all(etc.join("data")).unwrap();
    let mut first = serve_there();
    let mut made = first.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(made.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("data directory ")).unwrap();
    let whole = fs::canonicalize(etc.join("data")).unwrap();
    assert!(line.contains(whole.to_str().unwrap()), "{line}");
    made.kill().unwrap();
    made.wait().unwrap();
}
