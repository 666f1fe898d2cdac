//! `gatepass service`: units, and their installation on a machine of its own (`unshare`, `chroot`).

mod enrolled;
mod machine;
mod printed;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use self::machine::Machine;
use crate::support::served::complaint;

const RENEW: &str = "etc/systemd/system/gatepass-renew.service";
const TIMER: &str = "etc/systemd/system/gatepass-renew.timer";
const SERVE: &str = "etc/systemd/system/gatepass.service";

#[test]
fn an_installed_service_is_enabled_and_started() {
    let machine = Machine::with_systemd();
    let said = machine.good(&["install", "renew", "--reload-unit", "proxy"]);
    assert!(said.contains("/etc/systemd/system/gatepass-renew.service"), "{said}");
    assert!(said.contains("undo: gatepass service uninstall renew"), "{said}");
    assert_eq!(machine.calls(), ["daemon-reload", "enable --now gatepass-renew.service"]);
    let unit = machine.text(RENEW).unwrap();
    assert!(unit.contains("\nExecStart=/opt/gatepass renew --daemon --reload-unit proxy\n"), "{unit}");
    assert!(unit.contains("\nType=notify\n") && unit.contains("\nRestartPreventExitStatus=77\n"), "{unit}");

    machine.good(&["install", "renew", "--reload-unit", "proxy"]);
    assert_eq!(machine.calls().len(), 4, "the same again changes nothing, and starts a stopped service");
    assert_eq!(machine.text(RENEW).unwrap(), unit);
}

#[test]
fn a_different_unit_is_not_overwritten() {
    let machine = Machine::with_systemd();
    fs::create_dir_all(machine.path("etc/systemd/system")).unwrap();
    let other = "[Service]\nExecStart=/usr/bin/other\n";
    fs::write(machine.path(RENEW), other).unwrap();
    let refused = machine.run(&["install", "renew"]);
    let why = complaint(&refused);
    assert_eq!(refused.status.code(), Some(1), "{why}");
    assert!(why.contains("exists and differs") && why.contains("--force"), "{why}");
    let kept = machine.run(&["uninstall", "renew"]);
    assert_eq!(kept.status.code(), Some(1), "{}", complaint(&kept));
    assert_eq!((machine.text(RENEW).unwrap().as_str(), machine.calls().len()), (other, 0));

    machine.good(&["install", "renew", "--force"]);
    let calls =
        ["disable --now gatepass-renew.service", "daemon-reload", "enable --now gatepass-renew.service"];
    assert_eq!(machine.calls(), calls);
    assert!(machine.text(RENEW).unwrap().contains("/opt/gatepass renew --daemon"));
}

#[test]
fn an_uninstalled_service_leaves_nothing() {
    let machine = Machine::with_systemd();
    machine.good(&["install", "renew", "--timer"]);
    assert_eq!(machine.calls(), ["daemon-reload", "enable --now gatepass-renew.timer"]);
    assert!(machine.text(RENEW).unwrap().contains("ExecStart=/opt/gatepass renew --if-due\n"));
    assert!(machine.text(TIMER).unwrap().contains("\nPersistent=true\n"));
    let asked = machine.run(&["uninstall", "renew"]);
    assert_eq!(asked.status.code(), Some(2), "{}", complaint(&asked));
    assert!(complaint(&asked).contains("Stop gatepass-renew and remove it?"), "{}", complaint(&asked));
    assert_eq!(machine.calls().len(), 2, "nothing was stopped");
    let said = machine.good(&["uninstall", "renew", "--yes"]);
    assert!(said.contains("removed") && said.contains("identity stay"), "{said}");
    let last =
        ["disable --now gatepass-renew.timer", "disable --now gatepass-renew.service", "daemon-reload"];
    assert_eq!(machine.calls()[2..], last);
    assert_eq!((machine.text(RENEW), machine.text(TIMER)), (None, None));
    assert!(machine.good(&["uninstall", "renew"]).contains("is not installed"));
}

#[test]
fn a_proxys_password_is_in_a_file_of_root() {
    let machine = Machine::with_systemd();
    let proxy = ["HTTPS_PROXY=http://user:hunter2@proxy:3128", "NO_PROXY=localhost"];
    let installed = machine.with(&proxy, &["service", "install", "renew"]);
    assert!(installed.status.success(), "{}", complaint(&installed));
    let (unit, file) = (machine.text(RENEW).unwrap(), machine.path("etc/systemd/system/gatepass-renew.env"));
    assert!(unit.contains("\nEnvironmentFile=/etc/systemd/system/gatepass-renew.env\n"), "{unit}");
    assert!(unit.contains("\nEnvironment=NO_PROXY=localhost\n") && !unit.contains("hunter2"), "{unit}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\nHTTPS_PROXY=\"http://user:hunter2@proxy:3128\"\n"), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(machine.calls(), ["daemon-reload", "enable --now gatepass-renew.service"]);
    machine.good(&["uninstall", "renew", "--yes"]);
    assert!(!file.exists());
}

