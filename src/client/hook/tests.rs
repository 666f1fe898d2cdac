use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Stdio};

use rustix::process::{Signal, geteuid};

use super::*;

fn reload() -> Reload {
    Reload { reload_unit: Vec::new(), signal: None, pid_file: None, hook_timeout: Duration::from_secs(60) }
}

fn hook(command: &str, dir: &Path) -> Hook {
    let hooks = Hooks { on_renew: Some(command.to_owned()), reload: reload() };
    let variables = Variables(vec![("LANG".into(), "de_DE.UTF-8".into())]);
    Hook::after_renewal(hooks, dir, variables).unwrap()
}

#[tokio::test]
async fn a_command_sees_a_list_of_variables() {
    let dir = tempfile::tempdir().unwrap();
    let seen = dir.path().join("seen");
    hook(&format!("env > {}", seen.display()), dir.path()).run(std::future::pending()).await.unwrap();
    let text = fs::read_to_string(seen).unwrap();
    let mut names = text.lines().map(|line| line.split('=').next().unwrap()).collect::<Vec<_>>();
    names.sort_unstable();
    // The shell adds PWD, and some shells _ and SHLVL.
    names.retain(|name| !["PWD", "_", "SHLVL"].contains(name));
    assert_eq!(names, ["GATEPASS_CERT_DIR", "LANG", "PATH"]);
    assert!(text.contains(&format!("GATEPASS_CERT_DIR={}", dir.path().display())), "{text}");
}

#[tokio::test]
async fn a_relative_directory_is_absolute_for_a_hook() {
    let hook = hook("case $GATEPASS_CERT_DIR in /*/certs) ;; *) exit 1 ;; esac", Path::new("certs"));
    hook.run(std::future::pending()).await.unwrap();
}

#[tokio::test]
async fn a_failed_hook_is_named_with_its_status() {
    let dir = tempfile::tempdir().unwrap();
    let failed = hook("exit 3", dir.path()).run(std::future::pending()).await.unwrap_err().to_string();
    assert!(failed.contains("--on-renew") && failed.contains('3'), "{failed}");
}

/// Waits until the file is there, and returns its text.
async fn text_of(path: &Path) -> String {
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

fn is_running(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.trim())).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

#[tokio::test]
async fn the_whole_group_of_a_slow_hook_ends() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let script = format!("trap '' TERM; sleep 1000 & echo $! > {}; wait", pid.display());
    let mut slow = hook(&script, dir.path());
    slow.reload.hook_timeout = Duration::from_millis(300);
    let late = slow.run(std::future::pending()).await.unwrap_err();
    assert!(matches!(late, HookError::TooLong { .. }), "{late}");
    let child = text_of(&pid).await;
    while is_running(&child) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // At a stop as at the limit.
    fs::remove_file(&pid).unwrap();
    slow.reload.hook_timeout = Duration::from_secs(1000);
    let stopped = slow.run(async { drop(text_of(&pid).await) }).await.unwrap_err();
    assert!(matches!(stopped, HookError::Stopped { .. }), "{stopped}");
    let child = text_of(&pid).await;
    while is_running(&child) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_process_left_in_the_background_lives_on() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let script = format!("sleep 1000 >/dev/null 2>&1 & echo $! > {}", pid.display());
    hook(&script, dir.path()).run(std::future::pending()).await.unwrap();
    let left = text_of(&pid).await;
    assert!(is_running(&left));
    let left = rustix::process::Pid::from_raw(left.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(left, Signal::KILL).unwrap();
}

#[tokio::test]
async fn every_hook_runs_after_one_has_failed() {
    let dir = tempfile::tempdir().unwrap();
    let mut both = hook("exit 3", dir.path());
    both.reload.signal = Some(HookSignal::parse("usr1").unwrap());
    let service = service();
    both.reload.pid_file = Some(pid_file(dir.path(), &service));
    let failed = both.run(std::future::pending()).await.unwrap_err();
    assert!(matches!(failed, HookError::Failed { .. }), "{failed}");
    assert_eq!(signal_of(service), Some(Signal::USR1.as_raw()), "the signal was sent");
}

/// A process that any signal ends.
fn service() -> Child {
    let mut sleep = std::process::Command::new("sleep");
    sleep.arg("1000").stdout(Stdio::null()).spawn().unwrap()
}

fn signal_of(mut service: Child) -> Option<i32> {
    service.wait().unwrap().signal()
}

fn pid_file(dir: &Path, service: &Child) -> PathBuf {
    let path = dir.join("service.pid");
    fs::write(&path, format!("{}\n/var/lib/service\n", service.id())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    path
}

fn send(path: &Path) -> Result<(), PidFileError> {
    pid_file::send(HookSignal::parse("USR1").unwrap(), path)
}

#[test]
fn a_pid_file_that_others_can_write_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let service = service();
    let path = pid_file(dir.path(), &service);
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for open in [0o666, 0o664, 0o646] {
        mode(&path, open);
        assert!(matches!(send(&path), Err(PidFileError::Untrusted { .. })), "{open:o}");
    }
    mode(&path, 0o644);
    for open in [0o777, 0o775] {
        mode(dir.path(), open);
        assert!(matches!(send(&path), Err(PidFileError::Untrusted { .. })), "directory {open:o}");
    }
    mode(dir.path(), 0o755);
    let link = dir.path().join("link.pid");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(send(&link), Err(PidFileError::Unread { .. })), "a link leads elsewhere");
    send(&path).unwrap();
    assert_eq!(signal_of(service), Some(10), "SIGUSR1 was sent");
}

#[test]
fn a_pid_file_older_than_its_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut stranger = service();
    let path = pid_file(dir.path(), &stranger);
    let file = fs::File::options().write(true).open(&path).unwrap();
    let written = file.metadata().unwrap().modified().unwrap();
    file.set_modified(written - Duration::from_secs(60)).unwrap();
    assert!(matches!(send(&path), Err(PidFileError::Stale { .. })));
    assert_eq!(stranger.try_wait().unwrap(), None, "it got no signal");
    file.set_modified(written).unwrap();
    send(&path).unwrap();
    assert_eq!(signal_of(stranger), Some(10));
}

#[tokio::test]
async fn a_slow_unit_reload_is_left_to_systemd() {
    let dir = tempfile::tempdir().unwrap();
    let (systemctl, seen) = (dir.path().join("systemctl"), dir.path().join("seen"));
    fs::write(&systemctl, format!("#!/bin/sh\necho \"$@\" > {}\nexec sleep 1000\n", seen.display())).unwrap();
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    let reload = Reload { reload_unit: vec![String::from("db.service")], ..reload() };
    let reload = Reload { hook_timeout: Duration::from_millis(500), ..reload };
    let variables = Variables(vec![("PATH".into(), path.into())]);
    let hook = Hook::after_renewal(Hooks { on_renew: None, reload }, dir.path(), variables).unwrap();
    hook.run(std::future::pending()).await.unwrap();
    let called = text_of(&seen).await;
    assert_eq!(called, "--no-ask-password try-reload-or-restart -- db.service\n");
}

#[test]
fn a_pid_file_of_an_ended_process_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut ended = service();
    let path = pid_file(dir.path(), &ended);
    ended.kill().unwrap();
    ended.wait().unwrap();
    assert!(matches!(send(&path), Err(PidFileError::Ended { .. })));
    for wrong in ["", "nginx\n", "0\n", "-1\n", "99999999999\n"] {
        fs::write(&path, wrong).unwrap();
        assert!(matches!(send(&path), Err(PidFileError::NoNumber { .. })), "{wrong:?}");
    }
    fs::remove_file(&path).unwrap();
    assert!(send(&path).unwrap_err().to_string().contains("check that the service runs"));
}

#[test]
fn a_users_pid_file_reaches_only_that_users_processes() {
    let dir = tempfile::tempdir().unwrap();
    if !geteuid().is_root() {
        // Process 1 is root's, and the file the caller's.
        let path = dir.path().join("service.pid");
        fs::write(&path, "1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(send(&path), Err(PidFileError::Untrusted { .. })));
        return;
    }
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut own = std::process::Command::new("sleep");
    let own = own.arg("1000").uid(65_534).gid(65_534).spawn().unwrap();
    let mut roots = service();
    let path = pid_file(dir.path(), &roots);
    std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
    let refused = send(&path).unwrap_err().to_string();
    assert!(refused.contains("any process") && refused.contains("root"), "{refused}");
    assert_eq!(roots.try_wait().unwrap(), None, "root's process got no signal");
    roots.kill().unwrap();
    roots.wait().unwrap();
    fs::write(&path, own.id().to_string()).unwrap();
    send(&path).unwrap();
    assert_eq!(signal_of(own), Some(10));
}

#[test]
fn only_names_of_units_and_signals_are_accepted() {
    for good in ["nginx", "nginx.service", "getty@tty1.service", "dev-disk\\x2d1.device"] {
        assert!(parse_unit(good).is_ok(), "{good}");
    }
    for wrong in ["", "--help", "a b", "a;b", "../x"] {
        assert!(parse_unit(wrong).is_err(), "{wrong}");
    }
    assert_eq!(HookSignal::parse("hup"), HookSignal::parse("SIGHUP"));
    assert_eq!(HookSignal::parse("USR2").unwrap().to_string(), "USR2");
    assert!(HookSignal::parse("KILL").is_err() && HookSignal::parse("9").is_err());
}