#[test]
fn a_daemon_takes_the_place_of_its_timer() {
    let machine = Machine::with_systemd();
    machine.good(&["install", "renew", "--timer"]);
    let refused = machine.run(&["install", "renew"]);
    assert_eq!(refused.status.code(), Some(1), "two would renew");
    machine.good(&["install", "renew", "--force"]);
    assert_eq!(machine.text(TIMER), None);
    assert!(machine.calls().contains(&"disable --now gatepass-renew.timer".to_owned()));
}

#[test]
fn the_server_gets_a_user_and_directories() {
    let machine = Machine::with_systemd();
    let url = ["--external-url", "https://gate.example.org", "--listen", "0.0.0.0:443"];
    machine.good(&[&["install", "serve"][..], &url].concat());
    let unit = machine.text(SERVE).unwrap();
    for line in [
        "ExecStart=/opt/gatepass serve --listen 0.0.0.0:443 --external-url https://gate.example.org --data-dir /var/lib/gatepass",
        "User=gatepass",
        "StateDirectory=gatepass",
        "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        "LoadCredential=gatepass.admin-password",
        "WatchdogSec=60",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line}:\n{unit}");
    }
    let user = "--system --home-dir /var/lib/gatepass --shell /usr/sbin/nologin gatepass";
    assert_eq!(machine.text("useradd.log").unwrap().trim(), user);

    let elsewhere = ["--data-dir", "/srv/gate", "--unit", "second"];
    machine.good(&[&["install", "serve"][..], &elsewhere].concat());
    assert_eq!(machine.text("useradd.log").unwrap().trim(), user, "an existing user is kept");
    let unit = machine.text("etc/systemd/system/second.service").unwrap();
    assert!(unit.contains("\nReadWritePaths=/srv/gate\n") && !unit.contains("StateDirectory"), "{unit}");
    assert!(machine.path("srv/gate").is_dir());
    let unknown = machine.run(&["install", "serve", "--user", "nobody-there", "--unit", "third"]);
    assert!(complaint(&unknown).contains("useradd --system"), "{}", complaint(&unknown));
}

#[test]
fn a_wrong_configuration_is_not_installed() {
    let machine = Machine::with_systemd();
    for (flags, why) in [
        (&["--listen", "nowhere"][..], "--listen"),
        (&["--dev"], "--dev"),
        (&["--admin-password-file", "/pw"], "/etc/credstore/gatepass.admin-password"),
        (&["--set", "server.data_dir=data"], "whole path"),
    ] {
        let refused = machine.run(&[&["install", "serve"][..], flags].concat());
        assert_eq!(refused.status.code(), Some(2), "{flags:?}: {}", complaint(&refused));
        assert!(complaint(&refused).contains(why), "{flags:?}: {}", complaint(&refused));
    }
    assert_eq!((machine.calls().len(), machine.text(SERVE)), (0, None));
}

#[test]
fn a_machine_without_systemd_gets_a_remedy() {
    let machine = Machine::new();
    let refused = machine.run(&["install", "renew"]);
    let why = complaint(&refused);
    assert_eq!(refused.status.code(), Some(1), "{why}");
    assert!(why.contains("systemd does not run") && why.contains("gatepass service print renew"), "{why}");
    assert_eq!(machine.text(RENEW), None);
}

#[test]
fn an_image_gets_units_alone() {
    let machine = Machine::new();
    let said = machine.good(&["install", "serve", "--unit-dir", "/image", "-o", "json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["files"][0], "/image/gatepass.service");
    assert_eq!((&said["started"], machine.calls().len()), (&false.into(), 0));
    assert!(machine.text("image/gatepass.service").unwrap().contains("\nUser=gatepass\n"));
    assert_eq!(machine.text("useradd.log"), None);
    machine.good(&["uninstall", "serve", "--unit-dir", "/image"]);
    assert_eq!(machine.text("image/gatepass.service"), None);
}

#[test]
fn a_service_that_does_not_start_is_reported() {
    let machine = Machine::with_systemd();
    fs::write(machine.path("fail"), "enable").unwrap();
    let failed = machine.run(&["install", "renew"]);
    let why = complaint(&failed);
    assert_eq!(failed.status.code(), Some(1), "{why}");
    assert!(why.contains("journalctl --unit gatepass-renew.service"), "{why}");
}
